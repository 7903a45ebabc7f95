"""The table of a data set of one's own (`slt.data.own`), begun for a folder of videos; and its splits."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator

from skeletor.files.atomic import write_text
from skeletor.files.paths import check_folder
from skeletor.files.suffixes import PICTURE_SUFFIXES, is_poses
from skeletor.support.config import Config
from skeletor.support.errors import InputError, printable
from slt.data.corpus import SPLITS, innermost, list_entries, source_rank
from slt.data.frames import frame_rate
from slt.data.own import (
    COLUMNS,
    DESCRIPTION,
    TABLE,
    VIDEOS,
    OwnDescription,
    check_name,
    inside,
    is_own,
    read_table,
    tidy,
)
from slt.data.own_times import SPANS
from slt.data.tables import read_text

_TEXTS = (".txt", ".TXT", ".Txt")
_LARGEST_TEXT = 1 << 16  # bytes of a text beside a video
_FRAMES = (*PICTURE_SUFFIXES, ".json")  # what a folder holds that is a clip


class SplitPlan(Config):
    """Shares of the clips in each split, and how they are drawn. by_signer: no signer is in two splits."""

    train: float = Field(0.8, gt=0, lt=1)
    dev: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.1, gt=0, lt=1)
    by_signer: bool = False
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> SplitPlan:
        if abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError(f"the shares add up to {sum(self.shares.values()):g}, they have to be 1 together")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Split -> share."""
        return {"train": self.train, "dev": self.dev, "test": self.test}


@dataclass(frozen=True)
class NewTable:
    """A table that was written. clips, without_text: numbers of lines. splits: split ("" for none) -> clips.

    kept: lines of the table that was there before. fps: frames a second, if `corpus.json` was written to tell them.
    poses: whether most clips are poses.
    """

    path: Path
    clips: int
    without_text: int
    splits: Mapping[str, int]
    kept: int
    fps: float | None
    poses: bool


def new_table(
    root: Path | str, videos: Path | str | None = None, plan: SplitPlan | None = None, force: bool = False
) -> NewTable:
    """Write `clips.tsv` into `root`, with a line for each video, folder of frames and file of poses that is found.

    videos: the folder to look in, within `root`; default: `root/videos`, or `root` if there is none. A folder in it
    that holds clips is a signer's: its name goes into the column signer, and before the clips' names. The text is that
    of `<name>.txt` beside a video, or empty. plan: how splits are drawn; None leaves them as they are.
    force: work on a table that is there already. What is written in it stays; clips that it lacks are added, texts
    and signers that it lacks are filled in.
    Where the first clip has not 25 frames a second and there is no `corpus.json`, one is written that says so.
    Raises InputError, one line, if there is a table and `force` is not given, if the table that is there has faults,
    if there are no videos, if two would get one name, or if the splits cannot be drawn.
    """
    root = Path(root)
    check_folder(root, "the folder that holds the videos")
    path = root / TABLE
    if is_own(root) and not force:
        raise InputError(f"{path}: is there already; --force adds to it what it lacks and keeps what is written in it")
    columns, rows = _present(root) if is_own(root) else (COLUMNS, {})
    kept = len(rows)
    named = {row["video"]: name for name, row in rows.items() if row.get("video")}  # the user may have renamed clips
    for found in _found_clips(root, _video_folder(root, videos)):
        row = rows.setdefault(named.get(found["video"], found["name"]), dict(found))
        part = any(row.get(column) for column in SPANS)  # the sentence beside the video is not that of a part of it
        for column in ("signer",) if part else ("signer", "text"):
            row[column] = row.get(column) or found[column]
    if not rows:
        where = root if videos is None else videos
        raise InputError(f"{where}: no videos, folders of frames or files of poses in it; give another --videos")
    if plan is not None:
        for name, split in draw_splits({name: row.get("signer", "") for name, row in rows.items()}, plan).items():
            rows[name]["split"] = split
    more = [column for column in COLUMNS if column not in columns and any(row.get(column) for row in rows.values())]
    write_table(path, (*columns, *more), list(rows.values()))
    counts = {split: sum(row.get("split", "") == split for row in rows.values()) for split in (*SPLITS, "")}
    without_text = sum(not row["text"] for row in rows.values())
    sources = [entry.clip.source for entry in read_table(root).entries if entry.clip.source is not None]
    poses = 2 * sum(map(is_poses, sources)) > len(sources)
    return NewTable(path, len(rows), without_text, counts, kept, _write_rate(root, sources), poses)


def _write_rate(root: Path, sources: Sequence[Path]) -> float | None:
    """Write `corpus.json` with the frame rate of the first clip, if it is not the usual one; gives it."""
    path = root / DESCRIPTION
    if os.path.lexists(path):
        return None
    rate = frame_rate(sources)
    if rate is None or rate == OwnDescription().fps:
        return None
    write_text(path, json.dumps({"fps": rate}) + "\n")
    return rate


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    """Write a table of clips, atomically; `read_table` gives the same cells. InputError if it cannot be written."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    write_text(path, buffer.getvalue())


def draw_splits(signers: Mapping[str, str], plan: SplitPlan) -> dict[str, str]:
    """The split of each clip. signers: clip name -> who signs in it ("" if unknown), in any order.

    The same names, signers and plan give the same splits on every machine. Each split gets at least one clip, with
    `by_signer` at least one signer. Raises InputError if there are too few of them, or a signer is not known.
    """
    if len(signers) < len(SPLITS):
        raise InputError(f"--split: {len(signers)} clips cannot be in {len(SPLITS)} splits; add videos")
    order = sorted(signers, key=lambda name: _lot(name, plan.seed))
    if plan.by_signer:
        return _by_signer(signers, plan)
    dev = min(max(1, round(plan.dev * len(order))), len(order) - 2)
    test = min(max(1, round(plan.test * len(order))), len(order) - dev - 1)
    drawn = ["dev"] * dev + ["test"] * test + ["train"] * (len(order) - dev - test)
    return dict(zip(order, drawn, strict=True))


def _by_signer(signers: Mapping[str, str], plan: SplitPlan) -> dict[str, str]:
    """Signers with many clips first, each into the split that lacks most of its share."""
    unknown = min((name for name, signer in signers.items() if not signer), default=None)
    if unknown is not None:
        raise InputError(
            f"--by-signer: nothing tells the signer of clip {unknown}; put the videos of each signer into a folder of "
            "their own, or write the column signer and add --force"
        )
    counts = Counter(signers.values())
    if len(counts) < len(SPLITS):
        raise InputError(f"--by-signer: {len(counts)} signers cannot fill {len(SPLITS)} splits without one in two; "
                         "leave --by-signer out, or add signers")  # fmt: skip
    have = dict.fromkeys(SPLITS, 0)
    split_of: dict[str, str] = {}
    for signer in sorted(counts, key=lambda name: (-counts[name], _lot(name, plan.seed))):
        empty = [split for split in SPLITS if not have[split]]
        last = len(counts) - len(split_of) <= len(empty)  # as many signers left as splits without one
        lacks = {s: plan.shares[s] * len(signers) - have[s] for s in (empty if last else SPLITS)}
        split_of[signer] = max(lacks, key=lambda split: lacks[split])
        have[split_of[signer]] += counts[signer]
    return {name: split_of[signer] for name, signer in signers.items()}


def _lot(name: str, seed: int) -> bytes:
    """Where a name stands in the draw: the same with every version of every library, whatever else is drawn."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def _present(root: Path) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    """Columns and lines of the table that is there, by the clips' names."""
    table = read_table(root)
    for fault in table.faults:
        raise InputError(f"{fault} (the table is kept as it is)")
    return table.columns, {entry.clip.name: {**entry.cells, "name": entry.clip.name} for entry in table.entries}


def _video_folder(root: Path, videos: Path | str | None) -> Path:
    usual = root / VIDEOS if (root / VIDEOS).is_dir() else root
    folder = usual if videos is None else Path(videos)
    if not folder.is_dir() and (root / folder).is_dir():  # as seen from the data set
        folder = root / folder
    check_folder(folder, f"the folder of the videos, within {root}")
    return inside(root, folder)


def _found_clips(root: Path, folder: Path) -> list[dict[str, str]]:
    """A row for each clip in a folder and in its folders of signers, sorted by name."""
    parts = [(folder, "")]
    parts += [(folder / entry, entry) for entry, is_folder in list_entries(folder) if is_folder]
    rows: dict[str, dict[str, str]] = {}
    for part, signer in parts:
        if signer and _is_clip(part):
            continue
        for name, entry in _entries_of(inside(root, part)).items():
            row = _row(root, part, entry, name, signer)
            if row["name"] in rows:
                raise InputError(f"{part / entry}: {rows[row['name']]['video']} would have the same name; rename one")
            rows[row["name"]] = row
    return [rows[name] for name in sorted(rows)]


def _entries_of(folder: Path) -> dict[str, str]:
    """Name of each clip in a folder -> its entry. A video comes before poses of its name; InputError for two videos."""
    found: dict[str, tuple[int, str]] = {}
    for entry, is_folder in list_entries(folder):
        name, rank = source_rank(entry, is_folder)
        if rank > 3 or (is_folder and not _is_clip(folder / entry)):
            continue
        if name in found and rank < 3 and found[name][0] < 3:
            raise InputError(f"{folder / entry}: {found[name][1]} has the same name; rename one, or take one away")
        if name not in found or rank < found[name][0]:
            found[name] = rank, entry
    return {name: entry for name, (_, entry) in found.items()}


def _is_clip(folder: Path) -> bool:
    """Whether a folder holds frames or the JSON of poses, itself or in the folder `1`.

    Pictures beside videos, or beside files of poses, are previews or the like: that folder is a signer's.
    """
    files = [name for name, below in list_entries(innermost(folder)) if not below]
    return any(f.lower().endswith(_FRAMES) for f in files) and all(source_rank(f, False)[1] > 3 for f in files)


def _row(root: Path, folder: Path, entry: str, name: str, signer: str) -> dict[str, str]:
    file = folder / entry
    try:
        given = tidy(f"{signer}_{name}" if signer else name)
        entry.encode()
        video = (folder.resolve() / entry).relative_to(root.resolve()).as_posix()
        if video != video.strip() or "\t" in video or len(video.splitlines()) > 1:
            raise InputError("space at the ends of its path, or tabs and line breaks in it; rename it")
        check_name(given)
        inside(root, file)
    except UnicodeError as error:
        raise InputError(f"{printable(str(file))}: its name is not UTF-8; rename it") from error
    except InputError as error:
        raise InputError(f"{printable(str(file))!r}: {error}") from error
    return {"name": given, "video": video, "split": "", "signer": tidy(signer), "glosses": "",
            "text": _text_beside(folder, name)}  # fmt: skip


def _text_beside(folder: Path, name: str) -> str:
    """The sentence in a file beside a video, "" if there is none. Raises InputError if it is none."""
    names = dict.fromkeys((name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))))  # of two systems
    files = (folder / f"{one}{suffix}" for one in names for suffix in _TEXTS)
    file = next((path for path in files if path.is_file()), None)
    if file is None:
        return ""
    if file.stat().st_size > _LARGEST_TEXT:
        raise InputError(f"{file}: larger than {_LARGEST_TEXT >> 10} kB; it has to be the sentence of one clip")
    return tidy(read_text(file, "it is the text of a clip"))
