"""A trained refiner in use: on whole clips (`windowed`), frame by frame (`stream`), and within a bound (`trust`)."""
