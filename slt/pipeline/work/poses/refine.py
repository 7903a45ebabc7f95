"""Work of a stage: the 3D poses of a row refined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from skeletor.refiners.registry import RefineOptions, build_refiner
from slt.pipeline.mapping import Spread, map_stores


def refine_parts(
    lifted: Path,
    parts: Sequence[str],
    config: RefineOptions,
    name: str,
    workers: int,
    out: Path,
    spread: Spread | None = None,
) -> None:
    """Refine the stores `lifted/<part>/`, 3D in shoulder widths, into `out/<part>/`. name: of the row, for the log."""
    folders = {lifted / part: out / part for part in parts}
    map_stores(folders, partial(build_refiner, config), name, workers, spread)
