"""Files of poses: one module per format; `formats` chooses by the suffix."""
