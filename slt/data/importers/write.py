"""From what an importer found to a data set: its table, `corpus.json`, and recordings that are within its folder."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skeletor.files.atomic import atomic_path, write_text
from skeletor.files.suffixes import is_poses
from skeletor.io.native import write_pose
from skeletor.support.errors import InputError, printable
from skeletor.support.progress import progress
from slt.data.corpus import SPLITS
from slt.data.importers.base import Found, ImportOptions, Media
from slt.data.importers.registry import KINDS
from slt.data.own import COLUMNS, DESCRIPTION, TABLE, VIDEOS, check_name, is_own, read_table, tidy
from slt.data.own_new import SplitPlan, draw_splits, write_table
from slt.data.own_times import SPANS, read_span

POSES = "poses"  # the folder of poses that lay in files of many clips
_LONG = 600  # seconds of a sentence
_TELL_OF_TEXT = ("phoenix2014", "slrtp", "skels")  # kinds whose importers do so
_ALL = (*COLUMNS[:2], *SPANS, *COLUMNS[2:])


@dataclass(frozen=True)
class ImportedTable:
    """A table that was written. splits: split ("" for none) -> clips. notes: what the user should know.

    poses: whether most clips are poses.
    """

    path: Path
    clips: int
    splits: dict[str, int]
    notes: tuple[str, ...]
    poses: bool


def import_data(
    kind: str, source: Path | str, root: Path | str, options: ImportOptions | None = None, media: Media = "keep",
    plan: SplitPlan | None = None, force: bool = False,
) -> ImportedTable:  # fmt: skip
    """Write `clips.tsv` into `root` for the data set at `source`, which is of a kind of `KINDS`.

    media: what becomes of recordings that are not within `root`: keep refuses them, link makes hard links (no second
    copy on the disk), copy copies them, both into `root/videos`. plan: how splits are drawn anew; None leaves the data
    set's own. force: replace a table that is there. Lines that the table cannot have are left out and noted.
    Raises InputError, one line, if the source is no such data set, if there is a table and `force` is not given, if a
    recording lies outside, or if no clip is left.
    """
    source, root = Path(source), Path(root)
    path = root / TABLE
    if is_own(root) and not force:
        raise InputError(f"{path}: is there already; --force replaces it")
    found = KINDS[kind].read(source, options or ImportOptions())
    clips, faults = _sound(found.clips)
    if not clips:
        raise InputError(f"{source}: no clip of it can be used: {'; '.join([*found.notes, *faults]) or 'it has none'}")
    places = _places(clips, source, root, media)
    own = _own_files(clips, root)
    rows = [_row(clip, own[clip.name] if clip.media is None else places[clip.media])
            for clip in clips if clip.media is not None or clip.name in own]  # fmt: skip
    if lost := sum(clip.poses is not None for clip in clips) - len(own):
        faults.append(f"{lost:,} clips are of a view that their file of poses does not have and are left out")
    if not rows:
        raise InputError(f"{source}: no clip of it can be used: {'; '.join([*found.notes, *faults])}")
    if plan is not None:
        drawn = draw_splits({row["name"]: row["signer"] for row in rows}, plan)
        rows = [{**row, "split": drawn[row["name"]]} for row in rows]
    root.mkdir(parents=True, exist_ok=True)
    write_table(path, _ALL, rows)
    notes = [*found.notes, *faults]
    about = found.about.model_dump(exclude_defaults=True)
    if os.path.lexists(root / DESCRIPTION):
        notes.append(f"{root / DESCRIPTION}: is kept as it is; the data say {json.dumps(about)}")
    elif about:
        write_text(root / DESCRIPTION, json.dumps(about) + "\n")
    notes += read_table(root).faults
    notes += _odd(rows, kind)
    counts = Counter(row["split"] for row in rows)
    poses = 2 * sum(is_poses(root / row["video"]) for row in rows) > len(rows)
    return ImportedTable(path, len(rows), {split: counts[split] for split in (*SPLITS, "")}, tuple(notes), poses)


def _sound(clips: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """The clips that a table can have, and a note on the others: a name or time that is none, a name twice."""
    kept: dict[str, Found] = {}
    faults = []
    for clip in clips:
        try:
            name = check_name(tidy(clip.name))
            read_span(clip.start, clip.end)
            if name in kept:
                raise InputError("its name stands there twice")
            kept[name] = clip
        except InputError as error:
            faults.append(f"{clip.name[:60]!r}: {error}")
    note = [f"{len(faults):,} lines cannot be used and are left out, as {faults[0]}"] if faults else []
    return list(kept.values()), note


def _odd(rows: Sequence[Mapping[str, str]], kind: str) -> list[str]:
    """What is unlike clips of sentences, which the data may have and a training cannot use."""
    bare = 0 if kind in _TELL_OF_TEXT else sum(not row["text"] for row in rows)
    long = sum(float(row["end"]) - float(row["start"] or 0) > _LONG for row in rows if row["end"])
    notes = [f"{bare:,} clips have no sentence; write it, or take their lines out"] if bare else []
    return notes + (
        [f"{long:,} clips last longer than {_LONG // 60} minutes; are their times seconds?"] if long else []
    )


def _row(clip: Found, place: str) -> dict[str, str]:
    return {
        "name": tidy(clip.name), "video": place, "start": clip.start, "end": clip.end, "split": clip.split,
        "signer": tidy(clip.signer), "glosses": tidy(clip.glosses), "text": tidy(clip.text),
    }  # fmt: skip


def _places(clips: Sequence[Found], source: Path, root: Path, media: Media) -> dict[Path, str]:
    """Recording -> its path within the data set, put there if need be. All are looked at before one is put anywhere."""
    top = root.resolve()
    places: dict[Path, str] = {}
    outside: dict[Path, Path] = {}
    for recording in dict.fromkeys(clip.media for clip in clips if clip.media is not None):
        real = recording.resolve()
        if real.is_relative_to(top) and recording.absolute().is_relative_to(root.absolute()):
            places[recording] = _cell(recording.absolute().relative_to(root.absolute()))
        elif real.is_relative_to(top):
            places[recording] = _cell(real.relative_to(top))
        elif media == "keep":
            raise InputError(
                f"{recording}: lies outside of {root}; give the data set's own folder in place of {root}, or --media "
                "link (hard links, which take no room) or --media copy"
            )
        else:
            below = Path(VIDEOS) / recording.relative_to(source)
            places[recording], outside[real] = _cell(below), root / below
    for real, target in progress(outside.items(), f"{media} recordings", len(outside), "recording", log_every=60):
        _put(real, target, media)
    return places


def _own_files(clips: Sequence[Found], root: Path) -> dict[str, str]:
    """Clip -> its file of poses within the data set, of those that lay in files with others. Files are replaced."""
    made: dict[str, str] = {}
    asked: dict[Path, bool] = {}  # new file -> whether it was written
    named = [(clip, clip.poses) for clip in clips if clip.poses is not None]
    for clip, poses in progress(named, "poses of clips", len(named), "clip", log_every=60):
        below = Path(POSES) / (clip.split or ".") / f"{tidy(clip.recording or clip.name)}.safetensors"
        if below not in asked:
            pose = poses()
            asked[below] = pose is not None
            if pose is not None:
                write_pose(pose, root / below)
        if asked[below]:
            made[clip.name] = _cell(below)
    return made


def _cell(path: Path) -> str:
    """A path as the cell of a table. Raises InputError if it cannot be one."""
    text = path.as_posix()
    if text != text.strip() or "\t" in text or len(text.splitlines()) != 1 or not text.isprintable():
        raise InputError(f"{printable(text)}: odd characters or spaces at the ends of its path; rename it")
    return text


def _put(real: Path, target: Path, media: Media) -> None:
    """A recording, or each file of a folder of frames or JSON, linked or copied; what is there already is kept."""
    if real.is_dir():
        for file in sorted(real.iterdir()):
            if not file.name.startswith("."):
                _put(file.resolve(), target / file.name, media)
        return
    if target.exists() and (target.samefile(real) or target.stat().st_size == real.stat().st_size):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with atomic_path(target) as temporary:
            if media == "link":
                os.link(real, temporary)
            else:
                shutil.copyfile(real, temporary)
    except OSError as error:
        advice = "another disk? give --media copy" if media == "link" else "is there room?"
        raise InputError(f"{target}: cannot be made ({error.strerror or error}); {advice}") from error
