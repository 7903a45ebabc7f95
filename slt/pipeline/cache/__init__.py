"""Stages that are skipped when their inputs, config and code are the same."""
