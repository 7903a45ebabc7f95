"""The pictures of a corpus on disk: which are missing, which cannot be read, and a hash that tells changes.

In threads, not processes: reading and decoding let go of Python's lock, and a slow disk is what one waits for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

import cv2
import numpy as np

from skeletor.files.stamp import content_digest
from skeletor.files.suffixes import is_poses
from skeletor.io.formats import read_pose
from skeletor.poses.begins import begins
from skeletor.poses.pose import file_sha256
from skeletor.support.errors import InputError
from skeletor.support.progress import progress
from slt.data.corpus import Clip, Corpus
from slt.video import DEFAULT_FPS, Span, frame_files, open_video
from slt.video.picture import png_fault

Depth = Literal["quick", "all"]
Kind = Literal["empty", "unreadable", "gaps", "sizes", "spans"]
S = TypeVar("S")
T = TypeVar("T")

_RANGES_SHOWN = 8
_OF_FOLDER, _LEAST = 4 << 20, 1 << 12  # bytes of a folder of JSON that count, and at least of each file
_OPENED = 5  # sources that are tried for their frame rate


@dataclass(frozen=True)
class ClipFrames:
    """What was found of one clip's pictures.

    frames: how many there are. sizes: (width, height) -> number of decoded frames. faults: kind and what, in words.
    """

    clip: Clip
    frames: int
    sizes: Mapping[tuple[int, int], int]
    faults: tuple[tuple[Kind, str], ...]


def check_clips(clips: Sequence[Clip], depth: Depth, workers: int, fps: float = DEFAULT_FPS) -> Iterator[ClipFrames]:
    """Look at the pictures of all clips that have any, in order, with a bar.

    depth: "all" decodes every frame, "quick" the first and the last of each clip. workers: threads. fps: of folders of
    frames, in which the parts of longer recordings are found. What is wrong is in the result; nothing is raised for it.
    """
    found = [clip for clip in clips if clip.source is not None]
    return _threaded(lambda clip: check_clip(clip, depth, fps), found, "pictures", workers)


def check_clip(clip: Clip, depth: Depth, fps: float = DEFAULT_FPS) -> ClipFrames:
    """Look at the pictures of one clip (which has a source): list them, decode some of them or all.

    depth, fps: see `check_clips`. Unreadable pictures and gaps in the numbers are faults of the result. Poses in their
    place are read as a whole; their frames have no size. Of a part of a recording only its frames are counted.
    """
    assert clip.source is not None
    if clip.span is not None:
        return _check_part(clip, clip.source, clip.span, depth, fps)
    if is_poses(clip.source):
        return _check_poses(clip, clip.source)
    try:
        files = frame_files(clip.source) if clip.source.is_dir() else None
    except InputError as error:
        return ClipFrames(clip, 0, {}, (("unreadable", str(error)),))
    if files is None:
        return _check_video(clip, clip.source, depth)
    if not files:
        return ClipFrames(clip, 0, {}, (("empty", str(clip.source)),))
    sizes: Counter[tuple[int, int]] = Counter()
    faults: list[tuple[Kind, str]] = [("gaps", f"{clip.source}: {text}") for text in number_faults(files)]
    for file in files if depth == "all" else sorted({files[0], files[-1]}):
        try:
            sizes[picture_size(file)] += 1
        except InputError as error:
            faults.append(("unreadable", str(error)))
    return ClipFrames(clip, len(files), dict(sizes), tuple(faults))


def _check_part(clip: Clip, source: Path, span: Span, depth: Depth, fps: float) -> ClipFrames:
    rate = fps if source.is_dir() else None
    sizes: dict[tuple[int, int], int] = {}
    try:
        if is_poses(source):
            pose = read_pose(source, fps=rate)
            return _counted(clip, source, span, pose.fps, len(pose), begins(pose.provenance))
        with open_video(source, rate) as video:
            found = _counted(clip, source, span, video.fps, video.frame_count, video.begins)
            if found.faults:
                return found
            part = span.frames(video.fps, video.frame_count, video.begins)
            count = sum(frame is not None for frame in video.between(part.start, part.stop)) if depth == "all" else 0
            sizes[video.width, video.height] = count or len(part)
            return dataclasses.replace(found, sizes=sizes)
    except InputError as error:
        return ClipFrames(clip, 0, {}, (("unreadable", str(error)),))


def _counted(clip: Clip, source: Path, span: Span, fps: float, count: int, begin: float) -> ClipFrames:
    """How many frames of a recording of `count` a part has, or that it is not within it."""
    try:
        return ClipFrames(clip, len(span.frames(fps, count, begin)), {}, ())
    except InputError as error:
        return ClipFrames(clip, 0, {}, (("spans", f"clip {clip.name}: {source}: {error}"),))


def _check_video(clip: Clip, source: Path, depth: Depth) -> ClipFrames:
    try:
        with open_video(source) as video:
            count = sum(1 for _ in video) if depth == "all" else video.frame_count
            return ClipFrames(clip, count, {(video.width, video.height): count}, ())
    except InputError as error:
        return ClipFrames(clip, 0, {}, (("unreadable", str(error)),))


def _check_poses(clip: Clip, source: Path) -> ClipFrames:
    try:
        return ClipFrames(clip, len(read_pose(source)), {}, ())
    except InputError as error:
        return ClipFrames(clip, 0, {}, (("unreadable", str(error)),))


def frame_rate(sources: Iterable[Path]) -> float | None:
    """Frames a second of the first of the sources that tells its own: a video, or a file of poses.

    Few are tried; None if none of them can be read.
    """
    telling = (source for source in sources if source.is_file())
    for source in islice(telling, _OPENED):
        try:
            if is_poses(source):
                return read_pose(source).fps
            with open_video(source) as video:
                return video.fps
        except InputError:  # the check and the estimator say so
            continue
    return None


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture file after decoding the whole of it; InputError if that cannot be done."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    fault = png_fault(data)
    if fault is None and data:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is not None:
            return image.shape[1], image.shape[0]
    raise InputError(f"{path}: {fault or ('cannot be decoded' if data else 'the file is empty')}")


def number_faults(files: Sequence[Path]) -> list[str]:
    """What is wrong with the running numbers in file names: missing ones, and ones that stand there twice.

    `images0003.png` after `images0001.png` lacks 2. Numbers begin at 0 or 1. [] if the names have no one number that
    runs.
    """
    rows = [[int(number) for number in re.findall(r"\d+", file.stem)] for file in files]
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        return []
    columns = [column for column in zip(*rows, strict=True) if len(set(column)) > 1]
    if len(rows) == 1:
        columns = [(rows[0][-1],)]
    if len(columns) != 1:
        return []
    counts = Counter(columns[0])
    twice = [f"number {number} {count} times" for number, count in sorted(counts.items()) if count > 1]
    runs = _missing(sorted(counts))
    if not runs:
        return twice
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    shown = ", ".join(texts[:_RANGES_SHOWN]) + (", ..." if len(texts) > _RANGES_SHOWN else "")
    return [*twice, f"{sum(last - first + 1 for first, last in runs)} missing before the last one: {shown}"]


def _missing(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers that lacks in ascending `numbers`, which should begin at 0 or 1."""
    before = [min(numbers[0], 1) - 1, *numbers]
    return [(a + 1, b - 1) for a, b in zip(before, numbers, strict=False) if b - a > 1]


def fingerprint(corpus: Corpus, workers: int = 8) -> str:
    """SHA-256, as hex, over annotation and description, and over names and sizes (not bytes) of the pictures.

    Files of poses count by their bytes, and JSON of folders by at most 4 MB a folder of them: made anew they have the
    size that they had. workers: threads.
    """
    digest = hashlib.sha256(repr(dataclasses.astuple(corpus.description)).encode())
    sources = list(dict.fromkeys(clip.source for clip in corpus.clips))  # many clips may be parts of one
    listings = dict(zip(sources, _threaded(_listing, sources, "listing", workers), strict=True))
    for clip in corpus.clips:
        listing = listings[clip.source]
        digest.update(repr((clip.name, clip.split, clip.speaker, clip.glosses, clip.text, listing)).encode())
        digest.update(b"" if clip.span is None else repr(clip.span).encode())
    return digest.hexdigest()


def _listing(source: Path | None) -> list[tuple[str, int | str]]:
    try:
        if source is None:
            return []
        if not source.is_dir():
            size = source.stat().st_size
            return [(source.name, file_sha256(source) if is_poses(source) else size)]
        with os.scandir(source) as entries:
            found = sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
        most = max(_LEAST, _OF_FOLDER // max(len(found), 1))
        return [
            (one.name, content_digest(Path(one.path), most) if _is_json(one) else one.stat().st_size) for one in found
        ]
    except OSError:  # its pictures cannot be read either, and that is reported there
        return []


def _is_json(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a file of JSON, by its name."""
    return entry.name.lower().endswith(".json") and entry.is_file()


def _threaded(work: Callable[[S], T], items: Sequence[S], what: str, workers: int) -> Iterator[T]:
    pool = ThreadPoolExecutor(workers)
    try:
        yield from progress(pool.map(work, items), what, total=len(items), unit="clip")
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not wait for all of them
