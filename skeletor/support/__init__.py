"""Support of all programs: errors, config, commands, progress, devices, workers. Knows nothing of poses."""
