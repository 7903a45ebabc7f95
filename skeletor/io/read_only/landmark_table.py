"""Tables of MediaPipe's landmarks as Kaggle's data sets of sign language have them (`.csv`); read only.

- A line a landmark, as in Isolated Sign Language Recognition: columns `frame`, `type` (face, left_hand, pose,
  right_hand), `landmark_index`, `x`, `y`.
- A line a frame, as in American Sign Language Fingerspelling: `frame`, `x_pose_0`, `y_pose_0`, `x_left_hand_0`, ...

`sequence_id` tells clips apart. An empty cell is a landmark that was not found. x and y are shares of the picture,
whose size has to be given. Faces and z are left out. Their Parquet files are the same tables; pandas writes them as
CSV.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from skeletor.files.outside import existing_file, reading
from skeletor.io.read_only.arrays import Size, mediapipe_pose
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.support.errors import InputError
from skeletor.support.progress import log

WHAT = "table of landmarks"
SUFFIX = ".csv"
DEFAULT_FPS = 25.0
_LARGEST = 512 << 20  # bytes: a line a landmark takes 20 MB a minute
_LONG = {"frame", "type", "landmark_index", "x", "y"}
_FIRST = {"pose": 0, "left_hand": 33, "right_hand": 54}  # place of each part's first point among the 75
_COUNT = {"face": 478, "pose": 33, "left_hand": 21, "right_hand": 21}
_WIDE = re.compile(r"([xy])_(pose|left_hand|right_hand)_([0-9]{1,2})")
_BYTES_PER_FRAME, _FRAMES_MORE = 64, 3000  # of all clips: a frame of 75 points takes 150 bytes, if all are missing
_CLIP = "sequence_id"

Point = tuple[str, int, int, int, float]  # clip, frame, place among the 75, 0 (x) or 1 (y), value
Cells = Mapping[int, Mapping[tuple[int, int], float]]  # frame -> (place, 0 or 1) -> value


def is_landmark_table(path: Path) -> bool:
    """Whether a file's first line names the columns of such a table; False if it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _points_of(_header(file.readline(1 << 20))) is not None
    except (OSError, ValueError, csv.Error):
        return False


def read_all(path: Path, fps: float | None, size: Size | None = None) -> dict[str, PoseSequence]:
    """All clips of a table by name, each (T, 75, 2) on MEDIAPIPE_75; the file's only one is called as the file.

    A clip begins with its first frame; a frame without a line is missing. fps: frames per second; None: 25, which is
    told. size: (width, height) of the picture. Raises InputError, one line, for a table that is none, and for shares
    of a picture without its size.
    """
    path = existing_file(path, WHAT)
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path}: has {path.stat().st_size >> 20} MB, more than {_LARGEST >> 20}; cut it into pieces")
    about, rate = Provenance(path.name, file_sha256(path)), fps or DEFAULT_FPS
    with reading(path, WHAT), path.open(encoding="utf-8-sig", newline="") as file:
        clips: dict[str, dict[int, dict[tuple[int, int], float]]] = {}
        lines: Counter[tuple[str, int]] = Counter()
        for clip, frame, place, axis, value in _points(file):
            lines[clip, frame] += place < 0
            cells = clips.setdefault(clip, {}).setdefault(frame, {})
            if place >= 0 and cells.setdefault((place, axis), value) is not value:
                raise InputError(f"frame {frame} has a landmark twice; put each clip into a file of its own")
        if not clips:
            raise InputError("holds no frames")
        _check_numbers(clips, path.stat().st_size)
        poses = {clip or path.stem: mediapipe_pose(_array(cells), size, about, rate) for clip, cells in clips.items()}
    _doubt_the_last(lines, path)
    if fps is None:
        log.warning(f"{path.name}: a table tells no frame rate; {rate:g} frames a second are assumed (--fps)")
    return {path.stem: next(iter(poses.values()))} if len(poses) == 1 else poses


def _check_numbers(clips: Mapping[str, Cells], size: int) -> None:
    """InputError if the numbers of frames ask for far more of them than `size` bytes hold: a file of few would take
    the memory."""
    asked = sum(max(cells) - min(cells) + 1 for cells in clips.values())
    if asked > size // _BYTES_PER_FRAME + _FRAMES_MORE:
        longest = max(clips.values(), key=lambda cells: max(cells) - min(cells))
        raise InputError(
            f"has {len(longest)} frames numbered {min(longest)} to {max(longest)}, {asked} in all; that is no video"
        )


def _doubt_the_last(lines: Counter[tuple[str, int]], path: Path) -> None:
    """A warning if only the last frame of the table has fewer lines than all others, as where a file was cut off."""
    *others, last = lines.values()
    if len(others) > 1 and len(set(others)) == 1 and last < others[0]:
        log.warning(f"{path.name}: its last frame has {last} lines, all others {others[0]}; was it cut off?")


def _points(lines: Iterable[str]) -> Iterator[Point]:
    """Each number of the table that is one of the 75 points; place -1: a frame in which none may be."""
    rows = csv.reader(lines)
    header = next(rows, [])
    points_of = _points_of(header)
    if points_of is None:
        raise InputError("its columns are none of MediaPipe's landmarks, as Kaggle has them")
    for number, row in enumerate(rows, 2):
        if row:
            if len(row) != len(header):
                raise InputError(f"line {number}: has {len(row)} cells, the first line {len(header)}; damaged?")
            try:
                yield from points_of(row)
            except ValueError as error:
                raise InputError(f"line {number}: {error}; damaged?") from error


def _header(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _points_of(header: Sequence[str]) -> Callable[[Sequence[str]], Iterator[Point]] | None:
    """How a line of a table with these columns is read; None if it is no table of landmarks."""
    columns = {name.strip(): k for k, name in enumerate(header)}
    clip = columns.get(_CLIP)
    if columns.keys() >= _LONG:
        return lambda row: _long(row, columns, clip)
    wide = [(k, match) for name, k in columns.items() if (match := _WIDE.fullmatch(name)) is not None]
    cells = [(k, _place(match[2], int(match[3])), "xy".index(match[1])) for k, match in wide]
    if "frame" not in columns or not cells:
        return None
    return lambda row: _wide(row, cells, columns["frame"], clip)


def _long(row: Sequence[str], columns: Mapping[str, int], clip: int | None) -> Iterator[Point]:
    name, frame = "" if clip is None else row[clip], _whole(row[columns["frame"]])
    part, index = row[columns["type"]], _whole(row[columns["landmark_index"]])
    place = _place(part, index)
    yield name, frame, -1, 0, np.nan
    if place >= 0:
        for axis, column in enumerate("xy"):
            yield name, frame, place, axis, _value(row[columns[column]])


def _wide(row: Sequence[str], cells: Iterable[tuple[int, int, int]], frame: int, clip: int | None) -> Iterator[Point]:
    name, number = "" if clip is None else row[clip], _whole(row[frame])
    yield name, number, -1, 0, np.nan
    for k, place, axis in cells:
        yield name, number, place, axis, _value(row[k])


def _place(part: str, index: int) -> int:
    """Among the 75 points; -1 of the face. ValueError if there is no such landmark."""
    if part not in _COUNT or not 0 <= index < _COUNT[part]:
        raise ValueError(f"no landmark {index} of {part!r:.40}")
    return _FIRST[part] + index if part in _FIRST else -1


def _whole(cell: str) -> int:
    """The number of a frame or landmark, 3 or 3.0. ValueError for a time, or an empty cell."""
    value = float(cell)
    if not value.is_integer():
        raise ValueError(f"{cell!r:.40} is no whole number")
    return int(value)


def _value(cell: str) -> float:
    return float(cell) if cell.strip() else float("nan")


def _array(frames: Cells) -> np.ndarray:
    """(T, 75, 4) x, y, z, visibility of a clip; z and visibility are 0."""
    first, last = min(frames), max(frames)
    points = np.zeros((last - first + 1, 75, 4))  # (T, J, x y z visibility)
    points[..., :2] = np.nan
    for frame, cells in frames.items():
        for (place, axis), value in cells.items():
            points[frame - first, place, axis] = value
    return points
