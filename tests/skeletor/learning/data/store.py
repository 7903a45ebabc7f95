"""Shards of small clips, in folders as `slt shards` makes them or in fsspec's memory."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from skeletor.io import native
from skeletor.poses.pose import PoseSequence
from tests.skeletor.refiners.tiny import clips


def lengths(count: int, seed: int = 0) -> list[int]:
    """Frames of clips: some are shorter than any window."""
    return [int(n) for n in np.random.default_rng(seed).integers(1, 60, count)]


def poses(count: int, seed: int = 0) -> list[PoseSequence]:
    """Clips of which each frame can be told from all others."""
    made = clips(count, seed, frames=60)
    return [pose.frames(0, n) for pose, n in zip(made, lengths(count, seed), strict=True)]


def write_shards(folder: Path, made: list[PoseSequence], each: int) -> Path:
    """`folder`/shards/0000/0000000.safetensors, ...: `each` clips in one. Names are not in the order of the clips."""
    for first in range(0, len(made), each):
        part = {f"c{(7 * k) % 10}-{first + k}": pose for k, pose in enumerate(made[first : first + each])}
        native.write_shard(part, folder / "shards" / "0000" / f"{first // each:07d}.safetensors")
    return folder


@contextmanager
def in_memory(folder: Path) -> Iterator[str]:
    """The files of a folder below a URL of fsspec's memory; they are gone after the block."""
    import fsspec

    store, url = fsspec.filesystem("memory"), f"memory://{uuid.uuid4().hex}"
    for path in folder.rglob("*.safetensors"):
        store.pipe_file(f"{url}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    try:
        yield url
    finally:
        store.rm(url, recursive=True)
        shutil.rmtree(folder)
