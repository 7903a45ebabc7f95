"""Experiments and benchmarks: each is a module with a `main`, run as `python -m experiments.<name>`."""
