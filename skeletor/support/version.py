"""Which version this is. It is written in pyproject.toml alone; what is installed tells it."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "skeletor-slt"


def version() -> str:
    """The version of the installed distribution; "unknown" where the source runs without being installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"
