"""Where somebody signs, while frames come in, as the network tells it: `slt.segment.learned` for streams.

A frame is judged when `LOOK_AHEAD` seconds after it are known; the whole recording's network sees two and a half. So
the segments are nearly those of the whole recording, and not always.
"""

from __future__ import annotations

import math

import numpy as np

from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import SURE
from skeletor.support.errors import InputError
from slt.segment import learned
from slt.segment.features import FPS
from slt.segment.learned import LearnedConfig
from slt.segment.network import Segmenter
from slt.segment.online.chances import Chances
from slt.segment.online.widths import Widths
from slt.segment.rule import Segment, pieces
from slt.segment.watched import WATCHED, watched

LOOK_AHEAD = 0.6  # seconds
PATIENCE = 1.0  # seconds after a sentence's beginning that it is certain to be one, where nobody rested before
_SHOULDERS = [WATCHED.index(joint) for joint in ("neck", "right_shoulder", "left_shoulder")]
_CONTEXT = 10  # frames at `FPS` before a stretch that are kept


class NetworkStream:
    """`slt.segment.learned.learned_segments` for frames that come in; see `slt.segment.online.stream.SegmentStream`.

    fps: of the frames. longest, shortest: as there. stride: only every N-th frame was looked at for joints. Memory does
    not grow with time, but with the length of a segment without `longest`.
    """

    def __init__(
        self,
        fps: float,
        segmenter: Segmenter,
        longest: float | None = None,
        shortest: float = 0.0,
        stride: int = 1,
        config: LearnedConfig | None = None,
        look_ahead: float = LOOK_AHEAD,
        patience: float = PATIENCE,
    ) -> None:
        if longest is not None and not longest > 0:
            raise InputError(f"segments of at most {longest:g} s; give a length above 0")
        self._config = config or LearnedConfig()
        self._full, self._stride = fps, stride
        self._limit, self._least = learned.in_frames(self._config, longest, shortest)
        self._patience = max(self._least, round(patience * FPS))
        self._rest = math.ceil(max(self._config.rest, self._config.gap) * FPS)  # no stretches this far apart are joined
        self._chances = Chances(segmenter, fps / stride, look_ahead)
        self._widths = Widths(fps / stride)
        self._all = 0  # frames that came
        self._told: list[np.ndarray] = []  # (2,) of each frame at `FPS` from `_base` on
        self._base = 0
        self._start: int | None = None  # of what goes on: where the stretch began, or was cut
        self._last = 0  # its last frame so far, + 1
        self.delay = look_ahead + self._rest / FPS + 2 * stride / fps

    @property
    def open_s(self) -> float | None:
        """See `SegmentStream`."""
        if self._start is None or self._last - self._start < self._config.shortest * FPS:
            return None
        return self._start / FPS

    @property
    def from_s(self) -> float:
        """See `SegmentStream`."""
        return (self._chances.told if self._start is None else self._start) / FPS

    def push(self, pose: PoseSequence) -> list[Segment]:
        """See `SegmentStream`; the joints of `WATCHED` alone do, too. Who is seen is read from the confidences."""
        few = watched(pose)
        if pose_stride(pose) != self._stride:
            raise InputError(f"segments: 2D on 1 frame in {pose_stride(pose)}, 1 in {self._stride} was announced")
        found: list[tuple[int, int]] = []
        points = few.keypoints[:, :, :2]
        seen = np.where(few.confidence >= SURE, few.confidence, 0)
        for k in range(len(pose)):
            self._all += 1
            if (self._all - 1) % self._stride:
                continue
            if pose.provenance.units == "shoulder":
                self._widths.fix(1.0)
            else:
                self._widths.see(points[k, _SHOULDERS], few.confidence[k, _SHOULDERS])
            for one in self._chances.push(points[k], seen[k], self._widths.usual):
                found += self._settle(one)
        return self._segments(found)

    def finish(self) -> list[Segment]:
        """See `SegmentStream`."""
        found: list[tuple[int, int]] = []
        for one in self._chances.finish(self._widths.usual):
            found += self._settle(one)
        return self._segments(found + self._close())

    def _segments(self, found: list[tuple[int, int]]) -> list[Segment]:
        seconds = self._all / self._full
        return [Segment(a / FPS, min(b / FPS, seconds)) for a, b in found if a / FPS < seconds]

    def _settle(self, chances: np.ndarray) -> list[tuple[int, int]]:
        """The next frame at `FPS` -> the segments that are certain now."""
        self._told.append(chances)
        now = self._base + len(self._told)
        if chances[1] > self._config.inside:
            self._start = now - 1 if self._start is None else self._start
            self._last = now
        if self._start is None:
            self._keep(max(now - _CONTEXT, self._last))
            return []
        if now - self._last >= self._rest:
            return self._close()
        return self._certain() if now - self._start > self._patience else []

    def _close(self) -> list[tuple[int, int]]:
        """Nobody signs any more: all that is left of the stretch."""
        if self._start is None:
            return []
        found = self._parts(*self._kept())
        self._start = None
        self._keep(self._last)
        return found

    def _certain(self) -> list[tuple[int, int]]:
        """Of a stretch that goes on: its first part, if no later frame is to change it."""
        begin, inside = self._kept()
        stretches = learned.signed(begin, inside, self._config, self._least)
        start, stop = stretches[0]
        if len(stretches) > 1:  # a break that nothing closes
            after, end = stretches[1]
            certain = min(stop - start, end - after) >= self._least
            return self._part(stop, after) if certain else []
        frames, gains = learned.likely(begin, self._config.begin)
        cuts = learned.cuts_of(start, stop + self._least, frames, gains, self._least, self._limit)  # it may go on
        if cuts:
            return self._part(cuts[0], cuts[0]) if stop - cuts[0] >= self._patience else []
        if self._limit is None or stop - start <= self._limit + max(1, math.floor(self._config.earliest * self._limit)):
            return []
        _, cut = pieces(inside - begin, start, stop, self._limit, self._config.earliest)[0]
        return self._part(cut, cut)

    def _part(self, stop: int, after: int) -> list[tuple[int, int]]:
        """What ends with frame `stop` of those that are kept; the next part begins with frame `after` of them."""
        begin, inside = self._kept()
        found = self._parts(begin[:stop], inside[:stop])
        self._start = self._base + after
        self._keep(self._start)
        return found

    def _parts(self, begin: np.ndarray, inside: np.ndarray) -> list[tuple[int, int]]:
        """The segments of the first frames that are kept."""
        found = learned.parts(begin, inside, self._config, self._limit, self._least)
        return [(start + self._base, stop + self._base) for start, stop in found]

    def _kept(self) -> tuple[np.ndarray, np.ndarray]:
        """The chances of all frames that are kept, (n,) each: that a sentence begins; that one begins or goes on."""
        told = np.stack(self._told)
        return told[:, 0], told[:, 1]

    def _keep(self, since: int) -> None:
        """Drop the frames before."""
        if since > self._base:
            del self._told[: since - self._base]
            self._base = since
