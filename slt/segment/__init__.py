"""Long recordings: where somebody signs, and what was understood there as subtitles."""
