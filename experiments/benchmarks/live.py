"""`slt live` by the clock: frames a second that are looked at, and how late the text of a sentence comes.

The stream is a clip again and again with its first picture held between, written to a file and played at its own rate,
as `slt live --as-if-live` does. Its texts are compared with those of `slt translate` of the same file, cut by the same.
Nothing is simulated, so the numbers are of this machine and of what else it does meanwhile: how busy other programs
keep its cores is a column (Linux). On a machine that is not idle they are too bad, never too good.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from pydantic import Field

from experiments.report import table, write_files
from experiments.request import Request
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from slt.estimators.base import Follower
from slt.estimators.mediapipe.estimator import Speed
from slt.inference.chain import SHIPPED, Chain, load_chain
from slt.inference.estimation import Sparse
from slt.inference.recording import Recording, translate_recording
from slt.live.clock import Clock
from slt.live.session import Fixed
from slt.live.sources.playback import open_playback
from slt.live.summary import Tally
from slt.live.watch import watch_by
from slt.segment.choice import CUTS, Cut
from slt.video import open_video, write_video

_SPEEDS: tuple[Speed, ...] = ("full", "faster")
_ONE = "OPENBLAS_NUM_THREADS"
_STAT = Path("/proc/stat")  # CPU time of all programs


class LiveBench(Config):
    """clip: the video that is repeated. rest: seconds of its first picture before, between and behind. A row for each
    of segments x speeds x strides.
    """

    clip: str = "examples/forecast.mp4"
    repeats: int = Field(4, ge=1, le=1000)
    rest: float = Field(2.0, gt=0, le=60)
    segments: list[Cut] = Field(default_factory=lambda: list(CUTS))
    speeds: list[Speed] = Field(default_factory=lambda: list(_SPEEDS))
    strides: list[int] = Field([1, 2])
    model: str = str(SHIPPED)


@dataclass(frozen=True)
class Played:
    """One row. others: how many cores other programs kept busy meanwhile; None where that is not known."""

    tally: Tally
    fixed: list[Fixed]
    others: float | None


def make(request: Request, config: LiveBench) -> None:
    """Play the stream in each way, compare with the file, write `live.md` and `live.json`. Raises InputError unless
    OPENBLAS_NUM_THREADS=1 is set.
    """
    if os.environ.get(_ONE) != "1":  # as the command does; it is read when NumPy is loaded
        raise InputError(f"{request.name}: NumPy's threads are to be one: {_ONE}=1 {request.command}")
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))  # as the command does
    rows: list[list[str]] = []
    numbers: list[Mapping[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.mp4"
        write_video(path, stream(config), _rate(config))
        for speed, stride in itertools.product(config.speeds, config.strides):
            chain = load_chain(Path(config.model), sparse=Sparse(stride, speed=speed), device="cpu")
            poses = chain.poses(path)
            for by in config.segments:
                played = play(chain, path, by)
                same, ends = compared(chain, path, poses, played.fixed, by)
                rows.append(_row(speed, stride, by, played, same, ends))
                numbers.append(
                    {"speed": speed, "stride": stride, "segments": by, **played.tally.plain()}
                    | {"others": played.others, "same_texts": same, "ends_apart_s": ends}
                )
    text = "\n".join([*table(_HEAD, rows), "", _NOTE.format(cores=os.cpu_count())])
    write_files(request.results, request.name, text, request.about(config, None) | {"rows": numbers})


_HEAD = (
    "2D", "on", "cut by the", "looked at, a second", "dropped", "CPU ms a frame", "sentences",
    "text fixed after, s (median, worst)", "texts as of the file", "ends apart, s", "cores of others",
)  # fmt: skip
_NOTE = (
    "By the clock, on {cores} cores, see `experiments/benchmarks/live.py`. CPU ms a frame: of all, reading "
    "included. Cores of others: what other programs took meanwhile."
)


def _row(speed: Speed, stride: int, by: Cut, played: Played, same: int, ends: float) -> list[str]:
    tally, count = played.tally, len(played.fixed)
    waits = tally.delays.get("rest", [float("nan")])
    return [
        speed, "every frame" if stride == 1 else f"1 frame in {stride}", by, f"{tally.rate or 0:.1f}",
        f"{tally.dropped} of {tally.came}", f"{1000 * tally.cpu_s / max(1, tally.frames):.0f}", str(count),
        f"{median(waits):.2f}, {max(waits):.2f}", f"{same} of {count}", f"{ends:.2f}",
        "?" if played.others is None else f"{played.others:.2f}",
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


def play(chain: Chain, path: Path, by: Cut, clock: Clock | None = None) -> Played:
    """The stream as `slt live --as-if-live` sees it. clock: by which it is played; by default the real one."""
    clock = clock or Clock()
    follower: Follower = chain.estimator  # type: ignore[assignment]
    follower.load()
    with open_playback(path, clock) as source:
        watch, _ = watch_by(chain, follower, source, clock, by)
        before = _machine(), time.process_time(), time.monotonic()
        fixed = [one for one in watch.told() if isinstance(one, Fixed)]
        after = _machine(), time.process_time(), time.monotonic()
        tally = watch.tally
    others = None
    if before[0] is not None and after[0] is not None:
        others = max(0.0, (after[0] - before[0]) - (after[1] - before[1])) / max(1e-9, after[2] - before[2])
    return Played(tally, fixed, others)


def _machine() -> float | None:
    """CPU seconds of all programs since the machine was started; None where that is not known."""
    if not _STAT.is_file():
        return None
    user, nice, system, _, _, irq, soft, steal = map(int, _STAT.read_text().split()[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def compared(chain: Chain, path: Path, poses: PoseSequence, fixed: Sequence[Fixed], by: Cut) -> tuple[int, float]:
    """How many texts are those of the file, each beside the one that it overlaps most; and the largest distance in
    seconds between their ends. poses: of the file."""
    whole = translate_recording(chain, path, lambda _: poses, segments=by)
    assert isinstance(whole, Recording)
    same, apart = 0, 0.0
    for one in fixed:
        other = max(whole.sentences, key=lambda o: min(o.end_s, one.end_s) - max(o.start_s, one.start_s))
        same += other.text == one.text
        apart = max(apart, abs(other.end_s - one.end_s))
    return same, apart
