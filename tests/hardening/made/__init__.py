"""Inputs made at run time: videos, files of poses, model folders, and what is wrong with them."""
