"""A page on this machine: a video goes in, and its joints and sentences can be looked at. Nothing is sent elsewhere."""
