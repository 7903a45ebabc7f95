"""Where somebody signs in a long recording, and where it can be cut: a rule about the wrists, nothing learned.

A hand rests where its wrist is low and slow, or is not seen. Both hands at rest for a while end a segment. A segment
that is longer than the translator takes is cut where the hands do least. The rule was not measured on real long
recordings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from skeletor.poses.key_frames import only_key_frames, pose_stride
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import SURE
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from slt.segment.watched import WATCHED, watched

_NECK = WATCHED.index("neck")
_SHOULDERS = [WATCHED.index(f"{side}_shoulder") for side in ("right", "left")]
# Of each hand the wrist of the body, and the one of the hand, which stands in where the first is not seen.
_WRISTS = [(WATCHED.index(f"{side}_wrist"), WATCHED.index(f"{side}_hand_root")) for side in ("right", "left")]
_NEARLY = 1e-6  # frames: a length in seconds times a frame rate may miss a whole number by rounding


class SegmentConfig(Config):
    """Options of the rule. Lengths are in shoulder widths, times in seconds; none depends on the frame rate."""

    low: float = Field(default=0.85, ge=-5, le=5, description="how far below the neck a wrist is that may rest")
    slow: float = Field(default=0.5, gt=0, le=100, description="speed below which it rests there, widths a second")
    lag: float = Field(default=0.2, gt=0, le=5, description="time over which a speed is measured; jitter is none")
    pause: float = Field(default=0.6, gt=0, le=3600, description="both hands at rest for longer end a segment")
    shortest: float = Field(default=0.4, ge=0, le=3600, description="segments that are shorter are dropped")
    margin: float = Field(default=0.1, ge=0, le=60, description="of the rest before and after that a segment keeps")
    calm: float = Field(default=0.3, ge=0, le=60, description="a cut is put where this time has the least effort")
    raised: float = Field(default=1.0, ge=0, description="effort of a wrist one width above `low`, as a speed")
    earliest: float = Field(default=0.4, gt=0, le=0.5, description="of the longest clip: no cut makes a shorter piece")

    @model_validator(mode="after")
    def _fits(self) -> SegmentConfig:
        if 2 * self.margin > self.pause:
            raise ValueError(f"margin {self.margin:g} is more than half of pause {self.pause:g}; segments would meet")
        return self


@dataclass(frozen=True)
class Segment:
    """A part of a recording in which somebody signs: from start_s up to end_s, in seconds from its first frame.

    signer: the number of who signs, from 1, where several people sign in turns; else None.
    """

    start_s: float
    end_s: float
    signer: int | None = None

    def frames(self, fps: float, stride: int = 1) -> tuple[int, int]:
        """First frame, and the one after the last, of a pose at that frame rate.

        stride: the first one is a multiple of it, so that the piece begins with a key frame
        (`skeletor.poses.key_frames`).
        """
        return round(self.start_s * fps / stride) * stride, round(self.end_s * fps)


def find_segments(
    pose: PoseSequence, config: SegmentConfig | None = None, longest: float | None = None
) -> list[Segment]:
    """The segments of a recording (T, 50, 2 or 3) in which somebody signs, in order, without overlap.

    A pose in other units than shoulder widths is normalised first. Who is seen is read from the confidences; a 3D pose
    that has none is taken to be seen wherever it has coordinates. Of sparse 2D the key frames alone are looked at.
    longest: seconds; no segment is longer (but for one frame of very slow cameras). None: no limit.
    Time and memory grow as T does; of long recordings the joints of `slt.segment.watched` alone are enough.
    Raises InputError if the pose is on another skeleton than SIGNING_50 or that one, or `longest` is not above 0.
    """
    config = config or SegmentConfig()
    pose = watched(pose)
    where = pose.provenance.source or "pose"
    if longest is not None and not longest > 0:
        raise InputError(f"{where}: segments of at most {longest:g} s; give a length above 0")
    if pose.missing[:, [_NECK, *_SHOULDERS]].any(1).all():
        return []  # nobody, ever: there is nothing to measure by
    seconds, stride = pose.seconds, pose_stride(pose)
    pose = only_key_frames(pose)
    pose = pose if pose.provenance.units == "shoulder" else normalise(pose)
    active, effort = _activity(pose, config)
    runs = _without_blips(_joined(active, config.pause * pose.fps), config.shortest * pose.fps)
    limit = None if longest is None else max(1, math.floor(longest * pose.fps + _NEARLY))
    effort = _averaged(effort, max(1, round(config.calm * pose.fps)))
    edges = [
        pair
        for start, stop in _with_margins(runs, round(config.margin * pose.fps), limit, len(pose))
        for pair in pieces(effort, start, stop, limit or stop - start, config.earliest)
    ]
    return in_seconds(edges, len(pose), pose.fps, stride, seconds)


def in_seconds(edges: list[tuple[int, int]], frames: int, fps: float, stride: int, seconds: float) -> list[Segment]:
    """Segments of first key frames and ends, of `frames` of them, `fps` a second, in a recording of so many seconds.

    A key frame is the first of `stride` frames. What changed between it and the one before changed, in the mean, half
    of that earlier.
    """
    late = lateness(fps, stride)
    return [
        Segment(max(0.0, start / fps - late), seconds if stop == frames else min(stop / fps - late, seconds))
        for start, stop in edges
    ]


def lateness(fps: float, stride: int) -> float:
    """Seconds by which key frames, `fps` of them a second, show a change later than all frames would, in the mean."""
    return (stride - 1) / (2 * stride * fps)


def _activity(pose: PoseSequence, config: SegmentConfig) -> tuple[np.ndarray, np.ndarray]:
    """(T,) bool: a hand is seen and does not rest; and (T,) float: how much both hands do, in widths a second.

    Both in the picture plane: depth that was lifted from one camera is too noisy for speeds.
    """
    told = pose.dims == 2 or bool(pose.confidence.any())
    seen = ~pose.missing & (pose.confidence >= SURE) if told else ~pose.missing  # (T, J)
    points = pose.keypoints[:, :, :2]
    neck = _filled(points[:, _NECK], seen[:, _NECK], np.zeros(1))
    active, effort = np.zeros(len(pose), bool), np.zeros(len(pose))
    if neck is None:
        return active, effort
    offsets = np.array([-0.5, 0.0, 0.5]) * config.lag * pose.fps
    for body, root in _WRISTS:
        there = seen[:, body] | seen[:, root]
        wrist = np.where(seen[:, body, None], points[:, body], points[:, root]) - neck[0]
        tracks = _filled(wrist, there, offsets)
        if tracks is None:
            continue
        spans = _spans(there, offsets) / pose.fps
        speed = np.linalg.norm(tracks[2] - tracks[0], axis=1) / spans
        height = config.low - tracks[1][:, 1]  # y points down
        active |= there & ((height > 0) | (speed > config.slow))
        effort += speed + config.raised * np.maximum(height, 0)
    return active, effort


def _filled(points: np.ndarray, seen: np.ndarray, offsets: np.ndarray) -> np.ndarray | None:
    """(T, 2) to (K, T, 2): the points at each frame plus each of K offsets in frames, on straight lines between the
    frames (T,) in which they are seen; before the first and after the last they stay. None if they are never seen.
    """
    known = np.flatnonzero(seen)
    if not len(known):
        return None
    times = np.arange(len(points)) + offsets[:, None]  # (K, T)
    return np.stack([np.interp(times, known, points[known, axis].astype(np.float64)) for axis in (0, 1)], -1)


def _spans(seen: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(T,) frames between the first and the last offset, of what lies between the first and last frame that is seen.

    At least one frame: a point that was seen once has not moved.
    """
    known = np.flatnonzero(seen)
    times = np.clip(np.arange(len(seen)) + offsets[[0, -1], None], known[0], known[-1])  # (2, T)
    spans: np.ndarray = np.maximum(times[1] - times[0], 1.0)
    return spans


def _joined(active: np.ndarray, pause: float) -> np.ndarray:
    """(N, 2) first and last + 1 of the runs of active frames; rests of at most `pause` frames belong to a run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8))).reshape(-1, 2)
    if not len(edges):
        return edges
    apart = edges[1:, 0] - edges[:-1, 1] > pause + _NEARLY
    return np.stack([edges[np.r_[True, apart], 0], edges[np.r_[apart, True], 1]], 1)


def _without_blips(runs: np.ndarray, shortest: float) -> np.ndarray:
    """The runs (N, 2) of at least that many frames."""
    kept: np.ndarray = runs[runs[:, 1] - runs[:, 0] >= shortest - _NEARLY]
    return kept


def _with_margins(runs: np.ndarray, margin: int, limit: int | None, frames: int) -> list[tuple[int, int]]:
    """The runs with some rest on both sides: as much as makes none longer than the limit by it, and none overlap."""
    result: list[tuple[int, int]] = []
    for k, (start, stop) in enumerate(runs.tolist()):
        room = margin if limit is None or stop - start > limit else min(margin, (limit - (stop - start)) // 2)
        before = result[-1][1] if result else 0
        after = int(runs[k + 1, 0]) if k + 1 < len(runs) else frames
        result.append((max(start - room, before), min(stop + room, after)))
    return result


def pieces(effort: np.ndarray, start: int, stop: int, limit: int, earliest: float) -> list[tuple[int, int]]:
    """A run cut into pieces of at most `limit` frames, each cut where effort (T,) is least; they cover all of it."""
    edges = [start]
    least = max(1, math.floor(earliest * limit))
    while stop - edges[-1] > limit:
        first, last = edges[-1] + least, min(edges[-1] + limit, stop - least)
        edges.append(first + int(effort[first : last + 1].argmin()))
    return list(zip(edges, [*edges[1:], stop], strict=True))


def _averaged(values: np.ndarray, window: int) -> np.ndarray:
    """(T,) means over a window around each frame, which is cut off at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - window // 2, 0)
    last = np.minimum(first + window, len(values))
    means: np.ndarray = (total[last] - total[first]) / np.maximum(last - first, 1)
    return means
