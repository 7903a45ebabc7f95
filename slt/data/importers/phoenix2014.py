"""PHOENIX-2014: German weather forecasts with glosses, without sentences; all signers, or one kept apart (SI5).

SOURCE/**/annotations/manual/{train,dev,test}.corpus.csv     `id|folder|signer|annotation`; {split}.SI5.corpus.csv
SOURCE/**/features/fullFrame-210x260px/{split}/<id>/1/*.png  25 frames a second, to be shown as 210x300
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from skeletor.support.errors import InputError
from slt.data.corpus import Description
from slt.data.importers.base import Found, Imported, ImportOptions, files_named, read_table_of
from slt.data.own import OwnDescription

_TABLE = re.compile(r"(train|dev|test)(\.SI5)?\.corpus\.csv", re.IGNORECASE)
_FEATURES = "features/fullFrame-210x260px"


def _is_features(folder: Path) -> bool:
    return folder.name == "features"


def read_phoenix2014(source: Path, options: ImportOptions) -> Imported:
    """Its clips, the glosses in their column; the text is empty, or the glosses (`glosses_as_text`)."""
    tables = [path for path in files_named(source, ".corpus.csv", closed=_is_features) if _TABLE.fullmatch(path.name)]
    releases = {path.parent for path in tables}
    if not tables:
        raise InputError(f"{source}: no annotations/manual/train.corpus.csv in it or below, as PHOENIX-2014 has")
    if len(releases) > 1:
        some = " and ".join(str(path.parents[1]) for path in sorted(releases)[:2])
        raise InputError(f"{source}: holds several releases; give one of them: {some}")
    (folder,) = releases
    clips, missing = [], 0
    for split in ("train", "dev", "test"):
        for path in (path for path in tables if path.name.lower().startswith(split)):
            for _, row in read_table_of(path, "|", ("id", "folder", "signer", "annotation"), "PHOENIX-2014's"):
                pictures = folder.parents[1] / _FEATURES / split / row["folder"].split("/")[0]
                glosses = " ".join(row["annotation"].split())
                text = glosses if options.glosses_as_text else ""
                there = os.path.isdir(pictures)  # Path's own raises for a name that no disk takes
                missing += not there
                if there:
                    clips.append(Found(row["id"], pictures, split, row["signer"], glosses, text))
    notes = [f"{missing:,} clips have no pictures here and are left out"] if missing else []
    if not options.glosses_as_text:
        notes.append("PHOENIX-2014 has glosses and no sentences: write the column text, or give --glosses-as-text")
    return Imported(tuple(clips), tuple(notes), OwnDescription(y_scale=Description().y_scale, language="de"))
