"""A detector's errors, learned from examples and made again."""
