"""What a file from outside is, told by its bytes, whatever its name or its sender says."""
