"""Refining a file of poses piece by piece, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.io.native import open_shard
from skeletor.io.piecewise import ClipForm, PieceWriter, write_pieces
from skeletor.poses.absent import known_absent
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.poses.turns import STAGE as TURNS
from skeletor.refiners.inference.stream import Placement
from skeletor.refiners.inference.windowed import SAME_RATE, SkeletorRefiner
from skeletor.support.errors import InputError

CHUNK_FRAMES = 1024
MAPPED_FRAMES = 16 * CHUNK_FRAMES  # what was read of a mapped file counts as memory until the file is closed
# What `skeletor.poses.normalise` looks at.
TRUNK = Skeleton("trunk", ("neck", "left_shoulder", "right_shoulder"), (-1, 0, 0), ((1, 2),), (("body", (0, 1, 2)),))


@dataclass(frozen=True)
class Streamed:
    """What was refined, and after how many frames each came out."""

    clips: int
    frames: int
    delay: int


class _Reader:
    """Clips of a native file by windows; opens it anew now and then, so that what was read is given back."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        self.path, self._fps, self._shard, self._read = path, fps, open_shard(path, fps), 0
        self.lengths = {name: self._shard.length(name) for name in self._shard}

    def pieces(self, name: str, chunk: int) -> Iterator[PoseSequence]:
        """A clip, `chunk` frames at a time."""
        return (self.window(name, k, k + chunk) for k in range(0, self.lengths[name], chunk))

    def window(self, name: str, start: int, stop: int) -> PoseSequence:
        """Frames start <= t < stop of a clip."""
        if self._read > MAPPED_FRAMES:
            self._shard, self._read = open_shard(self.path, self._fps), 0
        self._read += stop - start
        return self._shard.window(name, start, stop)


def refine_file(
    source: Path, target: Path, refiner: SkeletorRefiner, fps: float | None = None, chunk: int = CHUNK_FRAMES
) -> Streamed:
    """Refine all clips of a native file `source` into `target`, `chunk` frames at a time.

    The result is that of `refiner` for whole clips (within 1e-5 shoulder widths, see `inference.stream`). A
    clip that is not in shoulder widths is read twice: first neck and shoulders alone, for its centre and scale; they
    are all that is held of a whole clip (36 bytes a frame). fps replaces what the file says. InputError if the file is
    none, a clip has another frame rate than the refiner (resampling would need the whole clip), or several people in
    turns.
    """
    for path in (source, target):
        if path.suffix != ".safetensors":
            raise InputError(f"{path}: only .safetensors files are read and written in pieces; leave out --stream")
    reader = _Reader(source, fps)
    if not reader.lengths:
        raise InputError(f"{source}: holds no clips")
    forms = {name: _form(reader, name, refiner) for name in reader.lengths}
    delay = 0
    with write_pieces(forms, target) as writer:
        for name, form in forms.items():
            delay = _refine_clip(reader, name, form, refiner, writer, chunk)
    return Streamed(len(forms), sum(form.frames for form in forms.values()), delay)


def _form(reader: _Reader, name: str, refiner: SkeletorRefiner) -> ClipForm:
    """Of the refined clip, from the header and no more than one frame; checks that it can be refined."""
    first = reader.window(name, 0, 1).to_skeleton(refiner.skeleton)
    if abs(first.fps / refiner.fps - 1) >= SAME_RATE:
        raise InputError(
            f"{reader.path}: clip {name!r} has {first.fps:g} frames per second, the refiner {refiner.fps:g}; "
            "leave out --stream, or resample it first"
        )
    if first.dims != refiner.dims:
        raise InputError(f"{reader.path}: clip {name!r} is {first.dims}D, the refiner was trained on {refiner.dims}D")
    turns = first.provenance.stage(TURNS)
    if turns is not None and turns.config.get("frames") == reader.lengths[name]:
        raise InputError(f"{reader.path}: in clip {name!r} several people sign in turns; leave out --stream")
    stage = first.replace(stage=refiner.stage).provenance
    return ClipForm(reader.lengths[name], first.dims, first.fps, first.skeleton, stage)


def _refine_clip(
    reader: _Reader, name: str, form: ClipForm, refiner: SkeletorRefiner, writer: PieceWriter, chunk: int
) -> int:
    """Returns the delay in frames."""
    placed = form.frames and refiner.normalises and form.provenance.units != "shoulder"
    stream = refiner.stream(_placement(reader, name, refiner.skeleton, chunk) if placed else None)
    width = len(form.skeleton)
    waiting = np.zeros((0, width), np.float32)  # confidences of the frames that are not out yet
    absent = np.zeros((0, width), bool)  # their joints that stay missing
    for piece in reader.pieces(name, chunk):
        pose = piece.to_skeleton(refiner.skeleton)
        waiting = np.concatenate([waiting, pose.confidence])
        absent = np.concatenate([absent, known_absent(pose)])
        refined = stream.push(pose.keypoints, pose.confidence)
        done = len(refined)
        writer.append(name, np.where(absent[:done, :, None], np.float32(np.nan), refined), waiting[:done])
        waiting, absent = waiting[done:], absent[done:]
    writer.append(name, np.where(absent[..., None], np.float32(np.nan), stream.finish()), waiting)
    return stream.delay


def _placement(reader: _Reader, name: str, skeleton: Skeleton, chunk: int) -> Placement:
    """Of the whole clip, from neck and shoulders alone."""
    joints = [skeleton.index(joint) for joint in TRUNK.joints]
    trunks = [
        PoseSequence(p.keypoints[:, joints], p.confidence[:, joints], p.fps, TRUNK, p.provenance)
        for p in (piece.to_skeleton(skeleton) for piece in reader.pieces(name, chunk))
    ]
    points, confidence = (np.concatenate([getattr(t, key) for t in trunks]) for key in ("keypoints", "confidence"))
    return Placement.of(PoseSequence(points, confidence, trunks[0].fps, TRUNK, trunks[0].provenance))
