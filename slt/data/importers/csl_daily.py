"""CSL-Daily: Chinese Sign Language and Chinese.

SOURCE/**/sentence_label/video_map.txt         `index|name|length|gloss|char|word|postag`, spaces between tokens
SOURCE/**/sentence_label/split_1.txt           `name|split`
SOURCE/**/frames_512x512/<name>/000000.jpg     30 frames a second; or <name>.mp4 anywhere below

The release's pickles (csl2020ct_v2.pkl) are never opened: a pickle can run whatever its writer likes.
"""

from __future__ import annotations

import re
from pathlib import Path

from skeletor.support.errors import InputError
from slt.data.importers.base import (
    Found,
    Imported,
    ImportOptions,
    chosen,
    media_below,
    read_table_of,
    split_named,
    walk,
)
from slt.data.own import OwnDescription
from slt.data.tables import nfc

_TABLE, _SPLITS = "video_map.txt", "split_1.txt"
_SIGNER = re.compile(r"_P(\d+)_")  # S<sentence>_P<signer>_T<take>
_RATE = 30.0


def read_csl_daily(source: Path, options: ImportOptions) -> Imported:
    """Its clips that have pictures here. The text is the words without the spaces between them."""
    table = _the(source, _TABLE)
    splits = _split_of(_the(source, _SPLITS))
    folders = _frames(source)
    media = media_below(source, _is_frames)
    clips, missing, apart = [], 0, 0
    for _, row in read_table_of(table, "|", ("name", "gloss", "word"), "CSL-Daily's sentences"):
        name = row["name"]
        recording = folders.get(name) or chosen(media.get(nfc(name), []), options.prefer)
        split = splits.get(name)
        missing += recording is None
        apart += recording is not None and split is None
        if recording is not None and split is not None:
            signer = _SIGNER.search(name)
            text = "".join(row["word"].split())
            clips.append(
                Found(name, recording, split, signer[1] if signer else "", " ".join(row["gloss"].split()), text)
            )
    notes = [f"{missing:,} clips have no pictures here and are left out"] if missing else []
    notes += [f"{apart:,} clips are in no split of {_SPLITS} and are left out"] if apart else []
    notes.append("train with translate: {level: char, score_tokens: zh, max_words: 80}")
    return Imported(tuple(clips), tuple(notes), OwnDescription(fps=_RATE, language="zh"))


def _split_of(path: Path) -> dict[str, str | None]:
    """Clip -> its split; InputError for one in two of them: what is learned would be scored."""
    found: dict[str, str | None] = {}
    for line, row in read_table_of(path, "|", ("name", "split"), "CSL-Daily's splits"):
        split = split_named(row["split"])
        if found.setdefault(row["name"], split) != split:
            raise InputError(
                f"{path}: line {line}: {row['name'][:60]} is in {found[row['name']]} already; mend one line"
            )
    return found


def _the(source: Path, name: str) -> Path:
    found = [folder / name for folder, names in walk(source, closed=_is_frames) if name in names]
    if len(found) != 1:
        what = "no" if not found else "several"
        raise InputError(f"{source}: {what} {name} in it or below; give the folder of one release of CSL-Daily")
    return found[0]


def _frames(source: Path) -> dict[str, Path]:
    """Name -> folder of pictures."""
    found: dict[str, Path] = {}
    for folder, _ in walk(source, closed=_is_frames):
        if folder.name.startswith("frames_"):
            found |= {below.name: below for below in sorted(folder.iterdir()) if below.is_dir()}
    return found


def _is_frames(folder: Path) -> bool:
    return folder.parent.name.startswith("frames_")
