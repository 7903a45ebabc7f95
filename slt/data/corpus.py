"""A corpus as the pipeline sees it, whatever its layout on disk; and how the pictures of its clips are found."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skeletor.files.suffixes import POSE_SUFFIXES, VIDEO_SUFFIXES
from skeletor.poses.span import Span
from slt.data.tables import nfc

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Description:
    """What the annotation does not say about a corpus.

    y_scale: the factor that undoes a squeezed picture. PHOENIX14T's 210x260 frames are to be shown at
    210x300 (its own README), so y must be stretched by 300/260 before anything is measured in it. language: the code of
    the text's language (BCP 47), "" if it is not said.
    """

    kind: str = "phoenix14t"
    fps: float = 25.0
    y_scale: float = 300 / 260
    licence: str = "CC BY-NC-SA (RWTH-PHOENIX-Weather 2014T)"
    seed: int | None = None
    language: str = "de"

    @property
    def synthetic(self) -> bool:
        """Whether the corpus is rendered: true poses are known, and clips without pictures are meant to have none."""
        return self.kind in ("rendered", "resynthesised")


@dataclass(frozen=True)
class Clip:
    """One annotated clip. `source` is a video file, a folder of frames or poses; None if there is nothing of the kind.

    `text` is in the form that `Corpus.protocol` tells. span: the part of the source that is the clip; None: all of it.
    """

    name: str
    split: str
    source: Path | None
    speaker: str
    glosses: tuple[str, ...]
    text: str
    span: Span | None = None


@dataclass(frozen=True)
class Corpus:
    """A corpus on disk: its folder, its description, its clips in file order.

    protocol: the texts are in the form that the literature on PHOENIX14T scores, lower case with a final token " ."
    (the official CSV lacks that token). Else they are as their writer wrote them.
    """

    root: Path
    description: Description
    clips: tuple[Clip, ...]
    protocol: bool = True

    def split(self, name: str) -> list[Clip]:
        """The clips of one split ("train", "dev" or "test"), in file order."""
        return [clip for clip in self.clips if clip.split == name]


def find_sources(folder: Path, poses: bool = False) -> dict[str, Path]:
    """The pictures in a folder, clip name in NFC -> its video, else its folder of frames (or the folder `1` inside).

    A video is known by its suffix; .mp4 comes first. poses: files of poses count too, after all pictures. Empty if
    there is no such folder.
    """
    found: dict[str, tuple[tuple[int, str], Path]] = {}
    for entry, is_folder in list_entries(folder):
        name, rank = source_rank(entry, is_folder)
        order = (rank, entry)
        if rank > (3 if poses else 2):
            continue
        if nfc(name) not in found or order < found[nfc(name)][0]:
            found[nfc(name)] = order, folder / entry
    return {name: innermost(path) for name, (_, path) in found.items()}


def list_entries(folder: Path) -> Sequence[tuple[str, bool]]:
    """(name, whether it is a folder) of what is in a folder and not hidden, sorted; empty without such a folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    except OSError:
        return []


def source_rank(entry: str, is_folder: bool) -> tuple[str, int]:
    """The name of the clip that an entry of a folder may be, and which comes first of several of one name.

    0: an .mp4, 1: a folder, 2: another video, 3: a file of poses, 4: none of these.
    """
    stem, suffix = os.path.splitext(entry)
    kind = suffix.lower()
    if is_folder:
        return entry, 1
    if kind in VIDEO_SUFFIXES:
        return stem, 0 if kind == ".mp4" else 2
    return stem, 3 if kind in POSE_SUFFIXES else 4


def innermost(source: Path) -> Path:
    """The folder `1` inside a folder of frames, if there is one, as in PHOENIX14T; else the source itself."""
    return source / "1" if os.path.isdir(source / "1") else source
