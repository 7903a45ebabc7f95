"""Long takes: where somebody signs in them, and what their subtitles are worth."""
