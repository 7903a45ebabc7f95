"""Work of a stage: the 3D poses of a row refined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from skeletor.refiners.registry import RefineOptions, build_refiner
from slt.pipeline.mapping import map_stores


def refine_parts(lifted: Path, parts: Sequence[str], config: RefineOptions, name: str, workers: int, out: Path) -> None:
    """Refine the stores `lifted/<part>/`, 3D in shoulder widths, into `out/<part>/`. name: of the row, for the log."""
    map_stores({lifted / part: out / part for part in parts}, partial(build_refiner, config), name, workers)
