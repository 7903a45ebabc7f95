"""Imported by Python itself in processes that a command with a fault spawns."""

from tests.hardening.faults import install_from_environment

install_from_environment()
