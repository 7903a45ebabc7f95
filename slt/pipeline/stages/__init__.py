"""The stages of a run that have more than one step: each prepares the values and inputs of its `work`."""
