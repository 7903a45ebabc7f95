"""Clips that a training learns from: in memory, packed into frames, or gone through in shards of poses."""
