"""Work of a stage: the 2D poses of all parts refined."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from skeletor.refiners2d.key_frames import OnKeyFrames
from skeletor.refiners2d.registry import Refine2DOptions, build_refiner_2d
from slt.pipeline.mapping import map_stores


def refine_parts_2d(parts: Mapping[str, Path], config: Refine2DOptions, workers: int, out: Path) -> None:
    """Refine each store of 2D poses (name -> folder), in pixels, into `out/<name>/`."""
    map_stores({folder: out / name for name, folder in parts.items()}, partial(_refiner, config), "refine2d", workers)


def _refiner(config: Refine2DOptions) -> OnKeyFrames:
    return OnKeyFrames(build_refiner_2d(config))
