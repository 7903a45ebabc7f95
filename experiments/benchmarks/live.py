"""`slt live` on two cores that have nothing else to do: frames a second, and how late the text of a sentence comes.

Time is simulated, from measured CPU time: frames come at the clip's rate, one core decodes them and finds the joints,
the other reads. Each step takes the CPU time that it takes here, and all parts are those of `slt live`. A machine that
is used by others so gives what it would give alone, but for its caches. The stream is a clip again and again with its
first picture held between; its texts are compared with those of `slt translate` of the same file, cut by the same.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from pydantic import Field

from experiments.report import table, write_files
from experiments.request import Request
from skeletor.support.config import Config
from slt.estimators.base import Follower
from slt.inference.chain import SHIPPED, Chain, load_chain
from slt.inference.estimation import Sparse
from slt.inference.recording import Recording, translate_recording
from slt.live.channel import Frame, Mailbox
from slt.live.clock import Clock
from slt.live.session import Fixed, Session
from slt.live.summary import Tally
from slt.live.window import Row
from slt.segment.choice import CUTS, Cut, cut_stream
from slt.video import Video, open_video, write_video


class LiveBench(Config):
    """clip: the video that is repeated. rest: seconds of its first picture before, between and behind."""

    clip: str = "examples/forecast.mp4"
    repeats: int = Field(4, ge=1, le=1000)
    rest: float = Field(2.0, gt=0, le=60)
    strides: list[int] = Field([1, 2])
    segments: list[Cut] = Field(default_factory=lambda: list(CUTS))
    model: str = str(SHIPPED)


class Simulated(Clock):
    """A clock that is set; between two settings it goes on by the CPU time of this thread."""

    def __init__(self) -> None:
        super().__init__()
        self.set(0.0)

    def set(self, moment: float) -> None:
        """It is that moment now."""
        self._moment, self._mark = moment, time.thread_time()

    def now(self) -> float:
        """See `Clock`."""
        return self._moment + time.thread_time() - self._mark


@dataclass(frozen=True)
class Played:
    """One simulation. costs: CPU seconds of each frame that was looked at; reading: those of all sentences together."""

    tally: Tally
    fixed: list[Fixed]
    costs: list[float]
    reading: float


def make(request: Request, config: LiveBench) -> None:
    """Simulate each stride, compare with the file, write `live.md` and `live.json`."""
    torch.set_num_threads(1)
    chains = {stride: load_chain(Path(config.model), sparse=Sparse(stride), device="cpu") for stride in config.strides}
    rows: list[list[str]] = []
    numbers: dict[str, dict[str, object]] = {by: {} for by in config.segments}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.mp4"
        write_video(path, stream(config), _rate(config))
        for by, (stride, chain) in itertools.product(config.segments, chains.items()):
            played = play(chain, path, stride, by)
            same, ends = compared(chain, path, played.fixed, by)
            rows.append(_row(stride, by, played, same, ends))
            numbers[by][str(stride)] = played.tally.plain() | {
                "cost_ms": 1000 * mean(played.costs), "reading_ms": 1000 * played.reading, "same_texts": same,
                "ends_apart_s": ends,
            }  # fmt: skip
    load = os.getloadavg()[0]
    text = "\n".join([*table(_HEAD, rows), "", _NOTE.format(load=load, cores=os.cpu_count())])
    about = request.about(config, None) | {"load": load}
    write_files(request.results, request.name, text, {**about, "segments": numbers})


_HEAD = (
    "2D on", "cut by the", "CPU ms a frame", "frames/s of one core", "dropped", "sentences",
    "text fixed after, s (median, worst)", "CPU ms a sentence", "texts as of the file", "ends apart, s",
)  # fmt: skip
_NOTE = (
    "Simulated from CPU time, see `experiments/benchmarks/live.py`; measured with {load:.0f} other programs at work on "
    "{cores} cores, whose caches they share."
)


def _row(stride: int, by: Cut, played: Played, same: int, ends: float) -> list[str]:
    waits = played.tally.delays.get("rest", [float("nan")])
    cost, count = mean(played.costs), len(played.fixed)
    return [
        "every frame" if stride == 1 else f"1 frame in {stride}", by, f"{1000 * cost:.0f}", f"{1 / cost:.0f}",
        f"{played.tally.dropped} of {played.tally.came}", str(count), f"{median(waits):.2f}, {max(waits):.2f}",
        f"{1000 * played.reading / max(1, count):.0f}", f"{same} of {count}", f"{ends:.2f}",
    ]  # fmt: skip


def _rate(config: LiveBench) -> float:
    return open_video(config.clip).fps


def stream(config: LiveBench) -> Iterator[np.ndarray]:
    """The pictures of the whole stream."""
    frames = list(open_video(config.clip))
    rest = round(config.rest * _rate(config))
    for _ in range(config.repeats):
        yield from [frames[0]] * rest
        yield from frames
    yield from [frames[0]] * rest


def play(chain: Chain, path: Path, stride: int, by: Cut) -> Played:
    """The stream as `slt live --as-if-live` would see it."""
    clock, video = Simulated(), open_video(path)
    frames = Mailbox(video.fps, clock)
    follower: Follower = chain.estimator  # type: ignore[assignment]
    rows, costs = _estimated(video, frames, follower, clock, stride)
    shortest, longest = (chain.model.abstention.thresholds[name] for name in ("short", "long"))
    segments = cut_stream(by, video.fps, longest, shortest, stride)
    session, tally = Session(chain, segments, video.fps, clock, path.name, stride), Tally()
    fixed: list[Fixed] = []
    reading = free = 0.0
    for k, (ready, row) in enumerate(rows):
        begin = max(ready, free)
        clock.set(begin)
        behind = k + 1 < len(rows) and rows[k + 1][0] <= begin
        found = [one for one in session.push(row, hurry=behind) if isinstance(one, Fixed)]
        free = clock.now()
        reading += free - begin
        tally.looked(free)
        fixed += found
    fixed += list(session.finish())
    for one in fixed:
        tally.add(one)
    tally.came, tally.dropped, tally.stream_s = frames.came, frames.dropped, session.seconds
    tally.cpu_s = sum(costs) + reading
    return Played(tally, fixed, costs, reading)


def _estimated(
    video: Video, frames: Mailbox, follower: Follower, clock: Simulated, stride: int
) -> tuple[list[tuple[float, Row]], list[float]]:
    """Rows of joints and the moments at which they are ready; and the CPU time of each, with its picture's decoding."""
    rows: list[tuple[float, Row]] = []
    costs: list[float] = []
    coming, free = _decoded(video), 0.0
    following = next(coming, None)
    with follower.follow("stream", video.fps) as find:
        while following is not None or frames.waiting:
            while following is not None and (following[0].arrived <= free or not frames.waiting):
                frame, decoding = following
                clock.set(frame.arrived)
                if frame.slot % stride == 0:
                    frames.put(frame)
                following = next(coming, None)
            if not frames.waiting:  # the last ones are none to be looked at
                break
            clock.set(max(free, frame.arrived if frames.waiting == 1 else free))
            free = clock.now()
            one = frames.take()
            assert one is not None
            begin = time.thread_time()
            pose = find(one.image, one.slot)
            costs.append(time.thread_time() - begin + decoding)
            free += costs[-1] if rows else 0.0  # the models are loaded with the first one, before anybody signs
            rows.append((free, Row(one.slot, pose, one.arrived)))
    return rows, costs[1:]


def _decoded(video: Video) -> Iterator[tuple[Frame, float]]:
    """The frames of a file as of a camera that starts at 0, and the CPU seconds that each took to decode."""
    begin = time.thread_time()
    for slot, image in enumerate(video):
        yield Frame(slot, image, slot / video.fps), time.thread_time() - begin
        begin = time.thread_time()


def compared(chain: Chain, path: Path, fixed: Sequence[Fixed], by: Cut) -> tuple[int, float]:
    """How many texts are those of the file, each beside the one that it overlaps most; and the largest distance in
    seconds between their ends."""
    whole = translate_recording(chain, path, segments=by)
    assert isinstance(whole, Recording)
    same, apart = 0, 0.0
    for one in fixed:
        other = max(whole.sentences, key=lambda o: min(o.end_s, one.end_s) - max(o.start_s, one.start_s))
        same += other.text == one.text
        apart = max(apart, abs(other.end_s - one.end_s))
    return same, apart
