"""Interlaced frames made whole by FFmpeg's bwdif: one frame out for each one in, others as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Generic, TypeVar

import av
from av.filter import Graph

T = TypeVar("T")
_CLOCK = Fraction(1, 25)  # the filter wants increasing stamps; ours are counted


class Deinterlacer(Generic[T]):
    """Frames with what belongs to them (T) go in, and come out in the same order, at most one frame later.

    Frames that are not flagged as interlaced come out unchanged. seen: whether there was one that is.
    """

    def __init__(self) -> None:
        self.seen = False
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._waiting: deque[T] = deque()
        self._count = 0

    def feed(self, frame: av.VideoFrame, tag: T) -> Iterator[tuple[av.VideoFrame, T]]:
        """The frames that come out once this one is in, each with its tag."""
        self.seen |= bool(frame.interlaced_frame)
        if not self.seen:
            yield frame, tag
            return
        kind = (frame.width, frame.height, frame.format.name)
        if kind != self._kind:
            yield from self.flush()
            self._graph, self._kind = _graph(frame), kind
        assert self._graph is not None
        frame.pts, frame.time_base = self._count, _CLOCK
        self._count += 1
        self._waiting.append(tag)
        self._graph.vpush(frame)
        yield from self._pull(self._graph)

    def flush(self) -> Iterator[tuple[av.VideoFrame, T]]:
        """The frames that are still in the filter, each with its tag."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pull(self._graph)
        self._graph = self._kind = None

    def _pull(self, graph: Graph) -> Iterator[tuple[av.VideoFrame, T]]:
        while self._waiting:
            try:
                frame: Any = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield frame, self._waiting.popleft()


def _graph(frame: av.VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=_CLOCK)
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph
