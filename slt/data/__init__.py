"""Data sets in PHOENIX14T's layout: read, checked, counted."""
