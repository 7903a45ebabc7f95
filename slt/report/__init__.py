"""The page of a finished run: the table as a plot, learning curves, errors by joint, best and worst clips."""
