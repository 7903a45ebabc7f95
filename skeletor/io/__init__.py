"""Files of poses: a module a format; `formats` chooses by the suffix."""
