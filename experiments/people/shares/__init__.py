"""Errors of repair on real people as shares of the fairest smoother's."""
