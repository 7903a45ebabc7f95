"""From frames in which a hand is at work to segments, while frames come in: rests end them, long ones are cut."""

from __future__ import annotations

import math

import numpy as np

from slt.segment.rule import SegmentConfig

_NEARLY = 1e-6  # frames, as in the rule


class Pieces:
    """Joins frames to runs, drops blips, adds margins and cuts what is longer than `limit` frames, as the rule does.

    Everything is in frames. A run is told as soon as no later frame can change it; the pieces of one that goes on as
    soon as their ends are certain.
    """

    def __init__(self, fps: float, config: SegmentConfig, limit: int | None) -> None:
        self._pause = config.pause * fps + _NEARLY
        self._shortest = config.shortest * fps - _NEARLY
        self._margin = round(config.margin * fps)
        self._limit = limit
        self._least = 0 if limit is None else max(1, math.floor(config.earliest * limit))
        self._window = max(1, round(config.calm * fps))
        self._frames = 0
        self._start: int | None = None  # first frame of the run that goes on
        self._last = 0  # its last active one
        self._edge: int | None = None  # where its next piece begins, once one was told
        self._before = 0  # end of what was told
        self._totals, self._base = [0.0], 0  # effort of all frames before frame base + k

    @property
    def open(self) -> int | None:
        """First frame of the segment that goes on, None if there is none or it is still a blip."""
        if self._edge is not None:
            return self._edge
        if self._start is None or self._last + 1 - self._start < self._shortest:
            return None
        return self._begin(self._start)

    @property
    def earliest(self) -> int:
        """The first frame that a segment still to be told may have."""
        if self._edge is not None:
            return self._edge
        return self._begin(self._frames if self._start is None else self._start)

    def push(self, active: bool, effort: float) -> list[tuple[int, int]]:
        """The next frame -> first frames and ends of the segments that are settled now."""
        frame = self._frames
        self._frames += 1
        self._totals.append(self._totals[-1] + effort)
        found: list[tuple[int, int]] = []
        if active:
            self._start = frame if self._start is None else self._start
            self._last = frame
        elif self._start is not None and frame - self._last > self._pause:
            found = self._close(None)
        if self._start is not None and self._limit is not None:
            found += self._certain(self._start, self._limit)
        self._forget()
        return found

    def finish(self) -> list[tuple[int, int]]:
        """No frame comes after those that came."""
        return [] if self._start is None else self._close(self._frames)

    def _begin(self, start: int, room: int | None = None) -> int:
        return max(start - (self._margin if room is None else room), self._before)

    def _close(self, frames: int | None) -> list[tuple[int, int]]:
        """The run is over. frames: those of the whole recording, None if it goes on."""
        assert self._start is not None
        start, end, edge, limit = self._start, self._last + 1, self._edge, self._limit
        self._start, self._edge = None, None
        length = end - start
        if length < self._shortest:
            return []
        room = self._margin if limit is None or length > limit else min(self._margin, (limit - length) // 2)
        stop = end + room if frames is None else min(end + room, frames)
        edges = [self._begin(start, room) if edge is None else edge]
        while limit is not None and stop - edges[-1] > limit:
            edges.append(self._cut(edges[-1] + self._least, min(edges[-1] + limit, stop - self._least)))
        self._before = stop
        return list(zip(edges, [*edges[1:], stop], strict=True))

    def _certain(self, start: int, limit: int) -> list[tuple[int, int]]:
        """The pieces of a run that goes on whose ends no later frame can change."""
        found: list[tuple[int, int]] = []
        while True:
            edge = self._begin(start) if self._edge is None else self._edge
            last = edge + limit
            around = last - self._window // 2 + self._window
            done = self._last + 1  # the run ends there, or later
            if done - start <= max(limit, self._shortest) or done - self._least < last or self._frames < around:
                return found
            cut = self._cut(edge + self._least, last)
            found.append((edge, cut))
            self._edge = self._before = cut

    def _cut(self, first: int, last: int) -> int:
        """The frame from `first` to `last` around which the least is done."""
        frames = np.arange(first, last + 1)
        begin = np.maximum(frames - self._window // 2, 0)
        end = np.minimum(begin + self._window, self._frames)
        totals = np.array(self._totals)
        means = (totals[end - self._base] - totals[begin - self._base]) / np.maximum(end - begin, 1)
        return first + int(means.argmin())

    def _forget(self) -> None:
        """Drop the efforts that no cut can ask for."""
        gone = self.earliest - self._window - self._base
        if gone > 1024:  # seldom, since what stays is copied
            del self._totals[:gone]
            self._base += gone
