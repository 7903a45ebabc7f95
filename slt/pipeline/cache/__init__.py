"""The cache of stages: a stage is skipped when its inputs, config and code are the same."""
