"""Work of a stage: the 2D poses of all parts lifted to 3D."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from skeletor.lifters.registry import LiftOptions, build_lifter
from slt.pipeline.mapping import Spread, map_stores


def lift_parts(
    parts: Mapping[str, Path], config: LiftOptions, workers: int, out: Path, spread: Spread | None = None
) -> None:
    """Lift each store of 2D poses (name -> folder), in pixels, into `out/<name>/`, 3D in shoulder widths."""
    folders = {folder: out / name for name, folder in parts.items()}
    map_stores(folders, partial(build_lifter, config), "lift", workers, spread)
