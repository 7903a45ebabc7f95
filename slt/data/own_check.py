"""What is wrong with a data set of one's own (`slt.data.own`), each with the file and the line of its table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from skeletor.files.suffixes import is_poses
from skeletor.poses.span import Span
from slt.data.corpus import SPLITS, find_sources
from slt.data.frames import ClipFrames, frame_rate
from slt.data.own import COLUMNS, DESCRIPTION, UNSEEN, VIDEOS, Entry, OwnTable, rate_note
from slt.data.own_times import SPANS
from slt.data.statistics import UNSPACED, unspaced

_SHOWN = 5  # overlaps in a note
_MOST_SECONDS = 60  # of a sentence
FEWEST_DEV = 5  # clips, on which the limits of a model's abstention are set (`slt.translate.abstain`)


def table_problems(table: OwnTable, problems: defaultdict[str, list[str]]) -> list[str]:
    """Add what the table alone tells to the problems (kind -> texts, kinds as `slt.data.check.PROBLEMS`); gives notes.

    Faults of lines, clips without text, split or video, splits without clips, a video that stands in two splits with
    the same sentence, and parts of one recording that overlap: in two splits a problem, in one a note.
    """
    problems["annotation"] += table.faults
    if not table.entries and not table.faults:
        problems["annotation"].append(f"{table.path}: no clips in it, only the head line; write a line for each clip")
    signs = isolated(table)
    problems["texts"] += [f"{table.at(e)}: clip {e.clip.name} has no text" for e in table.entries
                          if not (e.clip.text or (e.clip.glosses and signs))]  # fmt: skip
    problems["splits"] += table.without_split() + _empty_splits(table)
    lost = [entry for entry in table.entries if entry.clip.source is None]
    numbered = _numbered(table.root) if lost else {}
    problems["no_pictures"] += [_without_video(table, entry, numbered) for entry in lost]
    problems["several_splits"] += _shared(table)
    apart, together = table.overlaps()
    problems["several_splits"] += apart
    shown = "; ".join(together[:_SHOWN]) + ("; ..." if len(together) > _SHOWN else "")
    return _notes(table) + ([f"{len(together)} parts of recordings overlap: {shown}"] if together else [])


def source_problems(table: OwnTable, found: Sequence[ClipFrames], problems: defaultdict[str, list[str]]) -> None:
    """Add what was found of the clips' videos, frames and poses to the problems, by kind."""
    places = {entry.clip.name: table.at(entry) for entry in table.entries}
    for one in found:
        where = places[one.clip.name]
        for kind, text in one.faults:
            problems[kind].append(f"{where}: {text}")
        if len(one.sizes) > 1:
            sizes = ", ".join(f"{w}x{h} in {count}" for (w, h), count in sorted(one.sizes.items()))
            problems["sizes"].append(f"{where}: {one.clip.source}: {sizes} of {sum(one.sizes.values())} decoded frames")


def rate_notes(table: OwnTable, fps: float) -> list[str]:
    """A note if the first clip has another rate than `fps`, that of the description (frames a second)."""
    rate = frame_rate(entry.clip.source for entry in table.entries if entry.clip.source is not None)
    if rate is None or abs(rate - fps) <= 0.01 * fps:
        return []
    return [f'the first clip has {rate:g} frames a second: put {{"fps": {rate:g}}} into {table.root / DESCRIPTION}']


def length_notes(found: Sequence[ClipFrames], fps: float) -> list[str]:
    """A note if clips are longer than a sentence is, at `fps` frames a second: whole recordings, most likely."""
    long = [one for one in found if one.frames > _MOST_SECONDS * fps]
    if not long:
        return []
    return [
        f"{len(long)} clips have more than {_MOST_SECONDS * fps:g} frames, as {long[0].clip.name} ({long[0].frames}); "
        "one clip is one sentence, and training takes memory by the square of its length: give start and end of each"
    ]


def isolated(table: OwnTable) -> bool:
    """Whether a table is one of isolated signs: no clip has a text, and all have glosses, as a rule one.

    Some labels are several glosses, as `NEW YORK`; of tables without a column for texts all may be.
    """
    counts = [len(entry.clip.glosses) for entry in table.entries]
    if not counts or not all(counts) or any(entry.clip.text for entry in table.entries):
        return False
    return "text" not in table.columns or 2 * counts.count(1) > len(counts)


def _empty_splits(table: OwnTable) -> list[str]:
    there = {entry.clip.split for entry in table.entries}
    if there <= {""}:  # no split at all is said once
        return []
    return [f"{table.path}: no clip has the split {split}; a training needs all of {', '.join(SPLITS)}"
            for split in SPLITS if split not in there]  # fmt: skip


def _numbered(root: Path) -> dict[str, str]:
    """The number that a recording is called by, as a spreadsheet writes it -> its name, of those with leading zeros."""
    names = {**find_sources(root, True), **find_sources(root / VIDEOS, True)}
    return {str(int(name)): path.name for name, path in names.items() if name.isdecimal() and name.startswith("0")}


def _without_video(table: OwnTable, entry: Entry, numbered: Mapping[str, str]) -> str:
    name, video = entry.clip.name, entry.cells.get("video", "")
    if not video and name in numbered:
        return (
            f"{table.at(entry)}: clip {name} has no video, but {numbered[name]} is there: spreadsheets take zeros off "
            "numbers; have the column name as text"
        )
    looked = video or f"{VIDEOS}/{name}.* or {name}.*"
    return f"{table.at(entry)}: clip {name} has no video: no {looked} in {table.root}"


def _shared(table: OwnTable) -> list[str]:
    """Lines whose video and sentence stand in another split before: the same thing learned from and scored on."""
    texts = []
    first: dict[tuple[Path, Span | None, str], Entry] = {}
    for entry in table.entries:
        clip = entry.clip
        if clip.source is None or not clip.split:
            continue
        before = first.setdefault((clip.source.resolve(), clip.span, clip.text), entry)
        if before.clip.split != clip.split:
            texts.append(
                f"{table.at(entry)}: clip {clip.name} in {clip.split} has the video and the text of line {before.line} "
                f"in {before.clip.split}; leave one of them out"
            )
    return texts


def _unseen(table: OwnTable) -> list[str]:
    """A note if texts have signs that nobody sees: with and without them a word is two."""
    found = [entry for entry in table.entries if UNSEEN.intersection(entry.clip.text)]
    if not found:
        return []
    sign = min(UNSEEN.intersection(found[0].clip.text))
    first = f"U+{ord(sign):04X} in line {found[0].line}"
    return [f"{len(found)} texts have invisible characters, as {first}: words with and without one are two"]


def _kind_notes(table: OwnTable) -> list[str]:
    """A note if clips are poses: a run reads these or the others."""
    kinds = [is_poses(entry.clip.source) for entry in table.entries if entry.clip.source is not None]
    if not any(kinds):
        return []
    told = f"{sum(kinds)} of {len(table.entries)} clips are poses, "
    others = len(kinds) - sum(kinds)
    if not others:
        return [f"{told}not videos: `slt run` with --estimator poses"]
    return [
        f"{told}{others} videos or pictures, of which `slt run` reads one kind (poses with --estimator poses) and "
        "leaves the others out: make poses of all (`slt poses`)"
    ]


def _notes(table: OwnTable) -> list[str]:
    notes = _unseen(table) + list(filter(None, [rate_note(table)]))
    unread = [column for column in table.columns if column not in (*COLUMNS, *SPANS)]
    if unread:
        notes.append(f"columns that are not read: {', '.join(unread)}")
    if isolated(table):
        notes.append("no clip has a text, all have glosses, which are its label: isolated signs, for task: recognise")
    bare = sum(not entry.clip.glosses for entry in table.entries)
    if bare:
        notes.append(f"{bare} of {len(table.entries)} clips have no glosses: train with gloss2text: false")
    notes += _kind_notes(table)
    bare, long = unspaced([entry.clip.text for entry in table.entries])
    if 2 * bare > long:
        notes.append(f"{bare} of {long} texts {UNSPACED}")
    dev = sum(entry.clip.split == "dev" for entry in table.entries)
    if 0 < dev < FEWEST_DEV:
        notes.append(f"dev has {dev} clips: `slt run` needs {FEWEST_DEV} to set when the model abstains")
    signers: dict[str, set[str]] = defaultdict(set)
    for entry in table.entries:
        signers[entry.clip.speaker].add(entry.clip.split)
    both = [name for name, splits in sorted(signers.items()) if name and len(splits - {""}) > 1]
    if both:
        notes.append(f"{len(both)} signers are in several splits, as {both[0]}: scores do not tell of new people")
    return notes
