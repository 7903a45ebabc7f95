"""What is written of a recording: subtitles as text, and ELAN's annotation, both of `cues`."""
