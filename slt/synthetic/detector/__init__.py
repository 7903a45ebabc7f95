"""A model of a detector's errors: learned from examples, and simulated."""
