"""The trained system in use: from a video to a sentence, a picture, or a score."""
