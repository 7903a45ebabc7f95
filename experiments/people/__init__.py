"""Lifters and repair judged on real people whom nobody drew."""
