"""A live session at work: one thread grabs pictures, one finds the joints, and the caller's reads the sentences."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator

from skeletor.poses.key_frames import STRIDE
from skeletor.poses.pose import PoseSequence
from slt.estimators.base import Follower
from slt.inference.chain import Chain
from slt.inference.recording import Segments, cut_by
from slt.live.channel import Channel, Mailbox, Stopped
from slt.live.clock import Clock
from slt.live.session import Fixed, Grey, Session
from slt.live.sources.base import Source
from slt.live.summary import Tally
from slt.live.window import Row
from slt.segment.choice import cut_stream

_ROOM = 1000  # rows of joints that may wait while a sentence is read
_PATIENCE = 2.0  # seconds for a thread to end; a camera that gives nothing may hold its thread for longer


class Watch:
    """Watches a source and gives what is to be told.

    The joints are found in threads of their own: MediaPipe's graph runs without Python's lock. stride: only every N-th
    frame is looked at. longest: seconds of the stream after which it is over; None: no limit.
    """

    def __init__(
        self,
        source: Source,
        follower: Follower,
        session: Session,
        clock: Clock,
        stride: int = 1,
        longest: float | None = None,
    ) -> None:
        self._source, self._follower, self._session, self._clock = source, follower, session, clock
        self._stride, self._longest = stride, longest
        self._frames = Mailbox(source.fps, clock)
        self._rows: Channel[Row] = Channel(_ROOM)
        self._cpu = 0.0
        self._tally = Tally()

    @property
    def tally(self) -> Tally:
        """What came so far."""
        tally = self._tally
        tally.came, tally.dropped = self._frames.came, self._frames.dropped
        tally.cpu_s, tally.stream_s = time.process_time() - self._cpu, self._session.seconds
        return tally

    def told(self) -> Generator[Fixed | Grey]:
        """What the stream tells, until its end. Raises what went wrong in a thread; all threads have ended then."""
        self._cpu = time.process_time()
        threads = [
            threading.Thread(target=self._ending, args=(work, channel), name=name, daemon=True)
            for name, work, channel in (("grab", self.grab, self._frames), ("estimate", self.estimate, self._rows))
        ]
        for thread in threads:
            thread.start()
        try:
            yield from self.read()
        finally:
            self._clock.end()
            self._frames.stop()
            self._rows.stop()
            for thread in threads:
                thread.join(_PATIENCE)

    def _ending(self, work: Callable[[], None], made: Mailbox | Channel[Row]) -> None:
        """The work of a thread; its end, good or bad, is the end of what it makes."""
        try:
            work()
        except Stopped:
            return
        except BaseException as error:
            made.end(error)
        else:
            made.end()

    def grab(self) -> None:
        """From the source to the mailbox, until the source ends."""
        for frame in self._source.frames():
            if self._longest is not None and frame.slot >= self._longest * self._source.fps:
                return
            if frame.slot % self._stride == 0:
                self._frames.put(frame)

    def estimate(self) -> None:
        """From the mailbox to rows of joints, until no frame comes any more."""
        arrived: dict[int, float] = {}

        def tell(slot: int, pose: PoseSequence) -> None:
            self._rows.put(Row(slot, pose, arrived.pop(slot)))

        with warnings.catch_warnings(), self._follower.follow(self._source.name, self._source.fps, tell) as look:
            # mediapipe 0.10.14 asks protobuf in a way that protobuf 4.25 warns about
            warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
            while (frame := self._frames.take()) is not None:
                arrived[frame.slot] = frame.arrived
                look(frame.image, frame.slot)

    def read(self) -> Iterator[Fixed | Grey]:
        """From rows of joints to sentences, until no row comes any more."""
        while (row := self._rows.take()) is not None:
            self._tally.looked(self._clock.now())
            for one in self._session.push(row, hurry=self._rows.waiting > 0):
                yield self._counted(one)
        for last in self._session.finish():
            yield self._counted(last)

    def _counted(self, one: Fixed | Grey) -> Fixed | Grey:
        if isinstance(one, Fixed):
            self._tally.add(one)
        return one


def watch_by(
    chain: Chain, follower: Follower, source: Source, clock: Clock, segments: Segments, longest: float | None = None
) -> tuple[Watch, Session]:
    """What watches a source with a trained chain, and its session. follower: the chain's estimator.

    segments: what finds the sentences, as of `slt.inference.recording.translate_recording`; longest: as of `Watch`.
    Raises InputError where that is not here.
    """
    stride = int(chain.estimator.options.get(STRIDE, 1))
    short, long = (chain.model.abstention.thresholds[name] for name in ("short", "long"))
    cut = cut_stream(cut_by(chain, segments), source.fps, long, short, stride)
    session = Session(chain, cut, source.fps, clock, source.name, stride)
    return Watch(source, follower, session, clock, stride, longest), session
