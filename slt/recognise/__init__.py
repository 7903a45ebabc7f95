"""Recognition: 3D poses in, glosses out."""
