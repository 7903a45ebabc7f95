"""Containers of other libraries, never written: opened so that nothing else is read, run, or unfolded without limit."""
