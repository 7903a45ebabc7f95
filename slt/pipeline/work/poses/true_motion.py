"""Work of a stage: the true motion of a rendered corpus normalised, as a translator reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skeletor.io.store import open_store, write_store
from skeletor.poses.normalise import normalise


def normalise_truth(root: Path, parts: Sequence[str], out: Path) -> None:
    """The stores `root/truth/<part>/` in shoulder widths, into `out/<part>/`."""
    for part in parts:
        truth = open_store(root / "truth" / part)
        write_store(out / part, ((name, normalise(truth[name])) for name in sorted(truth)))
