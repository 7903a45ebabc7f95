"""Skeletons of PHOENIX14T as they are passed around: many clips in a file, each with its sentence.

`slrtp`: the SLRTP 2025 challenge     SOURCE/**/{train,dev,test}.pt (also phix_train.pt, ...): see
                                      `skeletor.io.read_only.slrtp`
`skels`: Progressive Transformers     SOURCE/**/{train,dev,test}.skels, with .files (names), .text and .gloss, a line
                                      a clip: see `skeletor.io.skels`

A table names one file a clip, so each clip becomes a file of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from skeletor.io import skels
from skeletor.io.read_only import slrtp
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from slt.data.importers.base import Found, Imported, ImportOptions, files_named, split_named
from slt.data.own import OwnDescription
from slt.data.tables import read_text

_WORDS = re.compile(r"[^A-Za-z]+")
_NOTE = "its clips are files of poses: `slt run` with --estimator poses"


class _Labelled(slrtp.Clips):
    """Clips of a challenge's file with what is written about them."""

    def label(self, name: str, key: str) -> str:
        """A text of a clip, "" if it has none of that kind."""
        value = self._values[name]
        found = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(found, list | tuple) and all(isinstance(word, str) for word in found):
            return " ".join(found)
        return found if isinstance(found, str) else ""


def read_slrtp(source: Path, options: ImportOptions) -> Imported:
    """The clips of all `.pt` files below the source. Raises InputError, one line, if there is none, or one is bad."""
    clips: list[Found] = []
    for split, path in _files(source, ".pt").items():
        held = _Labelled(path)
        for name in held:
            glosses, speaker, text = (held.label(name, key) for key in ("gloss", "speaker", "text"))
            clips.append(Found(_last(name), None, split, speaker, glosses, text, poses=partial(_pose, held, name)))
    return _imported(clips, options)


def read_skels(source: Path, options: ImportOptions) -> Imported:
    """The clips of all `.skels` files below the source. Raises InputError, one line, if there is none, if one is bad,
    or if its texts or glosses are not as many."""
    clips: list[Found] = []
    for split, path in _files(source, ".skels").items():
        held = skels.read_poses(path)
        texts, glosses = _lines(path, ".text", len(held)), _lines(path, ".gloss", len(held))
        for name, text, gloss in zip(held, texts, glosses, strict=True):
            clips.append(Found(_last(name), None, split, "", gloss, text, poses=partial(_pose, held, name)))
    return _imported(clips, options)


def _files(source: Path, suffix: str) -> dict[str, Path]:
    """Split -> its file, in order of the splits; by a word of the file's name."""
    found: dict[str, Path] = {}
    for path in files_named(source, suffix):
        split = next(filter(None, map(split_named, _WORDS.split(path.stem))), None)
        if split is None:
            continue
        if split in found:
            raise InputError(f"{source}: {found[split]} and {path} are both {split}; give the folder of one of them")
        found[split] = path
    if not found:
        raise InputError(f"{source}: no train{suffix}, dev{suffix} or test{suffix} in it or below")
    return {split: found[split] for split in ("train", "dev", "test") if split in found}


def _pose(held: Mapping[str, PoseSequence], name: str) -> PoseSequence:
    return held[name]


def _lines(path: Path, suffix: str, count: int) -> Iterator[str]:
    """A text a clip; empty ones if there is no such file. InputError if it has another number of lines."""
    file = path.with_suffix(suffix)
    if not file.exists():
        return iter([""] * count)
    lines = read_text(file, "it holds a line a clip").removesuffix("\n").split("\n")
    if len(lines) != count:
        raise InputError(f"{file}: {len(lines)} lines, but {path.name} has {count} clips")
    return iter(lines)


def _last(name: str) -> str:
    """A clip's name without the folders before it: "dev/11August_2010" is 11August_2010."""
    return name.rpartition("/")[2]


def _imported(clips: list[Found], options: ImportOptions) -> Imported:
    bare = sum(not clip.text for clip in clips)
    count = Counter(clip.name for clip in clips)  # numbers that begin anew in each split, say
    clips = [replace(c, name=f"{c.split}_{c.name}") if count[c.name] > 1 else c for c in clips]
    notes = [_NOTE, *([f"{bare:,} clips have no sentence"] if bare else [])]
    about = OwnDescription(fps=slrtp.FPS, language=options.language or "de")
    return Imported(tuple(clips), tuple(notes), about)
