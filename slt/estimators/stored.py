"""Poses of long recordings that stay on disk: estimated in parts that are files, or read from a file of poses.

A part begins a little before what is taken of it, so that the tracker knows the person by then. The parts of one
recording are the same whatever happens on the way, so a run that was killed goes on with what is there, and ends alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skeletor.io.native import Shard, open_shard
from skeletor.poses.begins import begun
from skeletor.poses.key_frames import STRIDE
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.span import Span
from skeletor.support.errors import InputError
from slt.estimators.base import STAGE, USUAL_FPS, EstimateOptions
from slt.estimators.mediapipe.bystanders import STAGE as PEOPLE
from slt.estimators.pool import Job, estimate_jobs
from slt.video import open_video

PART = 120.0  # seconds that are estimated together
LEAD = 1.0  # seconds before a part that the tracker sees, too


@dataclass(frozen=True)
class Part:
    """Frames of a clip in a file: `count` of them, from frame `first` of the clip on."""

    shard: Shard
    clip: str
    first: int
    count: int


class StoredPoses:
    """Poses (T, 50, D) of a recording whose parts lie in files; only what is asked for is read.

    provenance: of the whole.
    """

    def __init__(self, parts: tuple[Part, ...], provenance: Provenance) -> None:
        assert parts, "a recording has at least one part"
        self._parts, self.provenance = parts, provenance
        self._starts = np.cumsum([0, *(part.count for part in parts)]).tolist()
        one = parts[0].shard.window(parts[0].clip, 0, 1)
        self.fps, self.dims = one.fps, one.dims

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self) / self.fps

    def frames(self, start: int, stop: int) -> PoseSequence:
        """Frames start <= t < stop, on SIGNING_50; bounds beyond the ends are cut as in a slice."""
        start, stop, _ = slice(start, stop).indices(len(self))
        found = list(self._within(start, max(start, stop)))
        points, confidence = (np.concatenate([getattr(p, name) for p in found]) for name in ("keypoints", "confidence"))
        return PoseSequence(points, confidence, self.fps, SIGNING_50, self.provenance)

    def _within(self, start: int, stop: int) -> Iterator[PoseSequence]:
        number = min(max(0, bisect_right(self._starts, start) - 1), len(self._parts) - 1)
        for part, begin in zip(self._parts[number:], self._starts[number:], strict=False):
            first, last = max(start, begin), min(stop, begin + part.count)
            if first < last or begin >= stop or start == stop:
                shift = part.first - begin
                yield part.shard.window(part.clip, first + shift, max(first, last) + shift).to_skeleton(SIGNING_50)
            if last >= stop:
                return


def stored_clip(path: Path, clip: str, provenance: Provenance, fps: float | None = None) -> StoredPoses:
    """A clip of a file of poses (.safetensors) that stays there. fps: replaces what the file says."""
    shard = open_shard(path, fps)
    return StoredPoses((Part(shard, clip, 0, shard.length(clip)),), provenance)


def estimate_in_parts(
    source: Path, config: EstimateOptions, folder: Path, workers: int = 1, seconds: float = PART
) -> StoredPoses:
    """2D poses of a video or folder of frames, estimated in parts of so many seconds, each a file in `folder`.

    Parts that are there from an earlier run with the same source and options are kept. workers: parts at a time.
    Raises InputError if the source cannot be read, or a part of it fails.
    """
    with open_video(source, (config.fps or USUAL_FPS) if source.is_dir() else None) as video:
        fps, count, late = video.fps, video.frame_count, video.begins
    if not count:
        raise InputError(f"{source}: no frame can be decoded")
    cuts = _cuts(count, fps, config.pose_stride, seconds)
    jobs: dict[str, Job] = {}
    for number, (lead, _, stop) in enumerate(cuts):
        span = Span(late + lead / fps, None if stop == count else late + stop / fps)
        jobs[f"{source}, part {number + 1} of {len(cuts)}"] = Job(source, folder / f"{number:05d}.safetensors", span)
    report = estimate_jobs(jobs, config, max(1, workers))
    if report.failed:
        raise InputError(next(iter(report.failed.values())))
    parts = []
    for job, (lead, start, stop) in zip(jobs.values(), cuts, strict=True):
        shard = open_shard(job.target)
        parts.append(Part(shard, next(iter(shard)), start - lead, stop - start))
    about = _whole([one.shard.window(one.clip, 0, 1).provenance for one in parts])
    return StoredPoses(tuple(parts), begun(about, late))


def _cuts(count: int, fps: float, stride: int, seconds: float) -> list[tuple[int, int, int]]:
    """(first frame that the tracker sees, first that is taken, the one behind the last) of each part.

    All but the last are multiples of the stride, so that key frames stay key frames. A rest of less than two leads goes
    with the part before.
    """
    length = max(1, round(seconds * fps / stride)) * stride
    lead = round(LEAD * fps / stride) * stride
    starts = [start for start in range(0, count, length) if not start or count - start >= 2 * lead]
    return [(max(0, start - lead), start, stop) for start, stop in zip(starts, [*starts[1:], count], strict=True)]


def _whole(parts: list[Provenance]) -> Provenance:
    """The provenance of a recording from those of its parts: without their times; with other people if any has."""
    stages = [stage for stage in parts[0].stages if stage.name != PEOPLE]
    others = next((found for part in parts if (found := part.stage(PEOPLE)) is not None), None)
    plain = [
        replace(stage, config={k: v for k, v in stage.config.items() if k not in ("start", "end")})
        if stage.name == STAGE
        else stage
        for stage in stages
    ]
    assert all(isinstance(stage.config.get(STRIDE, 1), int) for stage in plain)
    return replace(parts[0], stages=(*([others] if others else []), *plain))
