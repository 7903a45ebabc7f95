"""The pose sequence, its skeleton, and what is measured on it."""
