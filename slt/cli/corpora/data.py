"""`slt data check`: whether a data set is whole, and what is in it. `new`, `import`: the table of one's own."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from skeletor.files.plain_json import to_json
from skeletor.support.command import Parser
from skeletor.support.config import check_config
from skeletor.support.errors import InputError

if TYPE_CHECKING:
    from slt.data.check import Check
    from slt.data.importers.base import ImportOptions
    from slt.data.own_new import NewTable, SplitPlan
    from slt.data.statistics import Lengths

_NEW = "write the table of your own data set, clips.tsv, for a folder of videos; draw its splits"
_IMPORT = "write clips.tsv for a public data set in its own layout, or for a folder of ELAN documents"
_LISTED = 20  # of each kind of problem; all with --json


def main(command: str, argv: list[str], text: str) -> int:
    """Run `slt data check`, `slt data new` or `slt data import`; gives the exit code.

    Of a check: 0 if the data set is sound, 2 if something is missing or unreadable. Raises InputError if the folder
    holds no annotation, or --workers is below 1; for `new` as `slt.data.own_new.new_table`, for `import` as
    `slt.data.importers.write.import_data`.
    """
    args = make_parser(command, text).parse_args(argv)
    actions = {"check": _check, "new": _new, "import": _import}
    return actions[args.action](args)


def _check(args: argparse.Namespace) -> int:
    if args.workers < 1:
        raise InputError(f"--workers {args.workers}: has to be at least 1")

    from slt.data.check import check

    found = check(args.folder, args.frames, args.workers)
    print(to_json(found.as_dict(), 1) if args.json else report(found))
    return 0 if found.sound else InputError.exit_code


def _new(args: argparse.Namespace) -> int:
    from slt.data.own_new import new_table

    print(told(new_table(args.folder, args.videos, _plan(args), args.force)))
    return 0


def _plan(args: argparse.Namespace) -> SplitPlan | None:
    """How the splits are to be drawn; None if they are not."""
    from slt.data.own_new import SplitPlan

    if args.split is not None:
        values = {**_shares(args.split), "by_signer": args.by_signer, "seed": args.seed}
        return check_config(values, SplitPlan, f"--split {args.split}, --seed {args.seed}")
    if args.by_signer:
        raise InputError("--by-signer: says how splits are drawn; give --split 0.8,0.1,0.1 as well")
    return None


def _import(args: argparse.Namespace) -> int:
    from slt.data.importers.base import ImportOptions
    from slt.data.importers.write import import_data

    options = check_config(
        {"prefer": args.prefer, "text_tiers": args.text_tier or [], "gloss_tiers": args.gloss_tier or [],
         "language": args.language or "", "glosses_as_text": args.glosses_as_text},
        ImportOptions, "slt data import",
    )  # fmt: skip
    _refuse_of_other_kinds(args.kind, options)
    root = args.folder or args.source
    made = import_data(args.kind, args.source, root, options, args.media, _plan(args), args.force)
    counts = ", ".join(f"{split} {count:,}" for split, count in made.splits.items() if split)
    print(f"{made.path}: {made.clips:,} clips; {counts}")
    for note in made.notes:
        print(f"note: {note}")
    print("next:")
    if made.splits[""]:
        print(f"  write the column split of {made.splits['']:,} clips, or: --force --split 0.8,0.1,0.1")
    print("\n".join(_check_and_run(root, made.poses)))
    return 0


def _refuse_of_other_kinds(kind: str, options: ImportOptions) -> None:
    """InputError for an option that this kind of data set does not read: it would change nothing, without a word."""
    from slt.data.importers.registry import KINDS

    for option in sorted({option for one in KINDS.values() for option in one.takes} - set(KINDS[kind].takes)):
        if getattr(options, option):
            whose = ", ".join(name for name, one in KINDS.items() if option in one.takes)
            shown = option.replace("_", "-").replace("tiers", "tier")
            raise InputError(f"--{shown}: is of {whose}, not of {kind}; leave it out")


def _shares(text: str) -> dict[str, float]:
    """Split -> share, of a text such as "0.8,0.1,0.1"."""
    try:
        train, dev, test = map(float, text.split(","))
    except ValueError as error:
        raise InputError(f"--split {text}: has to be three numbers, as in 0.8,0.1,0.1 (train, dev, test)") from error
    return {"train": train, "dev": dev, "test": test}


def _check_and_run(root: Path, poses: bool) -> list[str]:
    """The commands that come next, as they can be pasted. poses: whether most clips are poses."""
    given = " --estimator poses" if poses else ""
    typed = quote(str(root))
    return [f"  slt data check {typed}", f"  slt run configs/own_data.yaml --corpus {typed}{given}"]


def told(made: NewTable) -> str:
    """What was written and what is to be done next, as text of several lines."""
    root, undrawn = made.path.parent, made.splits[""]
    counts = ", ".join(f"{split} {count}" for split, count in made.splits.items() if split)
    lines = [f"{made.path}: {made.clips:,} clips, {made.clips - made.kept:,} of them new; {counts}"]
    if made.fps is not None:
        lines.append(f"{root / 'corpus.json'}: {made.fps:g} frames a second, as the first clip has")
    lines.append("next:")
    if made.without_text:
        lines.append(f"  write the column text of {made.without_text:,} clips, in an editor or a spreadsheet")
    if undrawn:
        draw = f"slt data new {quote(str(root))} --force --split 0.8,0.1,0.1"
        lines.append(f"  write the column split of {undrawn:,} clips, or: {draw}")
    lines += _check_and_run(root, made.poses)
    return "\n".join(lines)


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt data`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    actions = parser.add_subparsers(dest="action", required=True)
    about = "look through a data set, your own or in PHOENIX14T's layout; exit code 2 if it is not sound"
    one = actions.add_parser("check", help=about, description=about)
    where = "a folder with clips.tsv, the release as it unpacks, or a folder of its *.corpus.csv"
    one.add_argument("folder", type=Path, help=where)
    one.add_argument("--json", action="store_true", help="everything as JSON, problems unshortened")
    depths = "decode the first and the last frame of each clip, or all (hours on a slow disk); default: %(default)s"
    one.add_argument("--frames", choices=("quick", "all"), default="quick", help=depths)
    cores = min(16, os.cpu_count() or 1)
    one.add_argument("--workers", type=int, default=cores, help="threads; default: one a core, at most 16")
    _add_new(actions.add_parser("new", help=_NEW, description=_NEW))
    _add_import(actions.add_parser("import", help=_IMPORT, description=_IMPORT))
    return parser


def _add_import(parser: argparse.ArgumentParser) -> None:
    from slt.data.importers.base import MEDIA
    from slt.data.importers.registry import KINDS

    parser.add_argument("kind", choices=KINDS, help="; ".join(f"{name}: {kind.about}" for name, kind in KINDS.items()))
    parser.add_argument("source", type=Path, help="the data set as it was unpacked")
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="where clips.tsv is written; default: SOURCE; all recordings have to be in it",
    )
    places = "recordings outside of FOLDER: keep refuses them, link makes hard links, copy copies; default: %(default)s"
    parser.add_argument("--media", choices=MEDIA, default="keep", help=places)
    both = "which to take where a clip has both; default: %(default)s"
    parser.add_argument("--prefer", choices=("videos", "poses"), default="videos", help=both)
    parser.add_argument("--language", metavar="CODE", help="dgs-korpus: de or en; eaf: that of the text")
    tier = "eaf: a tier with sentences, may be repeated; default: sentence"
    parser.add_argument("--text-tier", action="append", metavar="NAME", help=tier)
    tier = "eaf: a tier with glosses, may be repeated; default: gloss"
    parser.add_argument("--gloss-tier", action="append", metavar="NAME", help=tier)
    glosses = "phoenix2014: the glosses stand for the sentence, which it lacks"
    parser.add_argument("--glosses-as-text", action="store_true", help=glosses)
    _add_split(parser)
    parser.add_argument("--force", action="store_true", help="replace a table that is there")


def _add_new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="the data set; clips.tsv is written into it")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="where to look, within FOLDER; default: its videos/")
    _add_split(parser)
    parser.add_argument(
        "--force", action="store_true", help="add to a table that is there; what is written in it stays"
    )


def _add_split(parser: argparse.ArgumentParser) -> None:
    shares = "draw splits with these shares of train, dev and test, e.g. 0.8,0.1,0.1"
    parser.add_argument("--split", metavar="SHARES", help=shares)
    parser.add_argument("--by-signer", action="store_true", help="no signer in two splits")
    parser.add_argument("--seed", type=int, default=1, help="of the draw; default: %(default)s")


def report(found: Check) -> str:
    """The result of a check as text of several lines."""
    from slt.data.check import PROBLEMS

    lines = [_heading(found), "", *_table(found)]
    for name, figures in found.variants.items():
        lines.append(f"{name}: {figures.clips:,} clips, {_pair(figures.glosses.running, figures.glosses.different)}")
    lines += ["", *(f"note: {note}" for note in found.notes)] if found.notes else []
    for kind, texts in found.problems.items():
        lines += ["", f"{PROBLEMS[kind]}: {len(texts):,}", *(f"  {text}" for text in texts[:_LISTED])]
        if len(texts) > _LISTED:
            lines.append(f"  and {len(texts) - _LISTED:,} more (--json lists all)")
    counts = ", ".join(f"{len(texts):,} {PROBLEMS[kind]}" for kind, texts in found.problems.items())
    return "\n".join([*lines, "", f"not sound: {counts}" if counts else "sound: nothing is missing or unreadable"])


def _heading(found: Check) -> str:
    about = found.description
    place = found.place
    depth = "every frame decoded" if found.depth == "all" else "first and last frame of each clip decoded"
    pictures = f"in {place.pictures}, {depth}" if place.pictures else "absent, this is the annotation alone"
    published = "  (as published)" if _as_published(found) else ""
    return (
        f"{place.root}: {about.kind}, {about.fps:g} fps, y scale {about.y_scale:.4f}\n"
        f"annotation: in {place.annotations}{published}\npictures: {pictures}"
    )


def _as_published(found: Check) -> bool:
    return found.is_phoenix and len(found.splits) == 3 and not any("not as published" in note for note in found.notes)


def _table(found: Check) -> list[str]:
    """One column a split."""
    splits, pictures = found.splits, found.pictures

    def row(name: str, cell: Callable[[str], str]) -> str:
        return f"{name:36}" + "".join(f"{cell(split):>18}" for split in splits)

    def shared(other: str) -> Callable[[str], str]:
        return lambda s: "-" if s == other else f"{splits[s].clips_also_in[other]:,}"

    lines = [row("", str), row("clips", lambda s: f"{splits[s].clips:,}")]
    if pictures:
        lines += [
            row("  with pictures", lambda s: f"{pictures[s].clips:,}"),
            row("frames", lambda s: f"{pictures[s].frames:,}"),
            row("  per clip: least, median, most", lambda s: _span(pictures[s].frames_per_clip)),
            row("  decoded", lambda s: f"{pictures[s].decoded:,}"),
        ]
    lines.append(row("different sentences", lambda s: f"{splits[s].sentences:,}"))
    lines += [row(f"  clips with a sentence also in {other}", shared(other)) for other in splits]
    lines += [
        row("signers", lambda s: f"{len(splits[s].speakers):,}" if splits[s].speakers else "unknown"),
        row("words without the period, different", lambda s: _pair(splits[s].words.running, splits[s].words.different)),
        row("  only once", lambda s: f"{splits[s].words.singletons:,}"),
        row("  not in train", lambda s: _pair(splits[s].words.unknown, splits[s].words.unknown_different)),
        row("  per clip: least, median, most", lambda s: _span(splits[s].words.per_clip)),
        row("glosses, different", lambda s: _pair(splits[s].glosses.running, splits[s].glosses.different)),
        row("  only once", lambda s: f"{splits[s].glosses.singletons:,}"),
        row("  not in train", lambda s: _pair(splits[s].glosses.unknown, splits[s].glosses.unknown_different)),
        row("  per clip: least, median, most", lambda s: _span(splits[s].glosses.per_clip)),
    ]
    return lines


def _pair(running: int, different: int) -> str:
    return f"{running:,} / {different:,}"


def _span(lengths: Lengths) -> str:
    return f"{lengths.shortest} / {lengths.median:g} / {lengths.longest}"
