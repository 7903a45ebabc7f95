"""Folders of pose shards: what a corpus of poses is on disk."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from skeletor.io import native
from skeletor.pose import PoseSequence

CHUNK = 128


def open_store(folder: Path) -> Mapping[str, PoseSequence]:
    """All clips of a folder of shards, by name, in order of the files; read lazily."""
    files = sorted(folder.glob("*.safetensors"))
    return ChainMap(*(native.open_shard(file) for file in reversed(files)))  # type: ignore[arg-type]


def write_store(folder: Path, poses: Iterable[tuple[str, PoseSequence]], chunk: int = CHUNK) -> None:
    """Write clips into shards of `chunk` clips each."""
    iterator = iter(poses)
    for number, part in enumerate(iter(lambda: list(islice(iterator, chunk)), [])):
        native.write_shard(dict(part), folder / f"{number:05d}.safetensors")
