"""How a program of this house runs: errors, config, commands, progress, devices, workers. Knows nothing of poses."""
