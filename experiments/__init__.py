"""Experiments: tables, ablations and benchmarks, each known by name: `python -m experiments --list`."""
