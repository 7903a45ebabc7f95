"""Write stores of frames (`skeletor.learning.data.frame_store`) from files of poses: a clip at a time, resumable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from skeletor.files.atomic import atomic_path, write_text
from skeletor.files.stamp import stamp
from skeletor.io.formats import read_poses
from skeletor.learning.data.frame_store import (
    FORMAT,
    MARKER,
    VERSION,
    FrameForm,
    form_from_json,
    form_to_json,
    is_packed,
    read_marker,
)
from skeletor.learning.data.quantise import pack_confidence
from skeletor.learning.data.windows import in_form
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.turns import clip_spans
from skeletor.support.errors import InputError
from skeletor.support.progress import log, progress

SHARD_FRAMES = 1 << 18  # 84 MB of 50 joints in 3D: what is held in memory, and lost when a run is killed
LIMIT = 2048.0  # from here on neighbouring float16 numbers are 2 apart
_CONTENT = "2"  # how clips are made of inputs; stores of another one are made anew. 2: each turn of a signer is a clip


@dataclass(frozen=True)
class Packed:
    """Size of a finished store: clips, frames, and bytes on disk."""

    folder: Path
    clips: int
    frames: int
    bytes: int


class FrameWriter:
    """Writes clips into shards, one after the other; `finish` makes the store whole.

    key: says what is packed. A folder with whole shards of the same key is continued: the caller leaves out
    its first `clips_done` clips. Raises InputError if the folder holds something else.
    """

    def __init__(self, folder: Path, key: str, shard_frames: int = SHARD_FRAMES) -> None:
        self.folder, self._key, self._limit = folder, key, shard_frames
        self.form: FrameForm | None = None
        self.clips_done = 0
        self._entries: list[dict[str, Any]] = []
        self._rows: list[dict[str, np.ndarray]] = []
        self._lengths: list[int] = []
        self._taken = 0  # clips that are collected; their turns stand in `_lengths` one by one
        self._resume()

    def add(self, pose: PoseSequence, worse: PoseSequence | None = None, fps: float | None = None) -> None:
        """Add a clip, normalised if it is in pixels or metres; an empty one is only counted.

        Where several people sign in turns each turn becomes a clip of its own. A skeleton that has shoulders and no
        neck (MediaPipe's) is mapped to SIGNING_50, as lifting does. worse: its degraded version, for all clips or for
        none. fps: the clips are resampled to it (None: the first clip's). Raises InputError, naming the clip, if it
        does not fit the others.
        """
        name = f"clip {self.clips_done + self._taken}"
        if worse is not None and len(worse) != len(pose):
            raise InputError(f"{pose.provenance.source or name}: its degraded version has {len(worse)} frames")
        for start, stop in clip_spans(pose):
            own = None if worse is None else worse.frames(start, stop)
            self._add_one(pose.frames(start, stop), own, fps, name)
        self._taken += 1
        if sum(self._lengths) >= self._limit:
            self._flush()

    def _add_one(self, pose: PoseSequence, worse: PoseSequence | None, fps: float | None, name: str) -> None:
        """Add a clip of one person. name: for errors."""
        pose = _with_neck(pose)
        rate, skeleton = (self.form.fps, self.form.skeleton) if self.form else (fps or pose.fps, pose.skeleton)
        form = (self.form.dims, self.form.units) if self.form else None
        pose = in_form(pose, name, rate, skeleton, form)
        form = (pose.dims, pose.provenance.units)
        rows = _rows(pose, "", name)
        if worse is not None:
            rows |= _rows(in_form(_with_neck(worse), name, rate, skeleton, form), "worse_", name)
        if self.form is None:
            self.form = FrameForm(skeleton, *form[:1], rate, form[1], worse is not None)
        elif self.form.degraded != (worse is not None):
            raise InputError(f"{name}: degraded versions must be there for all clips or for none")
        self._rows.append(rows)
        self._lengths.append(len(pose))

    def finish(self, sources: Sequence[str] = ()) -> Packed:
        """Write the frames that are left, and `frames.json`. sources: names of the inputs, noted there.

        Raises InputError if no clip had a frame.
        """
        self._flush()
        frames = sum(entry["frames"] for entry in self._entries)
        if self.form is None or not frames:
            raise InputError(f"{self.folder}: nothing to pack; the inputs hold no frames")
        about = {
            "format": FORMAT,
            "version": VERSION,
            "key": self._key,
            "form": form_to_json(self.form),
            "frames": frames,
            "clips": sum(entry["clips"] for entry in self._entries),
            "sources": list(sources),
            "shards": self._entries,
        }
        write_text(self.folder / MARKER, json.dumps(about, indent=1, ensure_ascii=False))
        return Packed(self.folder, about["clips"], frames, sum(entry["bytes"] for entry in self._entries))

    def _flush(self) -> None:
        """Write the collected clips as one shard."""
        if not sum(self._lengths):
            return
        assert self.form is not None
        arrays = {name: np.concatenate([rows[name] for rows in self._rows]) for name in self._rows[0]}
        arrays["stops"] = np.cumsum([n for n in self._lengths if n], dtype=np.int64)
        done = self.clips_done + self._taken
        digest = hashlib.sha256()  # of the values: the order of a header's entries is not fixed
        for name in sorted(arrays):
            digest.update(np.ascontiguousarray(arrays[name]).data)
        metadata = {"format": FORMAT, "version": VERSION, "key": self._key, "clips_done": str(done)}
        metadata |= {"form": json.dumps(form_to_json(self.form)), "sha256": digest.hexdigest()}
        path = self._path(len(self._entries))
        with atomic_path(path) as temporary:
            save_file(arrays, temporary, metadata)
        self._note(path, len(arrays["keypoints"]), len(arrays["stops"]), metadata["sha256"])
        self.clips_done = done
        self._rows, self._lengths, self._taken = [], [], 0

    def _note(self, path: Path, frames: int, clips: int, digest: str) -> None:
        size = path.stat().st_size
        self._entries.append({"file": path.name, "frames": frames, "clips": clips, "bytes": size, "sha256": digest})

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.safetensors"

    def _resume(self) -> None:
        """Find the shards that an earlier run wrote."""
        while (path := self._path(len(self._entries))).is_file():
            try:
                with safe_open(path, framework="np") as file:
                    about: dict[str, str] = file.metadata() or {}
                    frames, clips = (file.get_slice(name).get_shape()[0] for name in ("keypoints", "stops"))
                    own = about.get("key") == self._key
                    form = form_from_json(json.loads(about["form"])) if own else None
            except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}: damaged ({error}); remove {self.folder} and pack again") from error
            if not own:
                raise InputError(f"{self.folder}: holds something else; choose another folder, or remove it")
            self.form, self.clips_done = form, int(about["clips_done"])
            self._note(path, frames, clips, about["sha256"])
        if self._entries:
            log.info(f"{self.folder}: goes on after {self.clips_done} clips")


def pack(
    inputs: Sequence[Path | str],
    out: Path | str,
    fps: float | None = None,
    degraded: Sequence[Path | str] = (),
    shard_frames: int = SHARD_FRAMES,
) -> Packed:
    """Pack files of poses, or folders of .safetensors files, into the store `out`; a killed run goes on.

    degraded: files of worse versions, by the same clip names. Raises InputError for what cannot be read, for
    clips that do not fit together, and if `out` holds something else.
    """
    out = Path(out)
    files = [file for name in inputs for file in pose_files(Path(name))]
    worse_files = [file for name in degraded for file in pose_files(Path(name))]
    key = _key(files, worse_files, fps, shard_frames)
    if is_packed(out):
        about = read_marker(out)
        if about["key"] != key:
            raise InputError(f"{out}: holds a store of other inputs or options; choose another folder, or remove it")
        return Packed(out, about["clips"], about["frames"], sum(entry["bytes"] for entry in about["shards"]))
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; give the name of a folder")
    with _writing(out):
        writer = FrameWriter(out, key, shard_frames)
        worse = {name: shard for file in worse_files for shard in [read_poses(file)] for name in shard}
        skip = writer.clips_done
        for number, (poses, name) in enumerate(progress(_names(files), "pack", unit="clip")):
            if number < skip:
                continue
            if worse_files and name not in worse:
                raise InputError(f"clip {name!r} has no degraded version in {', '.join(map(str, degraded))}")
            writer.add(poses[name], worse[name][name] if worse_files else None, fps)
        return writer.finish([str(name) for name in inputs])


def pose_files(path: Path) -> list[Path]:
    """The .safetensors files of a folder in order; the path itself for a file or a folder of OpenPose JSON.

    Hidden ones are none: writers that were killed leave such.
    """
    shards = sorted(path.glob("[!.]*.safetensors")) if path.is_dir() else []
    return shards or [path]


def _names(files: Sequence[Path]) -> Iterator[tuple[Mapping[str, PoseSequence], str]]:
    for file in files:
        poses = read_poses(file)
        for name in poses:
            yield poses, name


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror or error}); the next run goes on") from error


def _key(files: Sequence[Path], worse: Sequence[Path], fps: float | None, shard_frames: int) -> str:
    """Says what is packed, so that only a run of the same inputs goes on."""
    listed = [[(str(f), *(stamp(f) or ())) for f in part if f.exists()] for part in (files, worse)]
    return hashlib.sha256(json.dumps([listed, fps, shard_frames, VERSION, _CONTENT]).encode()).hexdigest()[:24]


def _with_neck(pose: PoseSequence) -> PoseSequence:
    """On SIGNING_50 if the pose has shoulders but no neck, which normalising needs; any other as it is."""
    joints = set(pose.skeleton.joints)
    return pose.to_skeleton(SIGNING_50) if "left_shoulder" in joints and "neck" not in joints else pose


def _rows(pose: PoseSequence, prefix: str, name: str) -> dict[str, np.ndarray]:
    """The arrays of one clip as they are stored."""
    points = np.nan_to_num(pose.keypoints)
    if np.abs(points).max(initial=0) >= LIMIT:
        raise InputError(f"{pose.provenance.source or name}: a coordinate of {LIMIT:g} or more; normalise the clips")
    return {
        f"{prefix}keypoints": points.astype(np.float16),
        f"{prefix}confidence": pack_confidence(pose.confidence),
    }
