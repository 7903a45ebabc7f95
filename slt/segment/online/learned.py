"""Where somebody signs, while frames come in, as the network tells it: `slt.segment.learned` for streams.

A frame is judged when `LOOK_AHEAD` seconds after it are known, and again with each that follows, until the segment that
it belongs to is told. Of a whole recording the network sees two and a half seconds after each. So the segments are
nearly those of the whole recording, and not always.
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
from slt.segment.online.chances import Chances, Judged
from slt.segment.online.widths import Widths
from slt.segment.rule import Segment, pieces
from slt.segment.watched import WATCHED, watched

LOOK_AHEAD = 0.4  # seconds
PATIENCE = 0.8  # seconds after a sentence's beginning that it is certain to be one, where nobody rested before
_SHOULDERS = [WATCHED.index(joint) for joint in ("neck", "right_shoulder", "left_shoulder")]
_SURELY = 0.3  # probability below which nobody signs; between it and `inside` twice the rest has to be seen
_TOGETHER = 2  # frames at `FPS` that are waited for, since a look costs the same for each number
_WHOLE = 60 * FPS  # frames of a segment that goes on; of a longer one only the last ones are looked at again,
_SELDOM = 50  # and it is searched for breaks each time that it has grown by one part in so many
_CONTEXT = 10  # frames at `FPS` that a later look may still find to be signed


class NetworkStream:
    """`slt.segment.learned.learned_segments` for frames that come in; see `slt.segment.online.stream.SegmentStream`.

    fps: of the frames. longest, shortest: as there. stride: only every N-th frame was looked at for joints. Memory does
    not grow with time, but with the length of a segment without `longest`; time by frame does not grow at all. Of a
    segment of more than a minute a break is told up to a fiftieth of its length later.
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
        self._chances = Chances(segmenter, fps / stride, look_ahead, stride)
        self._reach = segmenter.reach
        self._known, self._from = Judged(), 0  # those before `_from` do not change any more, and are not looked at
        self._searched = 0  # frames of the open segment when it was searched for breaks
        self._widths = Widths(fps / stride)
        self._all = 0  # frames that came
        self._base, self._judged = 0, 0  # frames at `FPS`: the first that a segment may still have; those looked at
        self._open: tuple[int, int] | None = None  # of what goes on: its first frame, and its last so far + 1
        self.delay = look_ahead + (2 * self._rest + _TOGETHER) / FPS + 2 * stride / fps

    @property
    def open_s(self) -> float | None:
        """See `SegmentStream`."""
        if self._open is None or self._open[1] - self._open[0] < self._config.shortest * FPS:
            return None
        return self._open[0] / FPS

    @property
    def from_s(self) -> float:
        """See `SegmentStream`."""
        return self._base / FPS

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
            self._chances.push(points[k], seen[k])
            if self._chances.due >= self._judged + _TOGETHER:
                self._judged = self._chances.due
                found += self._settle()
                if self._is_long:
                    self._from = self._judged - self._reach
                self._chances.forget(max(self._base, self._from))
        return self._segments(found)

    def finish(self) -> list[Segment]:
        """See `SegmentStream`."""
        self._judged = self._chances.all
        return self._segments(self._parts(*self._look()) if self._judged > self._base else [])

    def _segments(self, found: list[tuple[int, int]]) -> list[Segment]:
        seconds = self._all / self._full
        return [Segment(a / FPS, min(b / FPS, seconds)) for a, b in found if a / FPS < seconds]

    def _look(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) of all frames from `_base` on: that a sentence begins; that one begins or goes on."""
        since = max(self._base, self._from)
        self._known.put(since, self._chances.look(since, self._judged, self._widths.usual))
        chances = self._known.since(self._base)
        return chances[:, 0], chances[:, 1]

    @property
    def _is_long(self) -> bool:
        """Whether too many frames wait to look at all of them each time."""
        return self._judged - self._base > _WHOLE

    def _signed(self, inside: np.ndarray) -> tuple[int, int] | None:
        """The first frame (n,) in which somebody signs, and the last one + 1; None if nobody does."""
        if self._is_long and self._open is not None:
            late = max(0, len(inside) - self._reach - 2 * self._rest - _CONTEXT)
            active = np.flatnonzero(inside[late:] > self._config.inside)
            if len(active):
                return self._open[0] - self._base, late + int(active[-1]) + 1
        active = np.flatnonzero(inside > self._config.inside)
        return (int(active[0]), int(active[-1]) + 1) if len(active) else None

    def _settle(self) -> list[tuple[int, int]]:
        """The segments that are certain now."""
        begin, inside = self._look()
        signed = self._signed(inside)
        if signed is None:
            self._open = None
            self._base = max(self._base, self._judged - _CONTEXT)
            return []
        start, stop = signed
        self._open = self._base + start, self._base + stop
        quiet = len(inside) - stop
        if quiet >= 2 * self._rest or (quiet >= self._rest and inside[stop:].max() < _SURELY):
            found = self._parts(begin, inside)  # nobody signs any more
            self._base, self._open = self._open[1], None
            return found
        seldom = self._is_long and len(inside) - self._searched < len(inside) // _SELDOM
        if seldom or len(inside) - start <= self._patience:
            return []
        self._searched = len(inside)
        return self._certain(begin, inside)

    def _certain(self, begin: np.ndarray, inside: np.ndarray) -> list[tuple[int, int]]:
        """Of somebody who goes on signing: the first part, if no later frame is to change it."""
        stretches = learned.signed(begin, inside, self._config, self._least)
        start, stop = stretches[0]
        if len(stretches) > 1:  # a break that nothing closes; a short stretch may still grow, for a while
            after, end = stretches[1]
            sure = min(stop - start, end - after) >= self._least or len(inside) - after >= self._patience
            return self._part(begin, inside, after) if sure else []
        frames, gains = learned.likely(begin, self._config.begin)
        cuts = learned.cuts_of(start, stop + self._least, frames, gains, self._least, self._limit)  # it may go on
        if cuts:
            return self._part(begin, inside, cuts[0]) if stop - cuts[0] >= self._patience else []
        if self._limit is None or stop - start <= self._limit + max(1, math.floor(self._config.earliest * self._limit)):
            return []
        _, cut = pieces(inside - begin, start, stop, self._limit, self._config.earliest)[0]
        return self._part(begin, inside, cut)

    def _part(self, begin: np.ndarray, inside: np.ndarray, stop: int) -> list[tuple[int, int]]:
        """What lies before frame `stop`, with which the next part begins."""
        found = self._parts(begin[:stop], inside[:stop])
        self._base += stop
        self._searched = 0
        self._open = self._base, max(self._base, self._open[1] if self._open else 0)
        return found

    def _parts(self, begin: np.ndarray, inside: np.ndarray) -> list[tuple[int, int]]:
        """The segments of frames from `_base` on."""
        found = learned.parts(begin, inside, self._config, self._limit, self._least)
        return [(start + self._base, stop + self._base) for start, stop in found]
