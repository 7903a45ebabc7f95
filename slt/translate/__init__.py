"""The translator: skeletons to German."""
