"""Files that a server has to translate."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from skeletor.io.formats import write_pose
from tests.hardening.made.poses import pose_2d
from tests.hardening.made.signers import signing_video


def poses(folder: Path, frames: int = 30) -> bytes:
    """A clip of key points of someone whose hands move."""
    return _poses(folder, frames)


def video(folder: Path, number: int = 0, frames: int = 8) -> bytes:
    """A video of a rendered signer."""
    path = folder / f"v{number}_{frames}.mp4"
    signing_video(path, number, frames)
    return path.read_bytes()


@lru_cache(maxsize=64)
def _poses(folder: Path, frames: int) -> bytes:
    path = folder / f"p{frames}.safetensors"
    write_pose(pose_2d(np.random.default_rng(frames), frames), path)
    return path.read_bytes()
