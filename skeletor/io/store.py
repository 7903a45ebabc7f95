"""Stores: folders of pose shards, the form of a corpus of poses on disk."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from skeletor.io import native
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError

CHUNK = 128


def open_store(folder: Path) -> Mapping[str, PoseSequence]:
    """All clips of a folder of shards, by name, in order of the files; read lazily.

    A folder without shards holds no clips. Raises InputError if a shard is damaged, or a clip is in two of them.
    """
    shards = [native.open_shard(file) for file in sorted(folder.glob("*.safetensors"))]
    clips: ChainMap[str, PoseSequence] = ChainMap(*reversed(shards))  # type: ignore[arg-type]
    if len(clips) != sum(len(shard) for shard in shards):
        places = Counter(name for shard in shards for name in shard)
        name = next(name for name, count in places.items() if count > 1)
        raise InputError(f"{folder}: clip {name!r} is in {places[name]} files; remove those that do not belong there")
    return clips


def write_store(folder: Path, poses: Iterable[tuple[str, PoseSequence]], chunk: int = CHUNK) -> None:
    """Write (name, pose (T, J, D)) pairs into shards of `chunk` clips each: 00000.safetensors, 00001.safetensors, ...

    Raises InputError as `native.write_shard` does.
    """
    iterator = iter(poses)
    for number, part in enumerate(iter(lambda: list(islice(iterator, chunk)), [])):
        native.write_shard(dict(part), folder / f"{number:05d}.safetensors")
