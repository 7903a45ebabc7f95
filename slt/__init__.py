"""From a video of someone signing to a written sentence."""
