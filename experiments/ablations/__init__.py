"""Ablations: one change at a time, to the network of the refiner, the chain, its input, and its baselines."""
