"""Where somebody signs, while frames come in: what every segmenter of streams does, and `slt.segment.rule` as one.

A frame is judged when `look_ahead` seconds after it are known. Where that is enough the segments are those that the
rule finds in the whole recording; it is not where a wrist or the neck is lost for longer than that. Shoulders are
measured over the last half minute in place of the whole recording, for pixels alone.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

import numpy as np

from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import SURE
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.segment.online.pieces import Pieces
from slt.segment.online.tracks import Track
from slt.segment.online.widths import Widths
from slt.segment.rule import Segment, SegmentConfig, in_seconds, lateness

LOOK_AHEAD = 0.2  # seconds
_NECK = SIGNING_50.index("neck")
_SHOULDERS = [SIGNING_50.index(f"{side}_shoulder") for side in ("right", "left")]
_WRISTS = [(SIGNING_50.index(f"{side}_wrist"), SIGNING_50.index(f"{side}_hand_root")) for side in ("right", "left")]
_NEARLY = 1e-6  # frames, as in the rule


class SegmentStream(Protocol):
    """Finds the segments of a recording while its frames come in.

    delay: seconds after a segment's end that it is told at the latest, if a rest ends it.
    """

    delay: float

    @property
    def open_s(self) -> float | None:
        """Where the segment began that goes on, in seconds; None if nobody signs, or too briefly so far."""
        ...

    @property
    def from_s(self) -> float:
        """No segment that is still to be told begins earlier: frames before are not needed any more. Never falls."""
        ...

    def push(self, pose: PoseSequence) -> list[Segment]:
        """The next frames (n, 50, 2 or 3) -> the segments that are settled now. The result does not depend on how the
        frames are cut. InputError if the pose is not on SIGNING_50."""
        ...

    def finish(self) -> list[Segment]:
        """The rest, after the last frame. To be called once."""
        ...


class RuleStream:
    """`slt.segment.rule.find_segments` for frames that come in; see `SegmentStream`.

    fps: of the frames. longest: seconds, no segment is longer; None: no limit. stride: only every N-th frame was looked
    at for joints. Memory does not grow with time, but with the length of a segment without `longest`.
    """

    def __init__(
        self,
        fps: float,
        config: SegmentConfig | None = None,
        longest: float | None = None,
        stride: int = 1,
        look_ahead: float = LOOK_AHEAD,
    ) -> None:
        if longest is not None and not longest > 0:
            raise InputError(f"segments of at most {longest:g} s; give a length above 0")
        self._config = config or SegmentConfig()
        self._full, self._fps, self._stride = fps, fps / stride, stride
        self._ahead = max(math.ceil(self._config.lag / 2 * self._fps - _NEARLY), round(look_ahead * self._fps), 1)
        limit = None if longest is None else max(1, math.floor(longest * self._fps + _NEARLY))
        self._pieces = Pieces(self._fps, self._config, limit)
        self._neck, self._wrists = Track(), (Track(), Track())
        self._there: deque[tuple[bool, bool]] = deque()  # of frames that are not judged yet: which wrists are seen
        self._widths = Widths(self._fps)
        self._all, self._known, self._judged = 0, 0, 0  # frames that came; those looked at; those judged
        self.delay = self._config.pause + (self._ahead + 2) / self._fps

    @property
    def open_s(self) -> float | None:
        """See `SegmentStream`."""
        return None if self._pieces.open is None else self._seconds(self._pieces.open)

    @property
    def from_s(self) -> float:
        """See `SegmentStream`."""
        return self._seconds(self._pieces.earliest)

    def push(self, pose: PoseSequence) -> list[Segment]:
        """See `SegmentStream`. Who is seen is read from the confidences, of 3D poses too."""
        if pose.skeleton != SIGNING_50:
            raise InputError(f"segments need skeleton signing_50, not {pose.skeleton.name}; use to_skeleton")
        if pose_stride(pose) != self._stride:
            raise InputError(f"segments: 2D on 1 frame in {pose_stride(pose)}, 1 in {self._stride} was announced")
        found: list[tuple[int, int]] = []
        seen = ~pose.missing & (pose.confidence >= SURE)  # (n, 50)
        for k in range(len(pose)):
            self._all += 1
            if (self._all - 1) % self._stride:
                continue
            self._look(pose, k, seen[k])
            while self._judged < self._known - self._ahead:
                found += self._judge()
        return self._told(found)

    def finish(self) -> list[Segment]:
        """See `SegmentStream`."""
        found: list[tuple[int, int]] = []
        while self._judged < self._known:
            found += self._judge()
        return self._told(found + self._pieces.finish())

    def _told(self, found: list[tuple[int, int]]) -> list[Segment]:
        return in_seconds(found, self._known, self._fps, self._stride, self._all / self._full)

    def _seconds(self, frame: int) -> float:
        return max(0.0, frame / self._fps - lateness(self._fps, self._stride))

    def _look(self, pose: PoseSequence, k: int, seen: np.ndarray) -> None:
        """Take up frame k of a pose."""
        frame, points = self._known, pose.keypoints[k, :, :2]
        if seen[_NECK]:
            self._neck.see(frame, points[_NECK])
        there = []
        for track, (body, root) in zip(self._wrists, _WRISTS, strict=True):
            there.append(bool(seen[body] or seen[root]))
            if there[-1]:
                track.see(frame, points[body] if seen[body] else points[root])
        self._there.append((there[0], there[1]))
        if pose.provenance.units == "shoulder":
            self._widths.fix(1.0)
        else:
            self._widths.see(points[[_NECK, *_SHOULDERS]], pose.confidence[k, [_NECK, *_SHOULDERS]])
        self._known += 1

    def _judge(self) -> list[tuple[int, int]]:
        """Settle the next frame: is a hand at work in it, and how much do both do?"""
        config, frame, there = self._config, self._judged, self._there.popleft()
        times = frame + np.array([-0.5, 0.0, 0.5]) * config.lag * self._fps
        active, effort, width = False, 0.0, self._widths.usual
        if self._neck and width is not None:
            for here, track in zip(there, self._wrists, strict=True):
                if not track:
                    continue
                seen_from = track.relative(self._neck, frame)
                places = seen_from.at(times) / width
                span = seen_from.span(times[0], times[2]) / self._fps
                speed = float(np.linalg.norm(places[2:] - places[:1], axis=1)[0]) / span
                height = config.low - float(places[1, 1])  # y points down
                active |= here and (height > 0 or speed > config.slow)
                effort += speed + config.raised * max(height, 0.0)
        self._settle(frame, there, times[0])
        self._judged += 1
        return self._pieces.push(active, effort)

    def _settle(self, frame: int, there: tuple[bool, bool], before: float) -> None:
        """From now on the wrists' places in this frame are seen from the neck; what no line needs is forgotten."""
        for here, track in zip(there, self._wrists, strict=True):
            if here:
                track.settle(frame, self._neck)
            track.forget(before)
        self._neck.forget(frame)
