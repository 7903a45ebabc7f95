"""A data set of one's own: a folder with one table, `clips.tsv`, and the videos, frames or poses of its clips.

ROOT/clips.tsv       a line a clip, tabs between the columns, the first line names them (`COLUMNS`)
ROOT/corpus.json     may be absent: {"fps": 30, "y_scale": 1.0, "licence": "CC BY 4.0"} (`OwnDescription`)
ROOT/videos/<name>.* the clip `name`, if its column `video` is empty: a video, a folder of frames, or a file of poses;
ROOT/<name>.*        likewise

Columns `start` and `end`, in seconds, make a clip a part of its recording: several lines may name one video.

Text is taken as it stands, in any language and script: composed characters (NFC), single spaces, nothing else.
"""

from __future__ import annotations

import math
import os
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from shlex import quote

from pydantic import Field

from skeletor.files.suffixes import bare_name
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data.corpus import SPLITS, Clip, Corpus, Description, find_sources, innermost, list_entries
from slt.data.own_times import read_span
from slt.data.tables import Row, nfc, read_rows, read_text

TABLE = "clips.tsv"
DESCRIPTION = "corpus.json"
VIDEOS = "videos"
COLUMNS = ("name", "video", "split", "signer", "glosses", "text")
REQUIRED = ("name", "text")
KIND = "own"
LANGUAGE = r"^([A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,6})?$"
# Signs of no width that people copy without seeing them: soft hyphen, zero-width space, marks of direction, byte order.
# Joiners (U+200C, U+200D) are none of them: Persian and emoji are written with them.
UNSEEN = frozenset("\u00ad\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
_RESERVED = ("<s>", "</s>", "<pad>", "<unk>")  # words that the translator's vocabulary has for itself
_LARGEST = 1 << 26  # bytes of a table
_LONGEST = 1 << 16  # characters of a line
_LONGEST_NAME = 200  # bytes: a clip's name is part of file names, which may have 255
_SHOWN = 40  # characters of a wrong value in a message


class OwnDescription(Config):
    """What `corpus.json` beside a table of clips may say."""

    fps: float = Field(25.0, gt=0, le=240, description="frame rate")
    y_scale: float = Field(1.0, gt=0, le=10, description="undoes a squeezed picture")
    licence: str = Field("", description="of the data, for the card of a model that learns from it")
    language: str = Field(
        "", pattern=LANGUAGE, description="code of the text's language (BCP 47), as de, en-GB or zh-Hans"
    )


@dataclass(frozen=True)
class Entry:
    """One line of the table. line: its number in the file, from 1.

    cells: column -> what stands there, by `tidy`, but for the path of the video, which is as the disk has it.
    The clip's split is "" where none is given, its source None where there is nothing.
    """

    line: int
    cells: Mapping[str, str]
    clip: Clip


@dataclass(frozen=True)
class OwnTable:
    """A table that was read. faults: why lines were left out, one text each, with file and line."""

    path: Path
    columns: tuple[str, ...]
    entries: tuple[Entry, ...]
    faults: tuple[str, ...]

    @property
    def root(self) -> Path:
        """The folder of the data set."""
        return self.path.parent

    def lacking(self, signs: bool = False) -> list[str]:
        """What a training needs and the table does not have yet, one text each: sentences, splits.

        signs: isolated ones, where a gloss does in place of a text.
        """
        if signs:
            bare = [f"{self.at(e)}: clip {e.clip.name} has neither gloss nor text; write one of them"
                    for e in self.entries if not label_of(e.clip)]  # fmt: skip
            return bare + self.without_split()
        texts = [f"{self.at(e)}: clip {e.clip.name} has no text; write it, or take the line out"
                 for e in self.entries if not e.clip.text]  # fmt: skip
        return texts + self.without_split()

    def without_split(self) -> list[str]:
        """Which clips have no split, one text each; a single one if none has."""
        advice = f"write {', '.join(SPLITS)}, or `slt data new {quote(str(self.root))} --split 0.8,0.1,0.1 --force`"
        missing = [entry for entry in self.entries if not entry.clip.split]
        if missing and len(missing) == len(self.entries):
            return [f"{self.path}: no clip has a split (column split); {advice}"]
        return [f"{self.at(entry)}: clip {entry.clip.name} has no split; {advice}" for entry in missing]

    def overlaps(self) -> tuple[list[str], list[str]]:
        """Parts of one recording that share time: texts of those in two splits, and of those in one."""
        parts: defaultdict[Path, list[tuple[float, Entry]]] = defaultdict(list)
        for entry in self.entries:
            if entry.clip.source is not None:
                start = 0.0 if entry.clip.span is None else entry.clip.span.start
                parts[entry.clip.source.resolve()].append((start, entry))
        apart: list[str] = []
        together: list[str] = []
        for entries in parts.values():
            farthest: dict[str, tuple[float, Entry]] = {}  # split -> the part that lasts longest, and its end
            for start, entry in sorted(entries, key=lambda pair: pair[0]):
                split, span = entry.clip.split, entry.clip.span
                for other, (end, before) in farthest.items():
                    if end <= start or (span is None and before.clip.span is None):
                        continue
                    text = f"{self.at(entry)}: clip {entry.clip.name} has time in common with line {before.line}"
                    if split and other and split != other:
                        apart.append(f"{text}, and they are in {split} and {other}; change one split, or the times")
                    else:
                        together.append(text)
                end = math.inf if span is None or span.end is None else span.end
                if split not in farthest or end > farthest[split][0]:
                    farthest[split] = end, entry
        return apart, together

    def at(self, entry: Entry) -> str:
        """Where a line stands, for messages."""
        return f"{self.path}: line {entry.line}"


def is_own(root: Path | str) -> bool:
    """Whether a folder holds a table of clips, readable or not."""
    return os.path.lexists(Path(root) / TABLE)


def advice_on_table(root: Path) -> str:
    """What to do where a folder has no table: one of another name may be it."""
    known = (TABLE, f"{TABLE}.txt", "clips.csv", "clips.txt", "clips.xlsx")
    other = next((name for name, below in list_entries(root) if not below and name.lower() in known), None)
    if other is not None and other != TABLE:
        return f"{other} lies there: save it as {TABLE}, UTF-8 with tabs between the columns"
    return f"`slt data new {quote(str(root))}` begins one for a folder of videos"


def read_own(root: Path | str, signs: bool = False) -> Corpus:
    """Read a data set of one's own; `Corpus.protocol` is False. A clip whose video is missing has no source.

    signs: of isolated signs; a clip's text is its label then (`label_of`).
    Raises InputError, one line with file and line number, for the first fault of the table (`read_table`), if a clip
    lacks its text (or label) or its split, and if parts of one recording overlap that are in two splits: what is
    learned from would be scored.
    """
    table = read_table(root)
    for fault in (*table.faults, *table.lacking(signs), *table.overlaps()[0]):
        raise InputError(fault)
    if not table.entries:
        raise InputError(f"{table.path}: no clips in it, only the head line; write a line for each clip")
    clips = tuple(entry.clip for entry in table.entries)
    if note := rate_note(table):
        log.warning(note)
    if signs:
        clips = tuple(replace(clip, text=label_of(clip)) for clip in clips)
    return Corpus(table.root, describe(table.root), clips, protocol=False)


def label_of(clip: Clip) -> str:
    """The label of a clip of one sign: its gloss or, without any, its text."""
    return " ".join(clip.glosses) or clip.text


def rate_note(table: OwnTable) -> str | None:
    """That a frame rate is assumed, if folders of frames or JSON have none and `corpus.json` does not tell it."""
    if "fps" in _said(table.root).model_fields_set:
        return None
    first = next((e for e in table.entries if e.clip.source is not None and e.clip.source.is_dir()), None)
    if first is None:
        return None
    assumed = f"{OwnDescription().fps:g} frames a second are assumed"
    return (f"{table.at(first)}: {first.clip.source} is a folder, which tells no frame rate; {assumed} "
            f'({{"fps": 30}} in {DESCRIPTION} says otherwise)')  # fmt: skip


def _said(root: Path) -> OwnDescription:
    path = root / DESCRIPTION
    return load_config(path, OwnDescription) if path.exists() else OwnDescription()


def describe(root: Path) -> Description:
    """Kind "own", and what `corpus.json` says. Raises InputError if that has other keys or values."""
    said = _said(root)
    return Description(KIND, said.fps, said.y_scale, said.licence or "not said", language=said.language)


def read_table(root: Path | str) -> OwnTable:
    """Read `clips.tsv` of a folder: each line checked, the place of each clip's video found.

    Lines that cannot be used are faults of the result: another number of fields than the head line, a name that cannot
    be one or stands twice, a split that is none, a video out of the folder, a start or end that is no time, or not in
    order. Raises InputError, one line, if the file cannot be used: no UTF-8, no columns name and text, a column twice,
    NUL bytes, endless lines.
    """
    path = Path(root) / TABLE
    rows = _rows(path)
    columns = _columns(path, rows)
    places = _Places(path.parent)
    entries: dict[str, Entry] = {}
    faults: list[str] = []
    for row in rows[1:]:
        if not any(map(tidy, row.fields)):  # spreadsheets leave such lines at the end
            continue
        try:
            row = replace(row, fields=_as_wide(row.fields, columns))
            if len(row.fields) != len(columns):
                raise InputError(f"{len(row.fields)} fields, but the head line has {len(columns)}; mend its tabs")
            pairs = [(column, field) for column, field in zip(columns, row.fields, strict=True) if column]
            cells = {column: field.strip() if column == "video" else tidy(field) for column, field in pairs}
            entry = Entry(row.number, cells, _clip(cells, places))
            if entry.clip.name in entries:
                first = entries[entry.clip.name].line
                raise InputError(f"the name {entry.clip.name} stands in line {first} already; give it another one")
            entries[entry.clip.name] = entry
        except InputError as error:
            faults.append(f"{path}: line {row.number}: {error}")
    return OwnTable(path, tuple(filter(None, columns)), tuple(entries.values()), tuple(faults))


def tidy(text: str) -> str:
    """A cell of the table: composed characters (NFC), single spaces, none at its ends; "" if nothing of it shows."""
    cell = nfc(" ".join(text.split()))
    return "" if all(sign in UNSEEN or sign.isspace() for sign in cell) else cell


def check_name(name: str) -> str:
    """The name of a clip, which names files too. Raises InputError if it cannot."""
    shown = repr(name[:_SHOWN])
    if not name:
        raise InputError("no name; give each clip its own")
    odd = any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in UNSEEN for sign in name)
    if odd or name.startswith(".") or "/" in name or "\\" in name:
        raise InputError(
            f"{shown} cannot be the name of a clip: no path, no leading point, no control or invisible characters"
        )
    if name.startswith("#"):
        raise InputError(f"{shown}: a # before a line does not take it out; delete the line, or give another name")
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
        raise InputError(f"the name {shown}... is longer than {_LONGEST_NAME} bytes; shorten it")
    return name


def inside(root: Path, path: Path) -> Path:
    """The path, if neither it nor a link on its way leads out of the folder. Raises InputError if one does."""
    try:
        real, top = path.resolve(), root.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise InputError(f"the path {str(path)[:_SHOWN]!r} cannot be followed; give another one") from error
    if not real.is_relative_to(top):
        raise InputError(f"{path.name!r} lies outside of {root} (by a link); move or copy it into the folder")
    return path


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        what = "is no file" if os.path.lexists(path) else "no such file"
        raise InputError(f"{path}: {what}; {advice_on_table(path.parent)}")
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path}: larger than {_LARGEST >> 20} MB; is it a table of clips?")
    text = read_text(path, "it is the table of the data set")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _LONGEST:
            raise InputError(f"{path}: line {number}: longer than {_LONGEST:,} characters; is it a table of clips?")
    return read_rows(text, ("\t",), unproven=("\t",))


def _columns(path: Path, rows: Sequence[Row]) -> tuple[str, ...]:
    if not rows:
        raise InputError(f"{path}: empty; its first line has to be the columns: {', '.join(COLUMNS)}")
    columns = tuple(tidy(heading).lower() for heading in rows[0].fields)
    for number, name in enumerate(columns):  # spreadsheets leave tabs at the ends of lines: a column without content
        if not name and any(tidy(field) for row in rows[1:] for field in row.fields[number : number + 1]):
            raise InputError(f"{path}: line {rows[0].number}: column {number + 1} has no name; give it one")
    for name in REQUIRED:
        if name not in columns and not (name == "text" and "glosses" in columns):  # of isolated signs
            advice = "put tabs between columns" if len(columns) == 1 else f"it needs {' and '.join(REQUIRED)}"
            raise InputError(f"{path}: line {rows[0].number}: no column {name!r}; {advice}")
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: line {rows[0].number}: two columns are called {twice[:_SHOWN]!r}; rename one")
    return columns


def _as_wide(fields: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """The fields without empty ones behind the last column, and with empty ones for columns without a name at the end:
    editors and spreadsheets leave tabs at the ends of some lines."""
    end = len(fields)
    while end > len(columns) and not tidy(fields[end - 1]):
        end -= 1
    named = max((k for k, column in enumerate(columns) if column), default=-1) + 1
    fill = len(columns) - end if named <= end < len(columns) else 0
    return (*fields[:end], *[""] * fill)


def _clip(cells: Mapping[str, str], places: _Places) -> Clip:
    """The clip of a line. Raises InputError, without file and line, if it cannot be one."""
    name = check_name(cells["name"])
    split = cells.get("split", "")
    if split not in ("", *SPLITS):
        raise InputError(f"the split {split[:_SHOWN]!r} is none of {', '.join(SPLITS)}")
    _check_text(cells.get("text", ""))
    source = places.find(name, cells.get("video", ""))
    return Clip(name, split, source, cells.get("signer", ""), tuple(cells.get("glosses", "").split()),
                cells.get("text", ""), read_span(cells.get("start", ""), cells.get("end", "")))  # fmt: skip


def _check_text(text: str) -> None:
    """InputError for what no sentence holds: commands of a terminal, and the vocabulary's own words."""
    control = next((sign for sign in text if unicodedata.category(sign) == "Cc"), None)
    if control is not None:
        raise InputError(f"the text has a control character (U+{ord(control):04X}); take it out")
    word = next((word for word in text.split() if word in _RESERVED), None)
    if word is not None:
        raise InputError(f"the text has {word!r}, which the translator has for itself; write it otherwise")


class _Places:
    """Where the videos of a data set are."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._entries: dict[Path, Sequence[tuple[str, bool]]] = {}

    @cached_property
    def _usual(self) -> Mapping[str, Path]:
        """Clip name -> its source at one of the usual places."""
        return find_sources(self._root, poses=True) | find_sources(self._root / VIDEOS, poses=True)

    def find(self, name: str, video: str) -> Path | None:
        """The source of a clip; None if there is none. video: as in the table. InputError if it leads out."""
        if not video:
            path = self._usual.get(name) or self._usual.get(bare_name(Path(name)))
            return None if path is None else inside(self._root, path)
        given = Path(video)
        if given.is_absolute() or ".." in given.parts or not given.parts:
            raise InputError(f"the video {video[:_SHOWN]!r} leads out of {self._root}; give a path within it")
        path = innermost(inside(self._root, self._written_otherwise(given)))
        return path if os.path.exists(path) else None

    def _written_otherwise(self, given: Path) -> Path:
        """The path in the folder, or in its `videos`; if it is not there, the one that is the same but for Unicode's
        form, capital letters, or backslashes in place of slashes. As it was given if there is none, or several.
        """
        path = self._root / given
        if os.path.lexists(path):
            return path
        parts = given.as_posix().replace("\\", "/").split("/")
        return self._alike(self._root, parts) or self._alike(self._root / VIDEOS, parts) or path

    def _alike(self, folder: Path, parts: Sequence[str]) -> Path | None:
        for part in parts:
            alike = [entry for entry, _ in self._listed(folder) if entry == part]
            alike = alike or [e for e, _ in self._listed(folder) if nfc(e).casefold() == nfc(part).casefold()]
            if len(alike) != 1:
                return None
            folder = folder / alike[0]
        return folder

    def _listed(self, folder: Path) -> Sequence[tuple[str, bool]]:
        if folder not in self._entries:
            self._entries[folder] = list_entries(folder)
        return self._entries[folder]
