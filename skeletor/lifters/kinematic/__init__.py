"""Inverse kinematics: Zelinka's as published (`reference`), and batched (`fast`)."""
