"""PHOENIX14T's layout on disk: one reader for the real data set and for rendered corpora, and the writer.

ROOT/annotations/manual/PHOENIX-2014-T.{train,dev,test}.corpus.csv
ROOT/features/fullFrame-210x260px/{train,dev,test}/<name>/*.png      (or <name>/1/*.png, or <name>.mp4)
ROOT/corpus.json                                                     (rendered corpora only)
ROOT/truth/<part>.safetensors, ROOT/truth2d/<part>.safetensors       (rendered corpora only)
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from skeletor.atomic import write_text
from skeletor.errors import InputError

SPLITS = ("train", "dev", "test")
COLUMNS = ("name", "video", "start", "end", "speaker", "orth", "translation")
FEATURES = "fullFrame-210x260px"


@dataclass(frozen=True)
class Description:
    """What the annotation does not say about a corpus.

    y_scale: the factor that undoes a squeezed picture. PHOENIX14T's 210x260 frames are to be shown at
    210x300 (its own README), so y must be stretched by 300/260 before anything is measured in it.
    """

    kind: str = "phoenix14t"
    fps: float = 25.0
    y_scale: float = 300 / 260
    licence: str = "CC BY-NC-SA (RWTH-PHOENIX-Weather 2014T)"
    seed: int | None = None


@dataclass(frozen=True)
class Clip:
    """One annotated clip. `source` is a video file or a folder of frames, None if there are no pixels.

    `text` is lower case and ends in the token " .", as in the text that the literature scores (the
    official CSV lacks that token).
    """

    name: str
    split: str
    source: Path | None
    speaker: str
    glosses: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Corpus:
    """A corpus on disk: its folder, its description, its clips in file order."""

    root: Path
    description: Description
    clips: tuple[Clip, ...]

    def split(self, name: str) -> list[Clip]:
        """The clips of one split."""
        return [clip for clip in self.clips if clip.split == name]


def read_corpus(root: Path | str) -> Corpus:
    """Read a corpus in PHOENIX14T's layout. InputError in one line if it is not one."""
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the folder that holds annotations/ and features/")
    if not (root / "annotations").is_dir() and (root / "PHOENIX-2014-T" / "annotations").is_dir():
        root = root / "PHOENIX-2014-T"
    description = _read_description(root / "corpus.json")
    clips = [clip for split in SPLITS for clip in _read_split(root, split)]
    return Corpus(root, description, tuple(clips))


def annotation_path(root: Path, split: str) -> Path:
    """Where the annotation of a split lies."""
    return root / "annotations" / "manual" / f"PHOENIX-2014-T.{split}.corpus.csv"


def features_path(root: Path, split: str) -> Path:
    """Where the pictures of a split lie."""
    return root / "features" / FEATURES / split


def write_annotation(root: Path, split: str, clips: Iterable[Clip]) -> None:
    """Write the annotation of one split in the official columns (text without its final period)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="|", lineterminator="\n", quoting=csv.QUOTE_NONE)
    writer.writerow(COLUMNS)
    for clip in clips:
        text = clip.text.removesuffix(" .")
        writer.writerow((clip.name, f"{clip.name}/1/*.png", -1, -1, clip.speaker, " ".join(clip.glosses), text))
    write_text(annotation_path(root, split), buffer.getvalue())


def write_description(root: Path, description: Description) -> None:
    """Write `corpus.json`."""
    write_text(root / "corpus.json", json.dumps(dataclasses.asdict(description), indent=2, sort_keys=True) + "\n")


def _read_description(path: Path) -> Description:
    if not path.exists():
        return Description()
    try:
        return Description(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: not a corpus description: {error}") from error


def _read_split(root: Path, split: str) -> list[Clip]:
    path = annotation_path(root, split)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); is {root} a PHOENIX14T folder?") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text") from error
    rows = list(csv.reader(io.StringIO(text), delimiter="|", quoting=csv.QUOTE_NONE))
    if not rows or not {"name", "orth", "translation"} <= set(rows[0]):
        raise InputError(f"{path}: the first line must be {'|'.join(COLUMNS)}")
    column = {name: rows[0].index(name) for name in rows[0]}
    clips, seen = [], set()
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            raise InputError(f"{path}: line {number} has {len(row)} fields, expected {len(rows[0])}")
        name = row[column["name"]]
        if name in seen:
            raise InputError(f"{path}: line {number}: clip {name} stands twice")
        seen.add(name)
        clips.append(
            Clip(
                name=name,
                split=split,
                source=_find_source(features_path(root, split), name),
                speaker=row[column["speaker"]] if "speaker" in column else "",
                glosses=tuple(row[column["orth"]].split()),
                text=protocol_text(row[column["translation"]]),
            )
        )
    return clips


def protocol_text(text: str) -> str:
    """Lower case, single spaces, one final " ." (what SignJoey's and NSLT's scorers see)."""
    return " ".join(text.lower().removesuffix(".").split()) + " ."


def _find_source(folder: Path, name: str) -> Path | None:
    for candidate in (folder / f"{name}.mp4", folder / name / "1", folder / name):
        if candidate.exists():
            return candidate
    return None
