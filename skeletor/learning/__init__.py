"""What trainings share: frames, windows and batches of them, corruption, checkpoints."""
