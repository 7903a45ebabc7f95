"""Key points: 10,000 damaged files for every reader. It refuses in one line, or reads every value where it was."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.hardening.case import Case, Context, Suite, single
from tests.hardening.children import Reply
from tests.hardening.made.mutations import Mutation, mutate
from tests.hardening.made.poses import MAKERS, Original, original

FULL = 10_000
_VARIANTS = 12
_SLACK = 2  # values beside the touched ones
Clips = dict[str, tuple[np.ndarray, tuple[str, ...]]]  # name -> points (T, J, D), names of the joints


def suite() -> Suite:
    """The suite."""
    return Suite("key points", "only one-line errors, 0 silent misalignments, no case above 5 s or 1 GB", _cases)


def _cases(context: Context) -> Iterator[Case]:
    for reader in MAKERS:
        for index in range(context.count(FULL)):
            yield single(f"{reader} {index}", lambda reader=reader, index=index: _check(context, reader, index))  # type: ignore[misc]


def _check(context: Context, reader: str, index: int) -> str:
    reply = context.server().call(attempt, reader, context.seed, index, context.folder("running"))
    reason = judge(reply)
    if reason:
        keep(reader, context.seed, index, context.folder("failed", reader.replace(" ", "_"), str(index)))
    return reason


def judge(reply: Reply) -> str:
    """What is wrong with what a reader did, or ""."""
    if reply.excess:
        return reply.excess
    if reply.error is None:
        return str(reply.value or "")
    name, text = reply.error["types"][0], reply.error["text"]
    if "SkeletorError" not in reply.error["types"]:
        return f"{name}: {' '.join(text.split())[:150]}"
    return f"an error of {len(text.splitlines())} lines" if len(text.splitlines()) != 1 else ""


def draw(reader: str, seed: int, index: int) -> tuple[Original, Mutation]:
    """The sound file and what is done to it, of a case."""
    rng = random.Random(f"{reader} {seed} {index}")
    source = original(reader, rng.randrange(_VARIANTS), seed)
    return source, mutate(source.content, source.spans, source.text, rng)


def attempt(reader: str, seed: int, index: int, folder: Path) -> str:
    """Write the damaged file of a case, read it, and compare with the sound one."""
    source, mutation = draw(reader, seed, index)
    path = _write(source, mutation.content, folder, _place(reader, source))
    try:
        found = READERS[reader](path)
    finally:
        if source.others:
            (path / source.name).write_bytes(source.content)
    return compare(_sound(reader, source, folder), found, mutation)


def _place(reader: str, source: Original) -> str:
    """A name of its own for each sound file and process; the files beside it stay as they are."""
    return f"{reader.replace(' ', '_')}-{zlib.crc32(source.content)}-{os.getpid()}"


def keep(reader: str, seed: int, index: int, folder: Path) -> None:
    """Write the damaged file of a case to stay."""
    source, mutation = draw(reader, seed, index)
    _write(source, mutation.content, folder, "case")


def compare(sound: Clips, found: Clips, mutation: Mutation) -> str:
    """What was read wrong without a word, or ""; values that a reader cannot know to be changed are let off."""
    if len(found) != len(sound):
        return f"{mutation.kind}: {len(found)} clips in silence, there are {len(sound)}"
    renamed = dict(zip(sound, found, strict=True)) if set(sound) != set(found) else {name: name for name in sound}
    differ = 0
    for name, (points, joints) in sound.items():
        read, labels = found[renamed[name]]
        if len(read) != len(points):
            return f"{mutation.kind}: {len(read)} frames in silence, there are {len(points)}"
        columns = [(a, labels.index(joint)) for a, joint in enumerate(joints) if joint in labels]
        if not columns and read.shape[1] == points.shape[1]:  # renamed joints keep their places
            columns = [(k, k) for k in range(points.shape[1])]
        dims = min(points.shape[2], read.shape[2])
        ours, theirs = points[:, [a for a, _ in columns], :dims], read[:, [b for _, b in columns], :dims]
        both = np.isfinite(ours) & np.isfinite(theirs)
        differ += int((np.abs(ours - theirs, where=both, out=np.zeros_like(ours)) > 1e-6).sum())
    if differ > mutation.touched + _SLACK:
        return f"{mutation.kind}: {differ} values differ in silence, {mutation.touched} were touched"
    return ""


def _write(source: Original, content: bytes, folder: Path, name: str) -> Path:
    path = folder / f"{name}{source.suffix}"
    if not source.others:
        path.write_bytes(content)
        return path
    path.mkdir(exist_ok=True)
    _write_others(path, source.others)
    (path / source.name).write_bytes(content)
    return path


@lru_cache(maxsize=256)
def _write_others(path: Path, others: tuple[tuple[str, bytes], ...]) -> None:
    """The sound files beside the damaged one; once, as long as the same ones are asked for."""
    for name, data in others:
        (path / name).write_bytes(data)


@lru_cache(maxsize=64)
def _sound(reader: str, source: Original, folder: Path) -> Clips:
    """What the reader makes of the sound file."""
    clips = READERS[reader](_write(source, source.content, folder, f"{_place(reader, source)}-sound"))
    if not clips or any(not np.isfinite(points).any() for points, _ in clips.values()):
        raise AssertionError(f"{reader}: the sound file is not read")
    return clips


def _read_poses(path: Path) -> Clips:
    from skeletor.io.formats import read_poses

    poses: Mapping[str, Any] = read_poses(path)
    return {name: (poses[name].keypoints, poses[name].skeleton.joints) for name in poses}


def _read_npz(path: Path) -> Clips:
    from skeletor.lifters.benchmarks.safe_npz import read_npz

    arrays = {name: np.asarray(array) for name, array in read_npz(path).items()}
    return {name: (array, ()) for name, array in arrays.items() if array.ndim == 3}


def _read_arms(path: Path) -> Clips:
    from skeletor.lifters.learned.mocap import read_mocap

    read_mocap.cache_clear()
    return {name: (pose.keypoints, pose.skeleton.joints) for name, pose in read_mocap(str(path)).sequences.items()}


READERS: dict[str, Callable[[Path], Clips]] = {name: _read_poses for name in MAKERS} | {
    "npz": _read_npz,
    "npz of arms": _read_arms,
}
