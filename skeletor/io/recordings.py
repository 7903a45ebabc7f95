"""Recordings in a directory of frame files, by the names that the field's tools give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from pathlib import Path

from skeletor.files.outside import reading
from skeletor.files.suffixes import PICTURE_SUFFIXES
from skeletor.support.errors import InputError, printable
from skeletor.support.progress import log

# OpenPose: <clip>_<12 digits>_keypoints.json, counted from 0.
_OPENPOSE = re.compile(r"(?P<clip>.*?)_?(?P<frame>[0-9]{12})_keypoints")
# PHOENIX-2014: <clip>_fn<6 digits>-0, counted from 0.
_PHOENIX_2014 = re.compile(r"(?P<clip>.*?)_fn(?P<frame>[0-9]+)-[0-9]+(_keypoints)?")
_NUMBER = re.compile(r"[0-9]+")
# What a number after such a word counts is no time.
_NO_TIME = re.compile(r"(cam|camera|view|angle|sensor|person|hand|take|scene)[_.-]?$", re.IGNORECASE)
_LONGEST_NUMBER = 15
_POSE_FILES = (".safetensors", ".pose", ".skels", ".npy", ".npz")  # each a clip or several of its own
_COUNTED = 3  # files, of fewer a common step says nothing
_FRAMES_PER_FILE, _FRAMES_MORE = 20, 3000  # a recording may have at most 20 frames a file and 3,000 more


@dataclass(frozen=True)
class Recording:
    """files: frame number -> file. start: the number of the first frame, whether or not it has a file."""

    files: dict[int, Path]
    start: int

    @property
    def frames(self) -> int:
        """Number of frames from `start` to the last file; frames without a file count and are missing."""
        return max(self.files) - self.start + 1

    def __iter__(self) -> Iterator[tuple[int, Path]]:
        """(index from 0, file) in order of time."""
        return ((number - self.start, self.files[number]) for number in sorted(self.files))


def list_recordings(directory: Path, what: str) -> dict[str, Recording]:
    """The recordings in a directory by name, in order. InputError if there are none, or two files of one number.

    The frame's number is where OpenPose or PHOENIX-2014 have it, else the last number of the names that changes
    from file to file and does not count cameras or people (`cam2`); what is left of the name is the recording's. Hidden
    files (`._x` of macOS) are left out. So are, which is told, pictures, and where files have those tools' names, files
    of other names.
    """
    if not directory.exists():
        raise InputError(f"{directory}: no such directory; give the path of a {what}")
    if not directory.is_dir():
        raise InputError(f"{directory}: is a file; give the {what} that it is in")
    with reading(directory, what):
        files = [p for p in sorted(directory.iterdir()) if p.suffix.lower() == ".json" and p.name[0] != "."]
        found: dict[str, dict[int, Path]] = {}
        counted: dict[str, bool] = {}
        numbered = list(_numbered(files))
        if any(from_0 for *_, from_0 in numbered):
            stray = [path.name for path, *_, from_0 in numbered if not from_0]
            _tell_unread(directory, stray, "not named as the frames beside it")
            numbered = [one for one in numbered if one[-1]]
        for path, clip, number, from_0 in numbered:
            if number in found.setdefault(clip, {}):
                raise InputError(f"{directory}: two files have the frame number {number}, one is {path.name}")
            found[clip][number] = path
            counted[clip] = counted.get(clip, True) and from_0
        if not found:
            raise InputError(_nothing(directory, what))
        pictures = [p.name for p in directory.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and p.name[0] != "."]
        _tell_unread(directory, sorted(pictures), "no JSON")
        return {clip: _recording(directory, found[clip], counted[clip]) for clip in sorted(found)}


def _tell_unread(directory: Path, names: Sequence[str], why: str) -> None:
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        log.warning(f"{directory}: {printable(names[0])}{more} left out ({why})")


def _nothing(directory: Path, what: str) -> str:
    """The message for a directory without frame files: of a folder of poses, its files are to be given."""
    for suffix in _POSE_FILES:
        if any(p.suffix.lower() == suffix and p.name[0] != "." for p in directory.iterdir()):
            return f"{directory}: is a folder of {suffix} files; give the files, as {directory}/*{suffix}"
    if any(p.is_dir() and next(p.glob("*.json"), None) is not None for p in directory.iterdir() if p.name[0] != "."):
        return f"{directory}: is a folder of folders of JSON files; give these, as {directory}/*"
    return f"{directory}: holds no file <name>_<frame number>_keypoints.json; give a {what}"


def _recording(directory: Path, files: dict[int, Path], from_0: bool) -> Recording:
    """With its start: 0 where the tool counts from 0; else 0 or 1, unless there are more frames before than files.

    Numbers of other tools are those of pictures, or times: if all are a step apart, each file is a frame.
    """
    files = _counted(directory, files, from_0)
    first = min(files)
    start = 0 if from_0 else min(first, 1)
    if not from_0 and first - start > len(files):
        start = first
        log.warning(f"{directory}: begins with frame number {first}, which is taken as the recording's first")
    elif first - start:
        log.warning(f"{directory}: begins with frame number {first}; the {first - start} frames before are missing")
    recording = Recording(files, start)
    if recording.frames > 2 * len(files) + 1:
        log.warning(
            f"{directory}: {recording.frames - len(files)} of {recording.frames} frames have no file; are the numbers "
            "of its names those of frames?"
        )
    if recording.frames > _FRAMES_PER_FILE * len(files) + _FRAMES_MORE:
        raise InputError(
            f"{directory}: {len(files)} files numbered {first} to {max(files)}; that is no video, or one of several "
            "in a directory; put each into its own"
        )
    return recording


def _counted(directory: Path, files: dict[int, Path], from_0: bool) -> dict[int, Path]:
    """The files by their number in units of the step between them, as folders of pictures are read.

    from_0: what comes before the first file counts, in the same units; else the first one is number 0.
    """
    numbers = sorted(files)
    if (step := common_step(numbers)) == 1:
        return files
    log.warning(f"{directory}: its numbers are {step} apart; they are taken as all frames, at the frame rate given")
    begin = 0 if from_0 else numbers[0]
    return {(number - begin) // step: files[number] for number in numbers}


def common_step(numbers: Iterable[int]) -> int:
    """By how much all of some frames' numbers are apart; 1 if these are too few to tell."""
    ordered = sorted(set(numbers))
    if len(ordered) < _COUNTED:
        return 1
    return gcd(*(after - before for before, after in pairwise(ordered)))


def _numbered(files: Iterable[Path]) -> Iterator[tuple[Path, str, int, bool]]:
    """(file, recording, frame number, whether frames are counted from 0) of each file with a number."""
    others: dict[str, list[tuple[Path, list[str]]]] = {}
    for path in files:
        stem = path.stem
        match = _OPENPOSE.fullmatch(stem) or _PHOENIX_2014.fullmatch(stem)
        if match:
            yield path, match["clip"], _whole(path, match["frame"]), True
        elif numbers := _NUMBER.findall(stem.removesuffix("_keypoints")):
            others.setdefault(_NUMBER.sub("#", stem), []).append((path, numbers))
    for alike in others.values():
        columns = [{numbers[k] for _, numbers in alike} for k in range(len(alike[0][1]))]
        changing = [k for k, values in enumerate(columns) if len(values) > 1]
        place = max(
            [k for k in changing if not _counts_things(alike[0][0].stem, k)] or changing, default=len(columns) - 1
        )
        for path, numbers in alike:
            at = list(_NUMBER.finditer(path.stem))[place]
            before = path.stem[: at.start()]
            after = path.stem[at.end() :].removesuffix("_keypoints")
            yield path, before.rstrip("_-.") + after, _whole(path, numbers[place]), False


def _counts_things(stem: str, place: int) -> bool:
    """Whether the number at that place of a name counts cameras, people or takes, by the word before it."""
    return _NO_TIME.search(stem[: list(_NUMBER.finditer(stem))[place].start()]) is not None


def _whole(path: Path, digits: str) -> int:
    if len(digits.lstrip("0")) > _LONGEST_NUMBER:
        raise InputError(f"{path}: a frame number of {len(digits)} digits; that is no video")
    return int(digits)
