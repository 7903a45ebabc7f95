"""Corpora: the rendered signer, and PHOENIX14T's layout."""
