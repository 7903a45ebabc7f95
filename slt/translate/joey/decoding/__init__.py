"""From encoded sources to sentences: searches, draws, and the choice of beam size and length penalty."""
