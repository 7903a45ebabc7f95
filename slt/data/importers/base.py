"""What an importer finds, what it is told, and what all of them need: files of a tree, times, texts of cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from skeletor.files.paths import check_folder
from skeletor.files.suffixes import POSE_SUFFIXES, VIDEO_SUFFIXES
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from slt.data.corpus import SPLITS
from slt.data.own import LANGUAGE, OwnDescription
from slt.data.tables import SEPARATORS, Row, nfc, read_rows, read_text

DEV_NAMES: Mapping[str, str] = {"val": "dev", "valid": "dev", "validation": "dev"}
_DEEPEST = 8  # folders below the source that are looked into


class ImportOptions(Config):
    """What an importer is told, beside where the data are."""

    prefer: str = Field("videos", pattern="^(videos|poses)$", description="which, where a clip has both")
    text_tiers: list[str] = Field([], description="ELAN: tiers with the sentences; default: the importer's own")
    gloss_tiers: list[str] = Field([], description="ELAN: tiers with the glosses; default: the importer's own")
    language: str = Field("", pattern=LANGUAGE, description="of the text, where the data have several, as de or en")
    glosses_as_text: bool = Field(False, description="the glosses stand for the sentence, where there is none")


@dataclass(frozen=True)
class Found:
    """A clip as it stands in the data: as the columns of the table, but for the media, a path as the disk has it.

    media: None if there is none. start, end: seconds as text, "" for the recording's own. poses: gives the poses of a
    clip that lies in a file with others, and has to get one of its own; None if they are not in it after all.
    recording: what the new file is called, where it is that of several clips, which are parts of it; "": as the clip.
    """

    name: str
    media: Path | None
    split: str = ""
    signer: str = ""
    glosses: str = ""
    text: str = ""
    start: str = ""
    end: str = ""
    poses: Callable[[], PoseSequence | None] | None = None
    recording: str = ""


@dataclass(frozen=True)
class Imported:
    """What an importer found. notes: what the user should know. about: for `corpus.json`."""

    clips: tuple[Found, ...]
    notes: tuple[str, ...] = ()
    about: OwnDescription = field(default_factory=OwnDescription)


Media = Literal["keep", "link", "copy"]  # what becomes of recordings that lie elsewhere
MEDIA: tuple[Media, ...] = get_args(Media)
Closed = Callable[[Path], bool]
Importer = Callable[[Path, ImportOptions], Imported]


def seconds(value: float) -> str:
    """A time in seconds as a cell: microseconds at most, no needless zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def split_named(name: str) -> str | None:
    """train, dev or test by a name that data sets use ("val" is dev); None if it is none."""
    given = name.strip().lower()
    given = DEV_NAMES.get(given, given)
    return given if given in SPLITS else None


def read_table_of(
    path: Path, separator: str, columns: tuple[str, ...], what: str, optional: tuple[str, ...] = ()
) -> list[tuple[int, dict[str, str]]]:
    """(line number, cells by column) of the rows of a table whose head line has at least these columns.

    separator: the data set's own; where the head line has none of it, a spreadsheet's. Columns are named as in
    `columns` and `optional`, whatever their case in the file. what: the data set's name for the table, for messages.
    Raises InputError, one line, if it is another table, or if a row has another number of fields.
    """
    others = [other for other in SEPARATORS if other != separator]
    rows: list[Row] = read_rows(read_text(path, f"it is {what}"), (separator, *others), unproven=(separator,))
    cells = [cell.strip() for cell in rows[0].fields] if rows else []
    usual = {column.lower(): column for column in (*columns, *optional) if column not in cells}
    head = [usual.get(cell.lower(), cell) for cell in cells]
    lacking = [column for column in columns if column not in head]
    if lacking:
        raise InputError(f"{path}: no column {lacking[0]!r} in its first line; it has to be {what}")
    twice = next((column for column in (*columns, *optional) if head.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two columns may be {twice!r}; rename one in its first line")
    found = []
    for row in rows[1:]:
        if len(row.fields) != len(head):
            raise InputError(f"{path}: line {row.number}: {len(row.fields)} fields, but the head line has {len(head)}")
        found.append((row.number, dict(zip(head, (cell.strip() for cell in row.fields), strict=True))))
    return found


def _open(folder: Path) -> bool:
    return False


def walk(source: Path, closed: Closed = _open) -> Iterator[tuple[Path, list[str]]]:
    """(folder, names of its files, sorted) of the source and what is below, in order; hidden ones are left out.

    closed: folders that are not looked into, since they are clips. Links to folders are followed no deeper than the
    tree may be. Raises InputError if the source is no folder.
    """
    check_folder(source, "the folder of the data set")
    waiting = [(source, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted((e.name, e.is_dir()) for e in entries if not e.name.startswith("."))
        except OSError as error:
            raise InputError(f"{folder}: cannot be listed ({error.strerror or error})") from error
        yield folder, [name for name, below in inside if not below]
        below = [folder / name for name, is_folder in reversed(inside) if is_folder]
        waiting += [(path, depth + 1) for path in below if depth < _DEEPEST and not closed(path)]


def files_named(source: Path, *suffixes: str, closed: Closed = _open) -> list[Path]:
    """Files below the source with one of these suffixes (lower case), in order of the tree. closed: as of `walk`."""
    tree = walk(source, closed)
    return [folder / name for folder, names in tree for name in names if name.lower().endswith(suffixes)]


def media_below(source: Path, closed: Closed = _open) -> dict[str, list[Path]]:
    """Stem, in NFC -> the videos and files of poses below the source that are called so, in order of the tree.

    closed: as of `walk`.
    """
    found: dict[str, list[Path]] = {}
    for path in files_named(source, *VIDEO_SUFFIXES, *POSE_SUFFIXES, closed=closed):
        found.setdefault(nfc(path.stem), []).append(path)
    return found


def chosen(paths: list[Path], prefer: str) -> Path | None:
    """Of several recordings of one name the first of the kind that is preferred, else the first."""
    poses = [path for path in paths if path.is_dir() or path.suffix.lower() in POSE_SUFFIXES]
    videos = [path for path in paths if path not in poses]
    order = [*poses, *videos] if prefer == "poses" else [*videos, *poses]
    return order[0] if order else None
