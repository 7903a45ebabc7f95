"""Check of a data set: what is missing, what cannot be read, what its splits share.

In PHOENIX14T's layout, or a folder with a table of clips (`slt.data.own_check` has what is special to those).
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.files.suffixes import VIDEO_SUFFIXES
from skeletor.support.errors import InputError
from slt.data import layout, own_check
from slt.data.corpus import SPLITS, Clip, Description, find_sources
from slt.data.frames import ClipFrames, Depth, check_clips
from slt.data.layout import Place
from slt.data.own import describe, is_own, read_table
from slt.data.statistics import PUBLISHED, Lengths, SplitFigures, figures

SQUEEZED = (210, 260)  # width and height of the official frames, which are to be shown as 210x300
# What makes a data set unsound: kind -> in words.
PROBLEMS: Mapping[str, str] = {
    "annotation": "faults of the annotation",
    "texts": "clips without a sentence",
    "splits": "splits that lack clips, or clips that lack one",
    "pictures": "folders of pictures that are missing",
    "no_pictures": "clips without pictures",
    "empty": "clips whose folder has no frames",
    "unreadable": "frames or videos that cannot be read",
    "gaps": "clips with gaps in their frame numbers",
    "sizes": "clips whose frames have another size",
    "spans": "clips that are not within their video",
    "several_splits": "clips that lie in several splits",
}


@dataclass(frozen=True)
class PictureFigures:
    """Pictures of a split. sizes: "210x260" -> decoded frames of that size."""

    clips: int
    frames: int
    frames_per_clip: Lengths
    decoded: int
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Check:
    """What `check` found. problems: by kind (`PROBLEMS`), one text each; without any, the data set is sound.

    variants: "train-complex-annotation" -> its figures. notes: what is worth knowing, but no defect.
    """

    place: Place
    description: Description
    depth: Depth
    splits: Mapping[str, SplitFigures]
    variants: Mapping[str, SplitFigures]
    pictures: Mapping[str, PictureFigures]
    problems: Mapping[str, Sequence[str]]
    notes: Sequence[str]

    @property
    def sound(self) -> bool:
        """Whether nothing is missing or unreadable: there are no problems."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """All fields as plain values for JSON, with the published figures of PHOENIX14T beside them."""
        values = dataclasses.asdict(self)
        values["place"] = {key: value if value is None else str(value) for key, value in values["place"].items()}
        values["place"]["alone"] = self.place.alone
        published = {split: dataclasses.asdict(PUBLISHED[split]) for split in self.splits if self.is_phoenix}
        return {"sound": self.sound, **values, "published": published}

    @property
    def is_phoenix(self) -> bool:
        """Whether this is the real PHOENIX14T, of which there are published figures to compare with."""
        return self.description.kind == "phoenix14t"


def check(path: Path | str, depth: Depth = "quick", workers: int = 2) -> Check:
    """Look through a data set: annotation in all variants, pictures (see `check_clips`), and what splits share.

    Works on a folder of annotation alone as well, and on one with a table of clips. workers: threads. Raises InputError
    only if there is no annotation at all, or the table cannot be read as one; everything else is a problem in the
    result.
    """
    if is_own(path):
        return _check_own(path, depth, workers)
    place = layout.locate(path)
    description = layout.read_description(place.root)
    problems: dict[str, list[str]] = defaultdict(list)
    clips, variants = _read_all(place, problems)
    notes = _variant_notes(clips, variants)
    found: list[ClipFrames] = []
    if place.pictures is not None:
        found = list(check_clips(clips, depth, workers))
        notes += _picture_problems(place, description, clips, found, problems)
    elif not place.alone:
        problems["pictures"].append(f"{place.root / 'features'}: no pictures at all, only the annotation is here")
    _split_problems(place, clips, problems)
    splits = figures(clips)
    pictures = {split: _picture_figures([f for f in found if f.clip.split == split]) for split in splits if found}
    result = Check(
        place, description, depth, splits,
        {name: figures(own)[own[0].split] for name, own in variants.items() if own},
        pictures, {kind: problems[kind] for kind in PROBLEMS if problems[kind]}, (),
    )  # fmt: skip
    return dataclasses.replace(result, notes=tuple(_published_notes(result) + notes))


def _check_own(path: Path | str, depth: Depth, workers: int) -> Check:
    """Look through a folder with a table of clips."""
    table = read_table(path)
    problems: defaultdict[str, list[str]] = defaultdict(list)
    notes = own_check.table_problems(table, problems)
    clips = [entry.clip for entry in table.entries]
    about = describe(table.root)
    found = list(check_clips(clips, depth, workers, about.fps))
    own_check.source_problems(table, found, problems)
    notes += own_check.rate_notes(table, about.fps) + own_check.length_notes(found, about.fps)
    splits = figures(clips)
    return Check(
        Place(table.root, table.path, table.root), about, depth, splits, {},
        {split: _picture_figures([f for f in found if f.clip.split == split]) for split in splits},
        {kind: problems[kind] for kind in PROBLEMS if problems[kind]}, tuple(notes),
    )  # fmt: skip


def _read_all(place: Place, problems: dict[str, list[str]]) -> tuple[list[Clip], dict[str, list[Clip]]]:
    """Clips of the plain annotation, and of each variant by its name."""
    clips: list[Clip] = []
    variants: dict[str, list[Clip]] = {}
    files = place.files()
    for split in SPLITS:
        if (split, "") not in files:
            missing = place.annotations / layout.annotation_path(place.root, split).name
            problems["annotation"].append(f"{missing}: missing")
    for (split, variant), path in files.items():
        try:
            found, faults = layout.read_annotation(path, split, place.pictures)
        except InputError as error:
            problems["annotation"].append(str(error))
            continue
        problems["annotation"] += [f"{path}: {fault}" for fault in faults]
        if variant:
            variants[f"{split}-{variant}"] = found
        else:
            clips += found
            problems["annotation"] += [f"{path}: clip {c.name} has no sentence" for c in found if c.text == " ."]
    return clips, variants


def _variant_notes(clips: Sequence[Clip], variants: Mapping[str, Sequence[Clip]]) -> list[str]:
    notes = []
    for variant, own in variants.items():
        plain = {clip.name for clip in clips if clip.split == variant.split("-")[0]}
        names = {clip.name for clip in own}
        if names != plain:
            more, fewer = len(names - plain), len(plain - names)
            notes.append(f"{variant} has {more} clips that the plain annotation lacks, and lacks {fewer} of its clips")
    return notes


def _picture_problems(
    place: Place,
    description: Description,
    clips: Sequence[Clip],
    found: Sequence[ClipFrames],
    problems: dict[str, list[str]],
) -> list[str]:
    """Sort the faults of the pictures by kind; gives notes."""
    notes = []
    absent = [clip for clip in clips if clip.source is None]
    if description.synthetic:
        if absent:
            corpus = f"{description.kind} corpus"
            notes.append(f"{len(absent)} clips have no pictures: simulated detections stand for them ({corpus})")
    else:
        problems["no_pictures"] += [f"{clip.split}/{clip.name}" for clip in absent]
    expected = expected_size(place, description)
    if expected not in (None, SQUEEZED) and not (place.root / "corpus.json").exists():
        notes.append(
            f"y is stretched by {description.y_scale:.4f}, as for pictures of 210x260; say otherwise in corpus.json"
        )
    for one in found:
        for kind, text in one.faults:
            problems[kind].append(text)
        if len(one.sizes) > 1 or (expected is not None and set(one.sizes) - {expected}):
            sizes = ", ".join(f"{w}x{h} in {count}" for (w, h), count in sorted(one.sizes.items()))
            problems["sizes"].append(f"{one.clip.source}: {sizes} of {sum(one.sizes.values())} decoded frames")
    return notes + _stray_notes(place, clips)


def expected_size(place: Place, description: Description) -> tuple[int, int] | None:
    """(width, height) in pixels that PHOENIX14T's frames have by the name of their folder; None for other corpora."""
    if place.pictures is None or description.kind != "phoenix14t":
        return None
    match = re.search(r"(\d+)x(\d+)", place.pictures.name)
    return (int(match[1]), int(match[2])) if match else SQUEEZED


def _stray_notes(place: Place, clips: Sequence[Clip]) -> list[str]:
    """Pictures that no annotation names, and files that are no pictures by their names."""
    notes = []
    for split in SPLITS:
        known = {clip.name for clip in clips if clip.split == split}
        others = _other_files(place, split)
        if others:
            notes.append(f"{split}: {len(others)} files that are neither videos nor folders of frames, as {others[0]}")
        stray = [name for name in _picture_names(place, split) if name not in known]
        if stray:
            notes.append(f"{split}: {len(stray)} clips with pictures that the annotation does not name, as {stray[0]}")
    return notes


def _picture_names(place: Place, split: str) -> list[str]:
    folder = None if place.pictures is None else place.pictures / split
    if folder is None or not folder.is_dir():
        return []
    return sorted(find_sources(folder))


def _other_files(place: Place, split: str) -> list[str]:
    folder = None if place.pictures is None else place.pictures / split
    if folder is None or not folder.is_dir():
        return []
    entries = (e for e in folder.iterdir() if not e.name.startswith("."))
    return sorted(e.name for e in entries if e.is_file() and e.suffix.lower() not in VIDEO_SUFFIXES)


def _split_problems(place: Place, clips: Sequence[Clip], problems: dict[str, list[str]]) -> None:
    named = {split: [clip.name for clip in clips if clip.split == split] for split in SPLITS}
    shown = {split: _picture_names(place, split) for split in SPLITS}
    for what, parts in (("annotation", named), ("pictures", shown)):
        counts = Counter(name for names in parts.values() for name in names)
        for name in (name for name, count in counts.items() if count > 1):
            where = ", ".join(split for split, names in parts.items() if name in names)
            problems["several_splits"].append(f"{name}: {what} in {where}")


def _picture_figures(found: Sequence[ClipFrames]) -> PictureFigures:
    counts = [one.frames for one in found]
    sizes: Counter[str] = Counter()
    for one in found:
        sizes.update({f"{w}x{h}": count for (w, h), count in one.sizes.items()})
    return PictureFigures(len(found), sum(counts), Lengths.of(counts), sizes.total(), dict(sizes))


def _published_notes(result: Check) -> list[str]:
    """Where the real data set's figures are not the published ones."""
    notes = []
    for split, own in result.splits.items():
        if not result.is_phoenix:
            continue
        pairs = [
            ("clips", own.clips, PUBLISHED[split].clips),
            ("words", own.words.running, PUBLISHED[split].words),
            ("different words", own.words.different, PUBLISHED[split].vocabulary),
        ]
        if split in result.pictures:
            pairs.append(("frames", result.pictures[split].frames, PUBLISHED[split].frames))
        others = [f"{count:,} {what} ({published:,})" for what, count, published in pairs if count != published]
        if others:
            notes.append(f"not as published (in brackets): {split} has {', '.join(others)}")
    return notes
