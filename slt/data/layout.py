"""PHOENIX14T's layout on disk: one reader for the real data set and for rendered corpora, and the writer.

ROOT/annotations/manual/PHOENIX-2014-T.{train,dev,test}.corpus.csv
ROOT/annotations/manual/PHOENIX-2014-T.train-complex-annotation.corpus.csv    (a variant: other glosses, same clips)
ROOT/features/fullFrame-210x260px/{train,dev,test}/<name>/*.png      (or <name>/1/*.png, or a video: <name>.mp4, .avi)
ROOT/corpus.json                                                     (rendered and resynthesised corpora only)
ROOT/truth/<part>.safetensors, ROOT/truth2d/<part>.safetensors       (rendered and resynthesised corpora only)

ROOT may also be the folder that the official archive unpacks to. `locate` finds the places.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.files.paths import check_folder
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data import own
from slt.data.corpus import SPLITS, Clip, Corpus, Description, find_sources
from slt.data.tables import nfc, read_rows, read_text

__all__ = [
    "COLUMNS", "FEATURES", "SPLITS", "Clip", "Corpus", "Description", "Place", "annotation_folder", "annotation_path",
    "features_path", "locate", "protocol_text", "read_annotation", "read_corpus", "read_description",
    "write_annotation", "write_description",
]  # fmt: skip
COLUMNS = ("name", "video", "start", "end", "speaker", "orth", "translation")
FEATURES = "fullFrame-210x260px"
_UNPACKED = (".", "PHOENIX-2014-T", "PHOENIX-2014-T-release-v3/PHOENIX-2014-T")
_ANNOTATION = re.compile(r"PHOENIX-2014-T\.(train|dev|test)(?:-([\w-]+))?\.corpus\.csv")


@dataclass(frozen=True)
class Place:
    """Where a corpus lies. annotations: the folder of the CSV files. pictures: the folder that holds the splits'
    folders of pictures, None if there is none. alone: the folder that was given holds annotation only.
    """

    root: Path
    annotations: Path
    pictures: Path | None
    alone: bool = False

    def files(self) -> dict[tuple[str, str], Path]:
        """The annotation files by (split, variant), plain ones (variant "") first."""
        found = {}
        for path in self.annotations.glob("*.corpus.csv"):
            if match := _ANNOTATION.fullmatch(path.name):
                found[match[1], match[2] or ""] = path
        return {key: found[key] for key in sorted(found, key=lambda k: (k[1], SPLITS.index(k[0])))}


def read_corpus(root: Path | str, signs: bool = False) -> Corpus:
    """Read a corpus in PHOENIX14T's layout, or a folder with a table of clips (`slt.data.own`).

    signs: of isolated signs, which a table of clips alone can hold.
    Raises InputError, one line, if it is neither.
    """
    if own.is_own(root):
        return own.read_own(root, signs)
    if signs:
        raise InputError(f"{root}: no {own.TABLE} in it; isolated signs are read from a table of clips")
    place = locate(root)
    description = read_description(place.root)
    if place.pictures is not None and place.pictures.name != FEATURES and not (place.root / "corpus.json").exists():
        log.warning(
            "%s: read as squeezed like 210x260 (y scale %.4f); if it is not, say so in %s",
            place.pictures, description.y_scale, place.root / "corpus.json",
        )  # fmt: skip
    clips: list[Clip] = []
    for split in SPLITS:
        path = place.annotations / annotation_path(place.root, split).name
        found, faults = read_annotation(path, split, place.pictures)
        if faults:
            raise InputError(f"{path}: {faults[0]}")
        bare = next((clip.name for clip in found if not clip.text.strip(" .")), None)
        if bare is not None:
            raise InputError(f"{path}: clip {bare} has no sentence (translation); write it, or take the line out")
        clips += found
    return Corpus(place.root, description, tuple(clips))


def locate(path: Path | str) -> Place:
    """Find annotation and pictures under a corpus, an unpacked release, or a folder of annotation alone.

    The pictures are `features/fullFrame-210x260px`, or what else lies in `features`, if it is only one folder.
    InputError if there is no annotation, or several such folders.
    """
    path = Path(path)
    check_folder(path, "a folder with clips.tsv, or with annotations/ and features/")
    for root in (path / below for below in _UNPACKED):
        if (root / "annotations" / "manual").is_dir():
            return Place(root, root / "annotations" / "manual", _find_pictures(root / "features"))
    for folder in (path, path / "manual"):
        place = Place(path, folder, None, alone=True)
        if place.files():
            return place
    if own.is_own(path):
        raise InputError(
            f"{path}: no annotations/manual in it, as PHOENIX14T has, whose glosses and timing are needed; a "
            f"{own.TABLE} has no timing"
        )
    raise InputError(
        f"{path}: no annotations/manual in it, as PHOENIX14T has, and no {own.TABLE}; {own.advice_on_table(path)}"
    )


def annotation_folder(root: Path) -> Path:
    """The folder of a corpus' annotation, in which alignments may lie too. InputError if `root` is no corpus."""
    return root if own.is_own(root) else locate(root).annotations


def _find_pictures(folder: Path) -> Path | None:
    if (folder / FEATURES).is_dir() or not folder.is_dir():
        return folder / FEATURES if folder.is_dir() else None
    found = sorted(f for f in folder.iterdir() if any((f / split).is_dir() for split in SPLITS))
    if len(found) > 1:
        names = ", ".join(f.name for f in found)
        raise InputError(f"{folder}: several folders of pictures ({names}); name the one to use {FEATURES}")
    return found[0] if found else None


def annotation_path(root: Path, split: str) -> Path:
    """The CSV file of a split's annotation under a corpus's root."""
    return root / "annotations" / "manual" / f"PHOENIX-2014-T.{split}.corpus.csv"


def features_path(root: Path, split: str) -> Path:
    """The folder of a split's pictures under a corpus's root."""
    return root / "features" / FEATURES / split


def write_annotation(root: Path, split: str, clips: Iterable[Clip]) -> None:
    """Write the annotation of one split in the official columns, atomically (text without its final period).

    Raises InputError if it cannot be written.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="|", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    writer.writerow(COLUMNS)
    for clip in clips:
        text = clip.text.removesuffix(" .")
        writer.writerow((clip.name, f"{clip.name}/1/*.png", -1, -1, clip.speaker, " ".join(clip.glosses), text))
    write_text(annotation_path(root, split), buffer.getvalue())


def write_description(root: Path, description: Description) -> None:
    """Write `corpus.json`, atomically. Raises InputError if it cannot be written."""
    write_text(root / "corpus.json", json.dumps(dataclasses.asdict(description), indent=2, sort_keys=True) + "\n")


def read_description(root: Path) -> Description:
    """The content of `corpus.json`, or the real data set's description if there is none.

    Raises InputError if the file is no such description.
    """
    path = root / "corpus.json"
    if not path.exists():
        return Description()
    try:
        return Description(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: not a corpus description: {error}") from error


def read_annotation(path: Path, split: str, pictures: Path | None) -> tuple[list[Clip], list[str]]:
    """The clips of one annotation file, and what is wrong with its other lines, one text each ("line 3: ...").

    pictures: as in `Place`. InputError if the file cannot be read or has other columns.
    """
    rows = read_rows(read_text(path, "is this a whole PHOENIX14T folder?"))
    header = [heading.strip().lower() for heading in rows[0].fields] if rows else []
    if not {"name", "orth", "translation"} <= set(header):
        raise InputError(f"{path}: the first line must be {'|'.join(COLUMNS)}")
    sources = {} if pictures is None else find_sources(pictures / split)
    clips: dict[str, Clip] = {}
    faults: list[str] = []
    for number, fields in ((row.number, row.fields) for row in rows[1:]):
        if len(fields) != len(header):
            faults.append(f"line {number} has {len(fields)} fields, expected {len(header)}")
            continue
        row = dict(zip(header, fields, strict=True))
        name = nfc(row["name"].strip())
        if not name or Path(name).name != name or name.startswith("."):
            faults.append(f"line {number}: {name!r} cannot be the name of a clip")
        elif name in clips:
            faults.append(f"line {number}: clip {name} stands twice")
        else:
            glosses, words = tuple(nfc(row["orth"]).split()), protocol_text(row["translation"])
            clips[name] = Clip(name, split, sources.get(name), row.get("speaker", "").strip(), glosses, words)
    return list(clips.values()), faults


def protocol_text(text: str) -> str:
    """A sentence in the form that SignJoey's and NSLT's scorers see.

    Lower case, composed characters (NFC), single spaces, and one final token " .".
    """
    return " ".join(nfc(text.strip().lower()).removesuffix(".").split()) + " ."
