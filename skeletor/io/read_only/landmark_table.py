"""Tables of MediaPipe's landmarks as Kaggle's data sets of sign language have them (`.csv`, `.tsv`); read only.

- A line a landmark, as in Isolated Sign Language Recognition: columns `frame`, `type` (face, left_hand, pose,
  right_hand), `landmark_index`, `x`, `y`.
- A line a frame, as in American Sign Language Fingerspelling: `frame`, `x_pose_0`, `y_pose_0`, `x_left_hand_0`, ...

`sequence_id` tells clips apart. An empty cell is a landmark that was not found. x and y are shares of the picture,
whose size has to be given. Faces and z are left out. Their Parquet files are the same tables; pandas writes them as
CSV. What a spreadsheet makes of them is read as well (`skeletor.io.read_only.table_text`).
"""

from __future__ import annotations

import csv
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from skeletor.files.outside import existing_file, reading
from skeletor.io.rates import assumed
from skeletor.io.read_only.arrays import Size, mediapipe_pose
from skeletor.io.read_only.table_text import Numbers, first_line, lines_of, open_text, separator
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.support.errors import InputError
from skeletor.support.progress import log

WHAT = "table of landmarks"
SUFFIXES = (".csv", ".tsv")
DEFAULT_FPS = 25.0
_LARGEST = 512 << 20  # bytes: a line a landmark takes 20 MB a minute
_LONG = {"frame", "type", "landmark_index", "x", "y"}
_FIRST = {"pose": 0, "left_hand": 33, "right_hand": 54}  # place of each part's first point among the 75
_COUNT = {"face": 478, "pose": 33, "left_hand": 21, "right_hand": 21}
_WIDE = re.compile(r"([xy])_(pose|left_hand|right_hand)_([0-9]{1,2})")
_BYTES_PER_FRAME, _FRAMES_MORE = 64, 3000  # of all clips: a frame of 75 points takes 150 bytes, if all are missing
_MOST_FRAMES = 200_000  # of all clips: two hours of 25 a second; as one clip they take a gigabyte of memory
_CLIP = "sequence_id"
_NOT_GIVEN = float("inf")  # no coordinate: a cell that holds it is missing, too
_NOTHING = [_NOT_GIVEN] * 150  # x, y of the 75 points
_MOST = 1e30  # a coordinate; beyond it is none

Point = tuple[str, int, int, int, float]  # clip, frame, place among the 75, 0 (x) or 1 (y), value
Cells = Mapping[int, "array[float]"]  # frame -> x, y, x, y, ... of the 75 points


def is_landmark_table(path: Path) -> bool:
    """Whether a file's first line names the columns of such a table, whatever parts them; if it can be read."""
    try:
        with open_text(path, errors="replace") as file:  # whose names of columns are sound: it is told where read
            names, told, _ = first_line(lines_of(file))
            separator(names, _are_known, told)
        return True
    except InputError:
        return True
    except (OSError, ValueError, csv.Error):
        return False


def read_all(path: Path, fps: float | None, size: Size | None = None) -> dict[str, PoseSequence]:
    """All clips of a table by name, each (T, 75, 2) on MEDIAPIPE_75; the file's only one is called as the file.

    A clip begins with its first frame; a frame without a line is missing. fps: frames per second; None: 25, which
    stands in the provenance. size: (width, height) of the picture. Raises InputError, one line, for a table that is
    none, and for shares of a picture without its size.
    """
    path = existing_file(path, WHAT)
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path}: has {path.stat().st_size >> 20} MB, more than {_LARGEST >> 20}; cut it into pieces")
    about, rate = Provenance(path.name, file_sha256(path)), fps or DEFAULT_FPS
    with reading(path, WHAT), open_text(path) as file:
        clips, lines = _clips(file)
        _check_numbers(clips, path.stat().st_size)
        poses = {clip or path.stem: mediapipe_pose(_array(cells), size, about, rate) for clip, cells in clips.items()}
    _doubt_the_last(lines, path)
    if fps is None:
        poses = {name: assumed(pose) for name, pose in poses.items()}
    return {path.stem: next(iter(poses.values()))} if len(poses) == 1 else poses


def _clips(file: TextIO) -> tuple[dict[str, dict[int, array[float]]], Counter[tuple[str, int]]]:
    """The cells of each clip, and the number of lines of each frame. InputError for more frames than are taken."""
    clips: dict[str, dict[int, array[float]]] = {}
    lines: Counter[tuple[str, int]] = Counter()
    for clip, frame, place, axis, value in _points(file):
        if place < 0:
            lines[clip, frame] += 1
            if len(lines) > _MOST_FRAMES:
                raise InputError(f"has more than {_MOST_FRAMES:,} frames; cut it into pieces")
            clips.setdefault(clip, {}).setdefault(frame, array("f", _NOTHING))
            continue
        cells = clips[clip][frame]
        if cells[2 * place + axis] != _NOT_GIVEN:
            raise InputError(f"frame {frame} has a landmark twice; put each clip into a file of its own")
        cells[2 * place + axis] = value
    if not clips:
        raise InputError("holds no frames")
    return clips, lines


def _check_numbers(clips: Mapping[str, Cells], size: int) -> None:
    """InputError if the numbers of frames ask for far more of them than `size` bytes hold: a file of few would take
    the memory."""
    asked = sum(max(cells) - min(cells) + 1 for cells in clips.values())
    if asked > min(size // _BYTES_PER_FRAME + _FRAMES_MORE, _MOST_FRAMES):
        longest = max(clips.values(), key=lambda cells: max(cells) - min(cells))
        raise InputError(
            f"has {len(longest)} frames numbered {min(longest)} to {max(longest)}, {asked} in all; that is no video"
        )


def _doubt_the_last(lines: Counter[tuple[str, int]], path: Path) -> None:
    """A warning if only the last frame of the table has fewer lines than all others, as where a file was cut off."""
    *others, last = lines.values()
    if len(others) > 1 and len(set(others)) == 1 and last < others[0]:
        log.warning(f"{path.name}: its last frame has {last} lines, all others {others[0]}; was it cut off?")


def _points(file: TextIO) -> Iterator[Point]:
    """Each number of the table that is one of the 75 points; place -1: a frame in which those that follow are."""
    text = lines_of(file)
    first, told, line = first_line(text)
    try:
        mark = separator(first, _are_known, told)
    except ValueError as error:
        raise InputError("its columns are none of MediaPipe's landmarks, as Kaggle has them") from error
    header, *_ = csv.reader([first], delimiter=mark)
    points_of = _points_of(header)
    assert points_of is not None
    numbers = Numbers()
    for number, row in enumerate(csv.reader(text, delimiter=mark), line + 1):
        if row:
            if len(row) != len(header):
                raise InputError(f"line {number}: has {len(row)} cells, the first line {len(header)}; damaged?")
            try:
                yield from points_of(row, numbers)
            except ValueError as error:
                raise InputError(f"line {number}: {error}; damaged?") from error
    numbers.doubt_groups()


def _are_known(header: Sequence[str]) -> bool:
    return _points_of(header) is not None


def _points_of(header: Sequence[str]) -> Callable[[Sequence[str], Numbers], Iterator[Point]] | None:
    """How a line of a table with these columns is read; None if it is no table of landmarks."""
    columns = {name.strip(): k for k, name in enumerate(header)}
    clip = columns.get(_CLIP)
    if columns.keys() >= _LONG:
        return lambda row, number_of: _long(row, columns, clip, number_of)
    wide = [(k, match) for name, k in columns.items() if (match := _WIDE.fullmatch(name)) is not None]
    cells = [(k, _place(match[2], int(match[3])), "xy".index(match[1])) for k, match in wide]
    if "frame" not in columns or not cells:
        return None
    return lambda row, number_of: _wide(row, cells, columns["frame"], clip, number_of)


def _long(row: Sequence[str], columns: Mapping[str, int], clip: int | None, number_of: Numbers) -> Iterator[Point]:
    name, frame = "" if clip is None else row[clip], _whole(row[columns["frame"]], number_of)
    part, index = row[columns["type"]], _whole(row[columns["landmark_index"]], number_of)
    place = _place(part, index)
    yield name, frame, -1, 0, np.nan
    if place >= 0:
        for axis, column in enumerate("xy"):
            yield name, frame, place, axis, _value(row[columns[column]], number_of)


def _wide(
    row: Sequence[str], cells: Iterable[tuple[int, int, int]], frame: int, clip: int | None, number_of: Numbers
) -> Iterator[Point]:
    name, number = "" if clip is None else row[clip], _whole(row[frame], number_of)
    yield name, number, -1, 0, np.nan
    for k, place, axis in cells:
        yield name, number, place, axis, _value(row[k], number_of)


def _place(part: str, index: int) -> int:
    """Among the 75 points; -1 of the face. ValueError if there is no such landmark."""
    if part not in _COUNT or not 0 <= index < _COUNT[part]:
        raise ValueError(f"no landmark {index} of {part!r:.40}")
    return _FIRST[part] + index if part in _FIRST else -1


def _whole(cell: str, number_of: Numbers) -> int:
    """The number of a frame or landmark, 3 or 3.0. ValueError for a time, or an empty cell."""
    value = number_of(cell)
    if not value.is_integer():
        raise ValueError(f"{cell!r:.40} is no whole number")
    return int(value)


def _value(cell: str, number_of: Numbers) -> float:
    """A coordinate, NaN where the cell is empty, or holds more than a number of the array can be."""
    value = number_of.coordinate(cell) if cell.strip() else np.nan
    return value if abs(value) < _MOST else np.nan


def _array(frames: Cells) -> np.ndarray:
    """(T, 75, 2) x, y of a clip, NaN where missing."""
    first, last = min(frames), max(frames)
    points = np.full((last - first + 1, 75, 2), np.nan, np.float32)  # (T, J, x y)
    for frame, cells in frames.items():
        points[frame - first] = np.frombuffer(cells, np.float32).reshape(75, 2)
    return points
