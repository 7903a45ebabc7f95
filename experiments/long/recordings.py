"""`python -m experiments recordings`: what `slt translate` needs for recordings of any length, and what a kill costs.

Seen from outside: the command is started as a user does. Recordings of poses are long takes, one behind the other,
again and again; those of video are one rendered clip again and again.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import av
import numpy as np
from pydantic import Field

from experiments.long.config import LongConfig
from experiments.long.table import test_takes
from experiments.long.takes import Material
from experiments.report import table, write_files
from experiments.request import Request
from experiments.scale.processes import descendants, most_resident
from skeletor.files.atomic import atomic_path
from skeletor.io.formats import write_poses
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log

if TYPE_CHECKING:
    Packet: TypeAlias = "av.Packet[Any]"

_MEGABYTE = 2**20
_FORMATS = ("srt", "vtt", "txt")
_LOOK = 0.1  # seconds between two looks at memory
_PATIENCE = 3600.0  # seconds until something that is killed must have begun to write


class RecordingsConfig(Config):
    """poses, videos: lengths in minutes. killed, killed_video: minutes of poses and of a video whose run is killed (-9)
    and started again; 0: none is. clip: the video that is repeated, below the run. options: more of `slt translate` for
    videos.
    """

    poses: list[float] = Field(default_factory=lambda: [6.0, 15.0, 60.0])
    videos: list[float] = Field(default_factory=list)
    killed: float = Field(15.0, ge=0)
    killed_video: float = Field(0.0, ge=0)
    clip: str = "corpus/features/fullFrame-210x260px/test/test-00000.mp4"
    options: list[str] = Field(default_factory=list)
    takes: LongConfig = LongConfig()


@dataclass(frozen=True)
class Needed:
    """What a translation needed. segments: subtitles, understood or not. seconds: by the clock; cpu: of all its
    processes. peak: bytes of memory of the largest one. same: the bytes of an unbroken run, for one that was killed.
    """

    name: str
    minutes: float
    segments: int
    seconds: float
    cpu: float
    peak: int
    same: bool | None = None


def make(request: Request, config: RecordingsConfig) -> None:
    """Make the recordings, translate each, and write the table."""
    model = request.finished / "model"
    if not model.is_dir():
        raise InputError(f"{model}: no model; give --run DIR, the folder of a finished `slt run`")
    found = []
    lengths = sorted({*config.poses, *([config.killed] if config.killed else [])})
    files = pose_files(request.finished, config.takes, lengths, request.work) if lengths else {}
    for minutes, file in files.items():
        if minutes in config.poses:
            found.append(translated("poses", minutes, file, model, request.work / "out"))
            log.info("%s", found[-1])
    if config.killed:
        found.append(killed("poses", config.killed, files[config.killed], model, request.work))
    clip = request.finished / config.clip
    for minutes in config.videos:
        video = repeated(clip, minutes, request.work / f"video-{minutes:g}.mp4")
        found.append(translated("video", minutes, video, model, request.work / "out", config.options))
        log.info("%s", found[-1])
    if config.killed_video:
        video = repeated(clip, config.killed_video, request.work / f"video-{config.killed_video:g}.mp4")
        found.append(killed("video", config.killed_video, video, model, request.work, config.options))
        log.info("%s", found[-1])
    values = {
        **request.about(config, config.takes.seed),
        "cores": os.cpu_count(),
        "rows": [asdict(one) for one in found],
    }
    write_files(request.results, request.name, page(found, request.command), values)


def page(found: Sequence[Needed], command: str) -> str:
    """The table."""
    head = ["recording", "minutes", "segments", "largest process", "CPU", "by the clock", "bytes of an unbroken run"]
    rows = [
        [one.name, f"{one.minutes:g}", str(one.segments), f"{one.peak / _MEGABYTE:.0f} MB", f"{one.cpu:.0f} s",
         f"{one.seconds:.0f} s", "" if one.same is None else "yes" if one.same else "NO"]
        for one in found
    ]  # fmt: skip
    note = f"`slt translate -f {','.join(_FORMATS)}`, {os.cpu_count()} cores, start included. Made by `{command}`."
    return "\n".join([*table(head, rows), "", note]) + "\n"


def pose_files(run: Path, config: LongConfig, minutes: Sequence[float], work: Path) -> dict[float, Path]:
    """Minutes -> a file of so many of 2D poses (T, 50, 2): the test takes in turn, from the first on."""
    takes = [take.pose for take in test_takes(Material(run), config)]
    files = {}
    for length in minutes:
        files[length] = work / f"poses-{length:g}.safetensors"
        write_poses({files[length].stem: turns(takes, round(length * 60 * takes[0].fps))}, files[length])
    return files


def turns(takes: Sequence[PoseSequence], frames: int) -> PoseSequence:
    """So many frames of the takes in turn, from the first on, again and again."""
    times = -(-frames // sum(map(len, takes)))
    keypoints, confidence = (
        np.concatenate([getattr(take, part) for take in takes] * times)[:frames] for part in ("keypoints", "confidence")
    )
    return takes[0].replace(keypoints, confidence)


def repeated(clip: Path, minutes: float, out: Path) -> Path:
    """A video of so many minutes: the clip again and again, not encoded anew. InputError if it cannot be read."""
    try:
        with av.open(str(clip)) as source, atomic_path(out) as temporary:
            video = source.streams.video[0]
            base, rate = video.time_base, video.average_rate
            packets = [packet for packet in source.demux(video) if packet.dts is not None]
            assert base is not None and rate is not None
            length = round(len(packets) / rate / base)  # of a turn, in ticks
            with av.open(str(temporary), "w", format="mp4") as target:
                stream = target.add_stream_from_template(video)
                for turn in range(math.ceil(minutes * 60 * rate / len(packets))):
                    for packet in packets:
                        target.mux(_later(packet, turn * length, base, stream))
    except (OSError, av.FFmpegError) as error:
        raise InputError(f"{clip}: cannot be repeated ({error}); give --set clip=FILE below the run") from error
    return out


def _later(packet: Packet, ticks: int, base: Fraction, stream: av.VideoStream) -> Packet:
    """The same packet, so many ticks later, for another file; muxing changes what it is given."""
    made: Packet = av.Packet(bytes(packet))
    made.stream, made.time_base, made.is_keyframe, made.duration = stream, base, packet.is_keyframe, packet.duration
    made.dts, made.pts = (None if t is None else t + ticks for t in (packet.dts, packet.pts))
    return made


def translated(
    name: str, minutes: float, file: Path, model: Path, out: Path, options: Sequence[str] = (), same: bool | None = None
) -> Needed:
    """Translate a file by the command, and see what it takes. InputError if it fails."""
    begin = time.monotonic()
    peak = ended = 0
    with _running(file, model, out, options) as process:
        while not ended:
            peak = max([peak, *map(most_resident, (process.pid, *descendants(process.pid)))])
            time.sleep(_LOOK)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise InputError(f"{file}: `slt translate` ended with {process.returncode}; see {out}.log")
    subtitles = out / f"{file.stem}.srt"
    segments = subtitles.read_text(encoding="utf-8").count(" --> ") if subtitles.is_file() else 0
    seconds = time.monotonic() - begin
    return Needed(name, minutes, segments, seconds, used.ru_utime + used.ru_stime, peak, same)


def killed(name: str, minutes: float, file: Path, model: Path, work: Path, options: Sequence[str] = ()) -> Needed:
    """Kill a translation when it has kept its first sentences, or the first part of a video's poses, start it again,
    and compare with an unbroken one."""
    whole, broken = work / "out", work / "killed"
    for folder in (whole, broken):
        shutil.rmtree(folder, ignore_errors=True)
    translated(name, minutes, file, model, whole, options)
    begin = time.monotonic()
    kept = broken / f"{file.stem}.work"
    with _running(file, model, broken, options) as process:
        while process.poll() is None and not _begun(kept) and time.monotonic() - begin < _PATIENCE:
            time.sleep(0.05)
        if process.poll() is not None:
            raise InputError(f"{file}: the run that should be killed had ended; give more minutes")
        if not _begun(kept):
            raise InputError(f"{file}: nothing was kept within {_PATIENCE:g} s, so a kill would show nothing")
    left = [path.name for path in broken.glob(f"{file.stem}.*") if path.suffix[1:] in _FORMATS]
    again = translated(f"{name}, killed and started again", minutes, file, model, broken, options)
    same = not left and all(
        (whole / f"{file.stem}.{kind}").read_bytes() == (broken / f"{file.stem}.{kind}").read_bytes()
        for kind in _FORMATS
    )
    return Needed(**{**asdict(again), "same": same})


def _begun(kept: Path) -> bool:
    """Whether something lies there whole: sentences, or a part of a video's poses."""
    return any(path.suffix in (".json", ".safetensors") and path.name[0] != "." for path in kept.glob("*"))


@contextmanager
def _running(file: Path, model: Path, out: Path, options: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The command, in a session of its own; what it says goes to `OUT.log`. Killed (-9) if the block ends before it."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "slt", "translate", str(file), "--model", str(model), "-o", str(out),
               "-f", ",".join(_FORMATS), *options]  # fmt: skip
    with Path(f"{out}.log").open("ab") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
