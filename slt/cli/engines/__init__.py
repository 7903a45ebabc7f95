"""`--executor`: the work of a command by processes here, by Slurm or by Ray."""
