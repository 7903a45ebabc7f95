"""What the system does with bad input, sudden ends and full disks: cases, and how many of them fail.

`python -m experiments.hardening` (or `make hardening`) runs all suites; `suites/` has one module for each. Every case
is drawn from the seed: the same seed gives the same cases. Inputs of cases that fail stay in the work folder.
"""
