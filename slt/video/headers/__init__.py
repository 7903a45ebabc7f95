"""What a video file says of itself in its own bytes, read without FFmpeg, which passes it over or misreads it."""
