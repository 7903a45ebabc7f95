"""The scan of a video file before its pictures are used: rate, size, and a place in time for every frame.

The packets' stamps are read without decoding them. If they are sound, they are the frames' stamps. If they are not (no
stamps, doubled ones, a clock that jumps, packets that are not shown, fields, damage), the whole file is decoded once,
and the frames that come out, in their order, decide. Counts and lengths in headers are hints: they tell whether a file
that breaks off lacks more than a tenth, and are said in the log where they differ from what is there.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.format import Flags

from skeletor.support.errors import InputError
from slt.video.base import DEFAULT_FPS
from slt.video.clock import MAXIMUM_FPS, disorder, grid, jumps_in, sound_times
from slt.video.container import A_PICTURE, FFMPEG_ERRORS, Frames, Packets, open_container, others
from slt.video.headers.broadcast import codec_change
from slt.video.headers.edits import read_edits
from slt.video.headers.mp4 import encrypted
from slt.video.headers.whole import broken_end, second_video
from slt.video.picture import displayed_size

MINIMUM_SHARE = 0.9  # of the promised frames, below which a file that breaks off is an error
_NONE = np.iinfo(np.int64).min
_HIDDEN_FRAMES = ("vp8",)  # codecs with packets that show nothing
_COUNT_IN_FRONT = ("mov", "avi")
_LENGTH_IN_FRONT = ("matroska", "flv", "asf")
_SEEKABLE = ("mov", "matroska")  # formats with a table of their key frames
_ORDER_ONLY = ("avi", "asf", "gxf")  # formats that know no stamps of showing
# Seconds by which pictures may begin late: encoders begin sound up to 0.08 early, and what is more is a broken clock.
_LATE, _LATEST = 0.1, 3600.0
_ASKEW = 5  # degrees from a quarter of a turn, worth a word
_LONG_PAUSE = 2.0  # seconds that a frame stands, worth a word


@dataclass(frozen=True)
class Scan:
    """size: (width, height) upright. aspect: of the pixels. count: places on the grid of `fps`.

    places: (N,) increasing, one a frame. stamps: (N,) the frames' stamps in ticks, or None if frames are known by
    their order only. keys: (K, 2) stamps of the key frames, of showing and of sending, by which a part can be reached;
    None where that is not safe. notes: what the user should know. begins: see `slt.video.base.Video`.
    """

    fps: float
    size: tuple[int, int]
    aspect: Fraction | None
    count: int
    places: np.ndarray
    stamps: np.ndarray | None
    notes: tuple[str, ...]
    keys: np.ndarray | None = None
    begins: float = 0.0


@dataclass
class _Table:
    """Of a stream's packets in order of the file; and what the container says of itself."""

    format: str
    tick: float
    jumps: bool  # whether a clock of this format may be set anew
    promised: int  # frames by its header
    indexed: int  # packets by its table of them, without those that an edit list leaves out; 0 if unknown
    length: float
    rates: list[float]
    codec: str
    reorders: bool
    aspect: Fraction | None
    stream: int  # its number in the file
    others: int  # streams of pictures beside this one
    width: int
    height: int
    pts: array[int] = field(default_factory=lambda: array("q"))
    dts: array[int] = field(default_factory=lambda: array("q"))
    empty: int = 0
    hidden: int = 0
    corrupt: int = 0
    last_corrupt: bool = False
    keys: array[int] = field(default_factory=lambda: array("b"))
    end: float = 0.0  # seconds, of the last packet of any stream
    begin: float | None = None  # seconds, at which players begin: sound or picture, whichever is first
    shown: float | None = None  # seconds, of the first frame that is shown
    error: str | None = None
    first: Any = None  # decoded frame


def scan(path: Path) -> Scan:
    """Look through a file without making pictures. Raises InputError if it is no video or breaks off."""
    table = _read_packets(path)
    if encrypted(path, table.format):
        raise InputError(f"{path}: its pictures are encrypted; get it without copy protection")
    if len(table.pts) == 0:
        raise InputError(f"{path}: no frame can be read; the file is damaged or breaks off")
    if table.first is None:
        raise InputError(f"{path}: no frame can be decoded; the file is damaged or not a video")
    change = codec_change(path, table.stream) if table.format == "mpegts" else None
    if change is not None:
        raise InputError(
            f"{path}: its pictures change from {change.before} to {change.after} after {change.at:.0%} of the file; "
            "take the parts apart, or convert it to one codec"
        )
    if len(table.pts) == 1 and (table.format.endswith("_pipe") or table.format in ("gif", "apng")):
        raise InputError(f"{path}: {A_PICTURE}")
    end_fault = table.error or broken_end(path, table.format)
    notes: list[str] = []
    stamps: np.ndarray | None = None
    if _sound(table):
        stamps = np.sort(np.array(table.pts))
        times = (stamps - stamps[0]) * table.tick
        table.shown = float(stamps[0]) * table.tick
    else:
        times, damage = _decoded_times(path, table)
        notes += damage
        if end_fault is None and table.last_corrupt:
            end_fault = "its last packet is damaged"
    notes += _ending(path, table, end_fault, len(times))
    if table.others:
        notes.append(f"has {table.others + 1} streams of pictures; one of {table.width}x{table.height} alone is read")
    astray = table.first.rotation % 90
    if _ASKEW < astray < 90 - _ASKEW:
        notes.append(f"is to be shown turned by {-table.first.rotation} degrees, which is done in quarters only")
    edits = read_edits(path).get(table.stream) if _is_any(table.format, ("mp4",)) else None
    notes += [] if edits is None else edits.notes()
    if second_video(path, table.format):
        notes.append("a second video stands behind its end, which is not read; take them apart")
    rates = [rate for rate in table.rates if rate <= MAXIMUM_FPS]
    fps, places = grid(times, rates)
    count = int(places[-1]) + 1
    if count > 100 * len(times) + 1000:
        raise InputError(f"{path}: its timestamps are broken ({len(times)} frames over {times[-1] - times[0]:.0f} s)")
    notes += _gaps(times, places, fps)
    size = displayed_size(table.first, table.aspect)
    keys = _key_stamps(table) if stamps is not None and _is_any(table.format, _SEEKABLE) else None
    return Scan(fps, size, table.aspect, count, places, stamps, tuple(notes), keys, _begins(table))


def _begins(table: _Table) -> float:
    """Seconds by which the pictures begin late; 0 for what may be silence that an encoder puts in front of sound."""
    if table.begin is None or table.shown is None:
        return 0.0
    late = table.shown - table.begin
    return round(late, 6) if _LATE <= late <= _LATEST else 0.0


def _key_stamps(table: _Table) -> np.ndarray:
    """(K, 2) stamps of showing and of sending of the key frames, in order; what was not sent with one has one stamp."""
    shown, sent = (np.array(stamps)[np.array(table.keys, bool)] for stamps in (table.pts, table.dts))
    order = np.argsort(shown)
    return np.stack([shown, np.where(sent == _NONE, shown, sent)], 1)[order]


def _read_packets(path: Path) -> _Table:
    """The table; decodes up to the first frame."""
    with open_container(path) as (container, stream):
        counted = _is_any(container.format.name, _COUNT_IN_FRONT)
        table = _Table(
            format=container.format.name, tick=float(stream.time_base), codec=stream.codec_context.name,
            jumps=bool(container.format.flags & Flags.ts_discont.value), indexed=0,
            promised=int(stream.frames) if counted else 0,
            begin=None if container.start_time is None else container.start_time / 1e6,
            length=(container.duration or 0) / 1e6, reorders=bool(stream.codec_context.has_b_frames),
            rates=[float(rate) for rate in (stream.guessed_rate, stream.average_rate) if rate],
            aspect=stream.sample_aspect_ratio, stream=stream.id, others=0, width=stream.width, height=stream.height,
        )  # fmt: skip
        packets = Packets(container)
        for packet in packets:
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None:
                table.end = max(table.end, float(stamp * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            if table.first is None:
                try:
                    table.first = next(iter(packet.decode()), None)
                except FFMPEG_ERRORS:
                    table.first = None
            if packet.size == 0 and packet.dts is None:
                continue  # the one that flushes the decoder
            _enter(table, packet)
        table.error = packets.error
        table.others = others(container, stream)  # some begin in the middle
        if table.promised and "mov" in table.format:
            table.indexed = len(stream.index_entries)
    return table


def _is_any(formats: str, names: tuple[str, ...]) -> bool:
    """Whether FFmpeg's name of a format, "mov,mp4,...", holds one of these."""
    return any(name in names for name in formats.split(","))


def _enter(table: _Table, packet: Any) -> None:
    if packet.size == 0:
        table.empty += 1
        return
    table.hidden += packet.is_discard
    table.corrupt += packet.is_corrupt
    table.last_corrupt = packet.is_corrupt
    table.keys.append(packet.is_keyframe)
    table.pts.append(_NONE if packet.pts is None else packet.pts)
    table.dts.append(_NONE if packet.dts is None else packet.dts)


def _sound(table: _Table) -> bool:
    """Whether each packet is one shown frame, and its stamp the time at which it is shown."""
    pts, dts = np.array(table.pts), np.array(table.dts)
    if table.empty or table.hidden or table.corrupt or table.codec in _HIDDEN_FRAMES or table.first.interlaced_frame:
        return False
    if (pts == _NONE).any() or not table.keys[0] or pts.min() < pts[0]:
        return False
    if (np.diff(dts[dts != _NONE]) <= 0).any():
        return False
    if _is_any(table.format, _ORDER_ONLY) and (table.reorders or (pts != dts).any()):
        return False
    if table.reorders and len(pts) > 2 and (np.diff(pts) > 0).all():
        return False  # frames change places, but their stamps do not
    ordered = np.sort(pts)
    return bool((np.diff(ordered) > 0).all()) and not (table.jumps and jumps_in(ordered * table.tick))


def _decoded_times(path: Path, table: _Table) -> tuple[np.ndarray, list[str]]:
    """(N,) increasing seconds of the frames that the decoder gives, from 0, and what is to be said of damage."""
    shown, sent = array("d"), array("d")
    with open_container(path) as (container, stream):
        frames = Frames(container, stream)
        for frame in frames:
            shown.append(np.nan if frame.pts is None else frame.pts * table.tick)
            sent.append(np.nan if frame.dts is None else frame.dts * table.tick)
    if not shown:
        raise InputError(f"{path}: no frame can be decoded; the file is damaged or not a video")
    table.last_corrupt |= frames.last_damaged
    notes = damage_notes(path, frames.errors, frames.damaged, len(shown))
    if frames.early_errors or not table.keys[0]:
        notes.append("it begins in the middle; frames before its first whole picture are left out")
    stamps = min((np.array(shown), np.array(sent)), key=disorder)
    if _is_any(table.format, _ORDER_ONLY) and len(shown) == len(table.dts):
        # The stamps of showing are made up by FFmpeg; those of sending, in order, are the ones of the frames in order.
        ticks = np.sort(np.array(table.dts))
        stamps = np.where(ticks == _NONE, np.nan, ticks * table.tick)
    usual = 1 / next((rate for rate in table.rates if rate <= MAXIMUM_FPS), DEFAULT_FPS)
    times, resets = sound_times(stamps, usual, table.jumps)
    if not resets and np.isfinite(stamps[0]):
        table.shown = float(stamps[0])
    if resets:
        notes.append(f"its clock jumps {resets} times; frames go on without a gap")
    return times, notes


def damage_notes(path: Path, lost: int, damaged: int, shown: int) -> list[str]:
    """Notes on frames that cannot be decoded. Raises InputError if those are more than a tenth."""
    total = shown + lost
    if shown < MINIMUM_SHARE * total:
        raise InputError(f"{path}: breaks off or is damaged, {shown} of {total} frames can be read; get the whole file")
    notes = []
    if lost:
        notes.append(f"{lost} of {total} frames cannot be decoded; the one before stands in the place of each")
    if damaged:
        notes.append(f"{damaged} of {total} frames are damaged in part")
    return notes


def _ending(path: Path, table: _Table, fault: str | None, shown: int) -> list[str]:
    """What is to be said of the file's end; InputError if more than a tenth is missing."""
    there, promised = len(table.pts) + table.empty, table.promised
    if "avi" in table.format and len(table.dts) > 1:  # its count is of the ticks of its clock, repeats included
        dts = np.array(table.dts)
        step = max(1, int(np.median(np.diff(dts))))
        there, promised = round((int(dts[-1]) + step) / step), round(promised / step)
    length = table.length if _is_any(table.format, _LENGTH_IN_FRONT) else 0.0
    step_seconds = 1 / min(table.rates, default=DEFAULT_FPS)
    expected = table.indexed or promised
    if fault and there < MINIMUM_SHARE * expected:
        raise InputError(f"{path}: breaks off, {there} of {expected} frames are there; get the whole file")
    if table.end < MINIMUM_SHARE * length - step_seconds:
        raise InputError(f"{path}: breaks off, {table.end:.1f} of {length:.1f} seconds are there; get the whole file")
    if fault and there < expected:
        return [f"breaks off ({fault}): {there} of {expected} frames are there"]
    if fault and not expected:
        return [f"breaks off ({fault}): {shown} frames are read; how many are missing is not known"]
    if table.hidden or (table.indexed and there < promised):
        return [f"{shown} of {max(there, promised)} frames are shown; an edit list, or damage, leaves out the others"]
    if there < promised:
        return [f"its header promises {promised} frames, {there} are there"]
    if length and 0 < table.end < length - 2.5 * step_seconds:
        return [f"its header promises {length:.2f} seconds, {table.end:.2f} are there"]
    return []


def _gaps(times: np.ndarray, places: np.ndarray, fps: float) -> list[str]:
    """What is to be said of places without a frame."""
    notes = []
    missing = int(places[-1]) + 1 - len(places)
    steps = np.diff(times)
    crowded = int((np.diff(places) == 0).sum())
    if crowded:
        notes.append(
            f"variable rate: {crowded} of {len(places)} frames are followed too soon and left out at {fps:.4g} fps"
        )
    if missing > 0 and (np.diff(places) > 0).all():
        first = int(places[np.flatnonzero(np.diff(places) > 1)[0]]) + 1
        whole = missing + len(places)
        notes.append(f"no picture for {missing} of {whole} frames, first for {first}; the one before stands there")
    elif len(steps) and steps.max() > _LONG_PAUSE and steps.max() * fps > 2:
        notes.append(f"no new picture for {steps.max():.1f} s at {times[int(steps.argmax())]:.1f} s")
    return notes
