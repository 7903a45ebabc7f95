"""Files of poses that are read and never written: a module a format."""
