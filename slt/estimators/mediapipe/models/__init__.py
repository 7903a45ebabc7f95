"""MediaPipe's models: where they lie, which there are by name, and how they are made to take less time."""
