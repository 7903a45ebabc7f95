"""The founders' data, where they are."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def shared() -> Path:
    """The real annotation's folder of data; skips where it is absent."""
    folder = Path(__file__).parents[4] / "shared" / "data"
    if not (folder / "phoenix14t_annotations").is_dir():
        pytest.skip(f"{folder} is absent")
    return folder
