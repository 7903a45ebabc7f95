"""How2Sign: American Sign Language and English, videos of whole talks or of sentences, or OpenPose's files of those.

SOURCE/**/how2sign_realigned_{train,val,test}.csv     tabs; `_COLUMNS` (also the first release, how2sign_{split}.csv,
                                                      whose times are START and END)
SOURCE/**/raw_videos/<SENTENCE_NAME>.mp4              a sentence each (`sentence_level`), or
SOURCE/**/raw_videos/<VIDEO_NAME>.mp4                 a talk each (`video_level`), of which the sentences are parts
SOURCE/**/openpose_output/json/<SENTENCE_NAME>/*.json 30 frames a second

Where a sentence has its own file, that is taken. Views from the side are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from skeletor.files.suffixes import VIDEO_SUFFIXES
from skeletor.support.errors import InputError
from slt.data.importers.base import (
    Found,
    Imported,
    ImportOptions,
    chosen,
    read_table_of,
    seconds,
    split_named,
    walk,
)
from slt.data.own import OwnDescription

_TABLE = re.compile(r"how2sign(_realigned)?_(train|val|valid|validation|dev|test)\.(csv|tsv)", re.IGNORECASE)
_COLUMNS = ("VIDEO_NAME", "SENTENCE_NAME", "SENTENCE")
_TIMES = ("START_REALIGNED", "END_REALIGNED", "START", "END")
_SIGNER = re.compile(r"-(\d{1,2})-rgb_")  # <talk>-<signer>-rgb_front
_RATE = 30.0  # frames a second of its JSON


def read_how2sign(source: Path, options: ImportOptions) -> Imported:
    """The sentences of the tables below the source whose recording is there; realigned tables before others."""
    tables, media = _look(source)
    if not tables:
        raise InputError(f"{source}: no how2sign_realigned_train.csv, ..._val.csv or ..._test.csv in it or below")
    clips, missing = [], 0
    for split, path in tables.items():
        for line, row in read_table_of(path, "\t", _COLUMNS, "a table of How2Sign's sentences", _TIMES):
            own = chosen(media.get(row["SENTENCE_NAME"], []), options.prefer)
            whole = chosen(media.get(row["VIDEO_NAME"], []), options.prefer)
            recording = own or whole
            missing += recording is None
            if recording is not None:
                start, end = ("", "") if own else _times(path, line, row)
                signer = _SIGNER.search(row["SENTENCE_NAME"])
                clips.append(
                    Found(
                        _name(row["SENTENCE_NAME"]), recording, split, signer[1] if signer else "", "",
                        row["SENTENCE"], start, end,
                    )
                )  # fmt: skip
    notes = [f"{missing:,} sentences have no recording here and are left out"] if missing else []
    return Imported(tuple(clips), tuple(notes), OwnDescription(fps=_RATE, licence="CC BY-NC 4.0", language="en"))


def _look(source: Path) -> tuple[dict[str, Path], dict[str, list[Path]]]:
    """Split -> table; and name -> its recordings."""
    tables: dict[str, Path] = {}
    media: dict[str, list[Path]] = {}
    for folder, names in walk(source, closed=_is_json_clip):
        if "side" in folder.name.lower() or folder.name == "video":  # another view; pictures of skeletons
            continue
        for name in names:
            if (match := _TABLE.fullmatch(name)) is not None:
                split = split_named(match[2]) or ""
                if split not in tables or (match[1] and "realigned" not in tables[split].name.lower()):
                    tables[split] = folder / name
            elif name.lower().endswith(VIDEO_SUFFIXES) and "rgb_side" not in folder.parts:
                media.setdefault(Path(name).stem, []).append(folder / name)
        if folder.name == "json" and "rgb_side" not in folder.parts:
            for below in sorted(folder.iterdir()):
                if below.is_dir():
                    media.setdefault(below.name, []).append(below)
    return {split: tables[split] for split in ("train", "dev", "test") if split in tables}, media


def _is_json_clip(folder: Path) -> bool:
    return folder.parent.name == "json"


def _times(path: Path, line: int, row: dict[str, str]) -> tuple[str, str]:
    """Start and end of a sentence within its talk."""
    start, end = (row.get(f"{edge}_REALIGNED") or row.get(edge) or "" for edge in ("START", "END"))
    try:
        return seconds(float(start)), seconds(float(end))
    except ValueError as error:
        raise InputError(f"{path}: line {line}: {start!r:.20} to {end!r:.20} are no seconds") from error


def _name(sentence: str) -> str:
    """Its names may begin with a point, as YouTube's do with a hyphen; a clip's must not."""
    return "_" + sentence if sentence.startswith(".") else sentence
