"""Ablations of the whole chain: one change at a time to a run's config, judged by the translation."""
