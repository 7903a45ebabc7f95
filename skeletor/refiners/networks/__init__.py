"""The networks that refine, each on a screen or two."""
