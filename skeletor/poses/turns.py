"""Recordings of several people who sign in turns, as one pose sequence: in each frame the one whose turn it is.

The stage `turns` of the provenance tells whose frames are whose. Nothing that looks at several frames together may mix
two people: `each_turn` puts each turn through a stage as a clip of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from skeletor.poses.key_frames import pose_stride
from skeletor.poses.normalise import STAGE as NORMALISED
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.support.errors import InputError, NothingToTranslate, SkeletorError

STAGE = "turns"
PLACES = ("at the left", "in the middle", "at the right")  # of the picture, where a signer may be


@dataclass(frozen=True)
class Turn:
    """Frames start <= t < stop, in which the signer of that number (from 1) is the one who signs."""

    start: int
    stop: int
    signer: int

    def first_key(self, stride: int) -> int:
        """Its first key frame (`skeletor.poses.key_frames`), with which it has to begin as a clip of its own."""
        return -(-self.start // stride) * stride


class Recorded(Protocol):
    """What tells its length and where it comes from."""

    @property
    def provenance(self) -> Provenance:
        """Where it comes from."""
        ...

    def __len__(self) -> int:
        """Number of frames."""
        ...


def with_turns(pose: PoseSequence, turns: Sequence[Turn], where: Sequence[str]) -> PoseSequence:
    """The pose with the record of its turns, which cover it in order. where: each signer is, in words."""
    listed = [[turn.start, turn.stop, turn.signer] for turn in turns]
    return pose.replace(stage=StageRecord(STAGE, config={"frames": len(pose), "turns": listed, "where": list(where)}))


def turns_of(pose: Recorded) -> tuple[Turn, ...]:
    """The turns of a whole recording; () if one person is in it, or if this is a part of a recording.

    InputError if the record is damaged.
    """
    return turns_in(pose.provenance, len(pose))


def turns_in(about: Provenance, frames: int) -> tuple[Turn, ...]:
    """`turns_of` a pose of that provenance and length."""
    record = about.stage(STAGE)
    if record is None or record.config.get("frames") != frames:
        return ()
    try:
        turns = tuple(Turn(*map(_whole, values)) for values in record.config["turns"])
    except (TypeError, ValueError, KeyError) as error:
        raise _damaged(about) from error
    edges = [0, *(turn.stop for turn in turns)]
    whole = [turn.start for turn in turns] == edges[:-1] and edges[-1] == frames and sorted(set(edges)) == edges
    if not turns or not whole or min(turn.signer for turn in turns) < 1:
        raise _damaged(about)
    return turns


def check_one_signer(about: Provenance, frames: int, name: str) -> None:
    """For what learns from clips whole: InputError, which begins with `name`, if several people take turns in one."""
    if len({turn.signer for turn in turns_in(about, frames)}) > 1:
        raise InputError(f"{name}: several people sign in turns, which is no clip to learn from; skeletor pack cuts it")


def clip_spans(pose: PoseSequence) -> list[tuple[int, int]]:
    """Frames start <= t < stop of each turn as a clip of its own; of a pose without turns, all of them.

    Of sparse 2D a turn begins with a key frame; one without is left out. (The first frame of all is one.)
    """
    stride = pose_stride(pose)
    spans = [(turn.first_key(stride), turn.stop) for turn in turns_of(pose)]
    return [(start, stop) for start, stop in spans if start < stop] or [(0, len(pose))]


def clips_of(pose: PoseSequence) -> list[PoseSequence]:
    """Clips of one person each: the turns (`clip_spans`), or the pose as it is."""
    spans = clip_spans(pose)
    return [pose] if spans == [(0, len(pose))] else [pose.frames(start, stop) for start, stop in spans]


def told(pose: Recorded) -> str | None:
    """A line about who signs, if several people do."""
    turns = turns_of(pose)
    if not turns:
        return None
    record = pose.provenance.stage(STAGE)
    said = record.config.get("where") if record is not None else None
    where = said if isinstance(said, list) else []
    parts = []
    for signer in sorted({turn.signer for turn in turns}):
        count = sum(turn.signer == signer for turn in turns)
        place = f" {where[signer - 1]}" if signer <= len(where) and where[signer - 1] in PLACES else ""
        parts.append(f"signer {signer}{place} in {count} turn{'s' if count > 1 else ''}")
    return f"{len(parts)} people sign in turns: {', '.join(parts)}; each is read by themselves"


def each_turn(pose: PoseSequence, stage: Callable[[PoseSequence], PoseSequence]) -> PoseSequence:
    """`stage` of each turn by itself, put together again; of a pose without turns, of all of it.

    A turn that the stage refuses (nobody is seen in it) is missing. Of sparse 2D a turn begins with a key frame: what
    lies before is missing, and so is a turn without one. Raises what the stage does if it refuses all.
    """
    if not turns_of(pose):
        return stage(pose)
    spans = clip_spans(pose)
    parts: list[PoseSequence | SkeletorError] = []
    for start, stop in spans:
        try:
            parts.append(stage(pose.frames(start, stop)))
        except (InputError, NothingToTranslate) as error:
            parts.append(error)
    made = [part for part in parts if isinstance(part, PoseSequence)]
    if not made:
        refused = [part for part in parts if isinstance(part, SkeletorError)]
        raise next((part for part in refused if isinstance(part, InputError)), refused[0])
    shape = made[0].keypoints.shape[1:]
    keypoints = np.full((len(pose), *shape), np.nan, np.float32)
    confidence = np.zeros((len(pose), shape[0]), np.float32)
    for (start, stop), part in zip(spans, parts, strict=True):
        if isinstance(part, PoseSequence):
            keypoints[start:stop], confidence[start:stop] = part.keypoints, part.confidence
    about = made[0].provenance  # each turn has a scale of its own, which cannot be undone for all
    about = dataclasses.replace(about, stages=tuple(one for one in about.stages if one.name != NORMALISED))
    return PoseSequence(keypoints, confidence, made[0].fps, made[0].skeleton, about)


def one_signer(pose: PoseSequence) -> PoseSequence:
    """The pose of the one who signs longest: frames of the others' turns are missing. For what knows no turns."""
    turns = turns_of(pose)
    if not turns:
        return pose
    lengths: dict[int, int] = {}
    for turn in turns:
        lengths[turn.signer] = lengths.get(turn.signer, 0) + turn.stop - turn.start
    longest = max(lengths, key=lambda signer: (lengths[signer], -signer))
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    for turn in turns:
        if turn.signer != longest:
            keypoints[turn.start : turn.stop], confidence[turn.start : turn.stop] = np.nan, 0
    stages = tuple(one for one in pose.provenance.stages if one.name != STAGE)
    kept = StageRecord("one_signer", config={"signer": longest})
    about = dataclasses.replace(pose.provenance, stages=(*stages, kept))
    return PoseSequence(keypoints, confidence, pose.fps, pose.skeleton, about)


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError(f"{value!r} is no frame or signer")
    return value


def _damaged(about: Provenance) -> InputError:
    return InputError(f"{about.source}: the turns in its provenance do not fit its frames: damaged")
