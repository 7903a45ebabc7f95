"""Work of a stage: the 2D poses of all parts refined."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from skeletor.refiners2d.key_frames import OnKeyFrames
from skeletor.refiners2d.registry import Refine2DOptions, build_refiner_2d
from slt.pipeline.mapping import Spread, map_stores


def refine_parts_2d(
    parts: Mapping[str, Path], config: Refine2DOptions, workers: int, out: Path, spread: Spread | None = None
) -> None:
    """Refine each store of 2D poses (name -> folder), in pixels, into `out/<name>/`."""
    folders = {folder: out / name for name, folder in parts.items()}
    map_stores(folders, partial(_refiner, config), "refine2d", workers, spread)


def _refiner(config: Refine2DOptions) -> OnKeyFrames:
    return OnKeyFrames(build_refiner_2d(config))
