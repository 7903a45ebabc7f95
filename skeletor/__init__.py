"""Skeletor: skeletons of signers, their files, and their repair. Imports nothing of `slt`."""
