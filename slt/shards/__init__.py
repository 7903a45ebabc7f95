"""A corpus stage over any number of clips: shards in, shards out, on this machine, Slurm or Ray."""
