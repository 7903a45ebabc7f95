"""Readers for the files in which the field shares Human3.6M and MPI-INF-3DHP."""
