"""Frames of many clips on disk for training: shards of half-precision positions, read from mapped memory.

A folder of safetensors files `00000.safetensors`, ... with the tensors "keypoints" (F, J, D) float16, "confidence"
(F, C) uint8 (3 bits a joint, see `skeletor.learning.data.quantise`) and "stops" (clips,) int64, where each clip of the
shard ends; with degraded versions also "worse_keypoints" and "worse_confidence". `frames.json`, written last, makes
it whole.

A frame of 50 joints in 3D takes 319 bytes, a clip 8 more: 25 million frames are 8.0 GB (7.4 GiB). What is lost:
positions keep 11 bits (at most 0.0005 shoulder widths between 1 and 2, 0.2 mm), confidences 3 bits; a missing joint
and one of confidence 0 at a known position can only be told apart by the position not being 0.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.outside import checked_fps, existing_file, reading
from skeletor.io.native import skeleton_from_json
from skeletor.learning.data.quantise import packed_bytes
from skeletor.learning.data.windows import ClipIndex, FrameSource
from skeletor.poses.pose import UNITS
from skeletor.poses.skeleton import SKELETONS, Skeleton
from skeletor.support.errors import InputError

FORMAT, VERSION = "skeletor.frames", "1"
MARKER = "frames.json"
KINDS = {"F16": np.float16, "U8": np.uint8, "I64": np.int64}
# Mapped pages that were read count as memory of the process until they are given back, which costs next to nothing.
RELEASE_BYTES = 32 << 20
PAGES = 64 << 10  # the kernel maps this much around each place that is touched


@dataclass(frozen=True)
class FrameForm:
    """What all clips of a store have in common."""

    skeleton: Skeleton
    dims: int
    fps: float
    units: str
    degraded: bool


class _Shard:
    """One file, mapped. Arrays are views of the mapped memory."""

    def __init__(self, path: Path) -> None:
        what = "shard of frames; pack it again"
        existing_file(path, what)  # a pipe would block
        with reading(path, what):
            with open(path, "rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            (size,) = struct.unpack("<Q", self._map[:8])
            header: dict[str, Any] = json.loads(self._map[8 : 8 + size])
            header.pop("__metadata__", None)
            _check_cover(header, len(self._map) - 8 - size)
            self.arrays = {name: self._array(about, 8 + size) for name, about in header.items()}
        self._advise("MADV_RANDOM")  # windows are small and anywhere: reading ahead would only cost

    def _array(self, about: Mapping[str, Any], base: int) -> np.ndarray:
        kind = np.dtype(KINDS[about["dtype"]])
        begin, end = about["data_offsets"]
        return np.frombuffer(self._map, kind, (end - begin) // kind.itemsize, base + begin).reshape(about["shape"])

    def release(self) -> None:
        """Give the pages back; they stay in the kernel's cache and come again when they are touched."""
        self._advise("MADV_DONTNEED")

    def _advise(self, name: str) -> None:
        if hasattr(mmap, name):  # not on Windows
            self._map.madvise(getattr(mmap, name))


class FrameStore(FrameSource):
    """A packed folder as a training draws from it; memory does not grow with what was read."""

    def __init__(self, form: FrameForm, shards: Sequence[_Shard], index: ClipIndex, digest: str) -> None:
        self.form, self._shards, self.index, self._digest = form, shards, index, digest
        self.has_degraded = form.degraded
        self._ends = np.cumsum([len(shard.arrays["keypoints"]) for shard in shards])
        self._touched = 0

    def rows(self, frames: np.ndarray, degraded: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """(B, N) -> (B, N, J, D) float16 and (B, N, C) uint8."""
        joints = len(self.form.skeleton)
        points = np.empty((*frames.shape, joints, self.form.dims), np.float16)
        confidence = np.empty((*frames.shape, packed_bytes(joints)), np.uint8)
        shard_of = np.searchsorted(self._ends, frames[:, 0], side="right")
        prefix = "worse_" if degraded else ""
        for number in np.unique(shard_of):
            arrays, mine = self._shards[number].arrays, shard_of == number
            local = frames[mine] - (self._ends[number] - len(arrays["keypoints"]))
            points[mine] = arrays[f"{prefix}keypoints"][local]
            confidence[mine] = arrays[f"{prefix}confidence"][local]
        self._touched += points.nbytes + confidence.nbytes + 2 * PAGES * len(frames)
        if self._touched > RELEASE_BYTES:
            self._touched = 0
            for shard in self._shards:
                shard.release()
        return points, confidence

    def subset(self, clips: Sequence[int]) -> FrameStore:
        """The same files, windows of some clips only."""
        return FrameStore(self.form, self._shards, self.index.subset(clips), self._digest)

    def digest(self) -> str:
        """SHA-256, 16 hex digits, of the files' hashes, noted when they were packed, and of the chosen clips."""
        sha = hashlib.sha256(self._digest.encode())
        sha.update(np.ascontiguousarray(self.index.starts).data)
        return sha.hexdigest()[:16]


def is_packed(folder: Path) -> bool:
    """Whether the folder is a finished store of frames: it has `frames.json`."""
    return (folder / MARKER).is_file()


def read_marker(folder: Path) -> dict[str, Any]:
    """The content of `frames.json`. Raises InputError if it is missing or damaged."""
    if not is_packed(folder):
        raise InputError(f"{folder}: no whole store of frames, {MARKER} is missing; run skeletor pack again")
    with reading(folder / MARKER, "store of frames; run skeletor pack again"):
        text = existing_file(folder / MARKER, "store of frames").read_text(encoding="utf-8")
        about: dict[str, Any] = json.loads(text)
        if (about["format"], about["version"]) != (FORMAT, VERSION):
            raise InputError(f"{folder / MARKER}: not a store of frames of format {FORMAT} {VERSION}; pack it again")
        return about


def open_frames(folder: Path | str) -> FrameStore:
    """Open a folder that `skeletor pack` wrote. Raises InputError if it is not whole or damaged."""
    folder = Path(folder)
    about = read_marker(folder)
    with reading(folder / MARKER, "store of frames; run skeletor pack again"):
        form = form_from_json(about["form"])
        shards = []
        for entry in about["shards"]:
            path = _inside(folder, entry["file"])
            if not path.is_file() or path.stat().st_size != entry["bytes"]:
                raise InputError(f"{path}: missing, or not as it was written; run skeletor pack again")
            shards.append(_Shard(path))
            _check(shards[-1], form, path)
            if entry["frames"] != len(shards[-1].arrays["keypoints"]):
                raise InputError(f"{path}: holds not the frames that were written; run skeletor pack again")
        if not shards:
            raise InputError("holds no shards; run skeletor pack again")
        digest = hashlib.sha256("".join(entry["sha256"] for entry in about["shards"]).encode()).hexdigest()
    starts, stops, base = [], [], 0
    for shard in shards:
        ends = np.array(shard.arrays["stops"])
        starts.append(base + np.concatenate([np.zeros(1, np.int64), ends[:-1]]))
        stops.append(base + ends)
        base += len(shard.arrays["keypoints"])
    return FrameStore(form, shards, ClipIndex(np.concatenate(starts), np.concatenate(stops)), digest)


def form_to_json(form: FrameForm) -> dict[str, Any]:
    """The form as plain values for JSON.

    A skeleton of `SKELETONS` is given by its name, any other by its definition.
    """
    from skeletor.io.native import skeleton_to_json

    known = SKELETONS.get(form.skeleton.name) == form.skeleton
    skeleton = form.skeleton.name if known else json.loads(skeleton_to_json(form.skeleton))
    return {
        "skeleton": skeleton,
        "dims": form.dims,
        "fps": form.fps,
        "units": form.units,
        "degraded": form.degraded,
    }


def form_from_json(raw: Mapping[str, Any]) -> FrameForm:
    """Inverse of `form_to_json`. Raises KeyError, TypeError, ValueError or InputError if `raw` is no such form."""
    skeleton, units, degraded = raw["skeleton"], raw["units"], raw["degraded"]
    known = SKELETONS[skeleton] if isinstance(skeleton, str) else skeleton_from_json(json.dumps(skeleton))
    if raw["dims"] not in (2, 3) or units not in UNITS or type(degraded) is not bool:
        raise ValueError(f"form of {raw['dims']} dimensions in {units!r}")
    return FrameForm(known, int(raw["dims"]), checked_fps(Path(MARKER), float(raw["fps"])), units, degraded)


def _inside(folder: Path, name: str) -> Path:
    """A file of the folder itself: neither a path to elsewhere nor a link that leads out of it."""
    path = folder / name
    if path.name != name or path.resolve().parent != folder.resolve():
        raise InputError(
            f"{folder / MARKER}: names {name!r}, which does not lie in the folder; run skeletor pack again"
        )
    return path


def _check_cover(header: Mapping[str, Any], size: int) -> None:
    """ValueError unless the tensors lie one after the other and fill what is behind the header."""
    end = 0
    for begin, stop in sorted(about["data_offsets"] for about in header.values()):
        if begin != end or stop < begin:
            raise ValueError("its tensors do not lie one after the other")
        end = stop
    if end != size:
        raise ValueError(f"its header says {end} bytes, there are {size}")


def _check(shard: _Shard, form: FrameForm, path: Path) -> None:
    """InputError if the arrays are not what the form says."""
    joints = len(form.skeleton)
    want = {"keypoints": (joints, form.dims), "confidence": (packed_bytes(joints),)}
    if form.degraded:
        want |= {f"worse_{name}": shape for name, shape in want.items()}
    frames = len(shard.arrays.get("keypoints", ()))
    stops = shard.arrays.get("stops", np.zeros(0, np.int64))
    fits = all(name in shard.arrays and shard.arrays[name].shape == (frames, *shape) for name, shape in want.items())
    if not fits or not len(stops) or stops[-1] != frames or (np.diff(stops, prepend=0) <= 0).any():
        raise InputError(f"{path}: does not fit {path.parent / MARKER}; run skeletor pack again")
