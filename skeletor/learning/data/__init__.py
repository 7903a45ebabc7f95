"""Clips that a training reads while it goes on: shards of poses, on a disk or in an object store."""
