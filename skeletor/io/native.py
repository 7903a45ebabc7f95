"""The native format: safetensors files of one or many clips, read lazily from mapped memory.

Tensors "<name>/keypoints" (T, J, D) float32 or float16, and "<name>/confidence" (T, J). The header's metadata
holds, as JSON, "clip:<name>" -> fps, skeleton and provenance, and "skeleton:<name>" -> the whole definition of a
skeleton that is not one of `SKELETONS`. The files can be opened with any safetensors reader.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from skeletor.files.outside import checked_fps, existing_file, reading
from skeletor.files.tensors import save_tensors
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SKELETONS, Skeleton
from skeletor.support.errors import InputError, printable

FORMAT = "skeletor.pose"
VERSION = "1"
WHAT = "safetensors file of poses"
_HALF_LIMIT = 2048.0  # from here on neighbouring float16 numbers are 2 apart
FLOATS = ("F16", "F32", "F64")
_MOST_PIXELS = 1 << 16  # of a picture's side, as headers may say it


@dataclasses.dataclass(frozen=True)
class ClipAbout:
    """What a header says of one clip, beside its tensors."""

    fps: float
    skeleton: Skeleton
    provenance: Provenance


@dataclasses.dataclass(frozen=True)
class ShardAbout:
    """What a header says of its clips: JSON by clip, and the skeletons by name."""

    clips: Mapping[str, str]
    skeletons: Mapping[str, Skeleton]

    @staticmethod
    def of(metadata: Mapping[str, str], tensors: Collection[str]) -> ShardAbout:
        """From a file's metadata and the names of its tensors.

        InputError if it is no file of poses, or clips and tensors do not fit: a damaged name must not make a clip
        vanish. ValueError, TypeError or KeyError if a skeleton is none.
        """
        if metadata.get("format") != FORMAT or metadata.get("version") != VERSION:
            raise InputError(f"a safetensors file, but not one of poses (format {FORMAT} {VERSION})")
        clips = {key[5:]: text for key, text in metadata.items() if key.startswith("clip:")}
        own = {key[9:]: skeleton_from_json(text) for key, text in metadata.items() if key.startswith("skeleton:")}
        odd = set(tensors) ^ {f"{name}/{kind}" for name in clips for kind in ("keypoints", "confidence")}
        if odd:
            raise InputError(f"tensors and clips in its header do not fit ({min(odd)!r}): damaged")
        return ShardAbout(clips, SKELETONS | own)

    def form(self, name: str, fps: float | None = None) -> ClipAbout:
        """Of one clip. fps: frames per second in the place of what it says.

        InputError, ValueError, TypeError or KeyError if it is damaged; the rate is not checked.
        """
        about = json.loads(self.clips[name])
        if about["skeleton"] not in self.skeletons:
            raise InputError(f"clip {name!r} has skeleton {about['skeleton']!r}, which the file does not define")
        rate = float(about["fps"]) if fps is None else fps
        return ClipAbout(rate, self.skeletons[about["skeleton"]], _provenance(about["provenance"]))


class Shard(Mapping[str, PoseSequence]):
    """The clips of one file by name. A clip's values are read from the mapped file when it is asked for.

    fps: replaces what the file says of each clip.
    """

    def __init__(self, path: Path | str, fps: float | None = None) -> None:
        self.path = existing_file(Path(path), WHAT)
        self._fps = None if fps is None else checked_fps(self.path, fps)
        with self._reading():
            self._file = safe_open(str(self.path), framework="np")
            self._about = ShardAbout.of(self._file.metadata() or {}, set(self._file.keys()))
        self._order = sorted(self._about.clips)

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, name: object) -> bool:
        return name in self._about.clips

    def __getitem__(self, name: str) -> PoseSequence:
        if name not in self._about.clips:
            raise KeyError(name)
        return self.window(name, 0, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return Shard, (str(self.path), self._fps)  # an open file cannot travel to a worker process: open it there

    def length(self, name: str) -> int:
        """Number of frames T of a clip, from the header alone. Raises InputError if the file is damaged."""
        with self._reading():
            return int(self._file.get_slice(f"{name}/keypoints").get_shape()[0])

    def window(self, name: str, start: int, stop: int | None) -> PoseSequence:
        """Frames start <= t < stop of a clip as a pose (T', J, D); stop None: to the end. Only their bytes are read.

        Raises KeyError if there is no clip of that name, InputError if its header or its values are damaged.
        """
        with self._reading():
            form = self._about.form(name, self._fps)
            fps = checked_fps(self.path, form.fps)
            keypoints = self._rows(f"{name}/keypoints", start, stop)  # (T, J, D)
            confidence = self._rows(f"{name}/confidence", start, stop)  # (T, J)
            return PoseSequence(keypoints, confidence, fps, form.skeleton, form.provenance)

    def _rows(self, key: str, start: int, stop: int | None) -> np.ndarray:
        """Rows start <= t < stop of a tensor."""
        tensor = self._file.get_slice(key)
        if tensor.get_dtype() not in FLOATS:
            raise InputError(f"{key!r} holds {tensor.get_dtype()}, expected floats")
        first, last, _ = slice(start, stop).indices(tensor.get_shape()[0])
        if (first == 0 and last == tensor.get_shape()[0]) or first >= last:  # safetensors cuts no empty slices
            return np.asarray(self._file.get_tensor(key)[first:last])
        return np.asarray(tensor[first:last])

    def _reading(self) -> AbstractContextManager[None]:
        return reading(self.path, WHAT)


def open_shard(path: Path | str, fps: float | None = None) -> Shard:
    """Open a file of poses; a mapping from clip names, sorted, to pose sequences.

    Only the header is read now. fps: replaces what the file says. Raises InputError if the file is missing,
    truncated or something else.
    """
    return Shard(path, fps)


def write_shard(poses: Mapping[str, PoseSequence], path: Path | str, half: bool = False) -> None:
    """Write clips, name -> pose (T, J, D), to one file, atomically.

    half: store keypoints and confidences as float16 (half the bytes; a relative error up to 5e-4, meant for
    normalised poses). Raises InputError if, with `half`, a coordinate reaches 2048, from where on float16 cannot tell
    neighbouring whole numbers apart; and if two skeletons have one name.
    """
    kind = np.float16 if half else np.float32
    metadata = {"format": FORMAT, "version": VERSION}
    tensors: dict[str, np.ndarray] = {}
    for name, pose in ((printable(name), poses[name]) for name in poses):
        if half and np.nanmax(np.abs(pose.keypoints), initial=0) >= _HALF_LIMIT:
            raise InputError(
                f"{path}: clip {name!r} has coordinates of {_HALF_LIMIT:g} or more; write it with half=False"
            )
        tensors[f"{name}/keypoints"] = np.ascontiguousarray(pose.keypoints, kind)
        tensors[f"{name}/confidence"] = np.ascontiguousarray(pose.confidence, kind)
        about = {
            "fps": pose.fps,
            "skeleton": pose.skeleton.name,
            "provenance": dataclasses.asdict(pose.provenance),
        }
        metadata[f"clip:{name}"] = json.dumps(about, ensure_ascii=False, sort_keys=True)
        _add_skeleton(metadata, pose.skeleton, path)
    save_tensors(tensors, path, metadata)


def read_pose(path: Path | str, name: str | None = None) -> PoseSequence:
    """Read one clip: the one called `name`, or the only one of the file. InputError if that is not clear."""
    shard = open_shard(path)
    if name is None and len(shard) == 1:
        name = next(iter(shard))
    if name is None or name not in shard:
        some = ", ".join(list(shard)[:5]) + (", ..." if len(shard) > 5 else "")
        raise InputError(f"{path}: holds {len(shard)} clips, none chosen or none called {name!r}; there are: {some}")
    return shard[name]


def write_pose(pose: PoseSequence, path: Path | str) -> None:
    """Write one clip, named after its source file (else after `path`), atomically.

    Raises InputError as `write_shard`.
    """
    write_shard({Path(pose.provenance.source).stem or Path(path).stem: pose}, path)


def skeleton_to_json(skeleton: Skeleton) -> str:
    """The whole definition of a skeleton as JSON: name, joints, parents, pairs, groups."""
    return json.dumps(dataclasses.asdict(skeleton), ensure_ascii=False, sort_keys=True)


def skeleton_from_json(text: str) -> Skeleton:
    """Inverse of `skeleton_to_json`; ValueError, TypeError or KeyError if it is none."""
    raw = json.loads(text)
    joints = tuple(str(joint) for joint in raw["joints"])
    parents = tuple(int(parent) for parent in raw["parents"])
    pairs = tuple((int(left), int(right)) for left, right in raw["pairs"])
    groups = tuple((str(name), tuple(int(j) for j in members)) for name, members in raw["groups"])
    indices = [*(j for pair in pairs for j in pair), *(j for _, members in groups for j in members)]
    if any(not -1 <= j < len(joints) for j in parents) or any(not 0 <= j < len(joints) for j in indices):
        raise ValueError("skeleton refers to a joint that it has not")
    return Skeleton(str(raw["name"]), joints, parents, pairs, groups)


def _provenance(raw: dict[str, Any]) -> Provenance:
    """Provenance from its dict, with types checked (a damaged header must not get through)."""
    provenance = Provenance.from_json(json.dumps(raw))
    texts = (provenance.source, provenance.sha256, provenance.estimator, provenance.estimator_version)
    stages = provenance.stages
    if not all(isinstance(text, str) for text in (*texts, *(x for s in stages for x in (s.name, s.version)))):
        raise ValueError("provenance has a wrong type")
    if not all(isinstance(stage.config, dict) for stage in stages):
        raise ValueError("the config of a stage in the provenance is none")
    size = provenance.image_size
    if size is not None and not (len(size) == 2 and all(type(n) is int and 0 < n <= _MOST_PIXELS for n in size)):
        raise ValueError(f"image size is not two whole numbers from 1 to {_MOST_PIXELS}")
    return provenance


def _add_skeleton(metadata: dict[str, str], skeleton: Skeleton, path: Path | str) -> None:
    """Note a skeleton's definition, unless everyone has it."""
    if SKELETONS.get(skeleton.name) == skeleton:
        return
    key, text = f"skeleton:{skeleton.name}", skeleton_to_json(skeleton)
    if skeleton.name in SKELETONS or metadata.setdefault(key, text) != text:
        raise InputError(f"{path}: two different skeletons are both called {skeleton.name!r}; rename one")
