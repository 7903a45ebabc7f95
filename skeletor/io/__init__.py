"""Files of poses: one reader and one writer for all formats."""
