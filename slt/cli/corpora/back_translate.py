"""`slt score --poses`: back-translation."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.files.paths import input_path, output_path
from skeletor.files.plain_json import to_json
from skeletor.refiners.registry import REFINERS
from skeletor.support.errors import InputError
from skeletor.support.progress import tell

if TYPE_CHECKING:
    from slt.inference.back_translation import BackTranslation

_LISTED = 20  # names of each kind on the screen; all are in the file


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `slt score` that belong to --poses."""
    group = parser.add_argument_group("back-translation", "translate given pose sequences and score the sentences")
    poses = ".safetensors, .pose, .skels, .h5, .pt (SLRTP 2025), folders of these, folders of OpenPose JSON"
    group.add_argument("--poses", nargs="+", metavar="PATH", help=poses)
    refs = "PHOENIX14T's corpus.csv; .tsv or .json of name and sentence; .pt; or one a line in the order of the clips"
    group.add_argument("--refs", type=Path, metavar="FILE", help=refs + "; default: those in the .pt itself")
    group.add_argument("--model", type=Path, help="model folder; default: the newest trained one")
    group.add_argument("-o", "--output", type=output_path, help="folder for hypotheses.tsv and scores.json")
    group.add_argument("--refine", choices=REFINERS.names(), help="default: the model's")
    group.add_argument("--fps", type=float, help="of the poses; default: what their files say, 25 if nothing")
    group.add_argument("--skeleton", metavar="NAME", help="layout of the points of files that do not tell theirs")
    group.add_argument("--joints", type=Path, metavar="FILE", help="joint names of a .pt file, one a line, - for none")
    group.add_argument("--as-is", action="store_true", help="references as they stand; default: lower case, final ' .'")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N; default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Back-translate, print the scores; gives exit code 2 if a file or clip could not be used, else 0.

    Raises InputError if there is nothing to score, for example without --refs.
    """
    from slt.inference.back_translation import back_translate, find_sources
    from slt.inference.chain import load_chain, model_folder
    from slt.score.references import read_references
    from slt.score.tokens import tokenizer

    tokenizer(args.tokens)  # one that is not installed is told before all the work
    if args.output is not None and args.output.exists() and not args.output.is_dir():
        raise InputError(f"{args.output}: is a file; give a folder for the results with -o")
    paths = [input_path(text) for text in args.poses]
    sources, failed = find_sources(paths, args.fps, _joints(args.joints), args.skeleton)
    refs = args.refs
    if refs is None:
        texts = [path for path in paths if path.suffix.lower() == ".pt"]
        if len(texts) != 1 or len(paths) != 1:
            raise InputError("--refs is missing: only a single .pt file brings its own sentences")
        refs = texts[0]
    aliases = [alias for source in sources for alias in source.aliases]
    references = read_references(refs, [source.name for source in sources], args.as_is, aliases)
    chain = load_chain(model_folder(args.model, shipped=False), args.refine, "poses", args.device)
    result = back_translate(chain, sources, references, failed, args.seed, args.tokens)
    if args.output:
        result.write(args.output)
    report(result)
    print(to_json(result.as_dict(), 1) if args.json else result.scores.lines())
    return InputError.exit_code if result.failed else 0


def report(result: BackTranslation) -> None:
    """Print to stderr which clips were left out, and why."""
    _list("clips have no pose and count as empty", result.missing)
    _list("clips have no reference and are not scored", result.unknown)
    for warning, count in result.warnings.items():
        tell(f"warning: {count} clips: {warning}")
    for name, reason in result.failed.items():
        tell(reason if name in reason else f"{name}: {reason}")
    if result.failed:
        tell(f"{len(result.failed)} files or clips failed; those with a reference count as empty")


def _list(what: str, names: Iterable[str]) -> None:
    names = list(names)
    if names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        tell(f"{len(names)} {what}: {', '.join(names[:_LISTED])}{more}")


def _joints(path: Path | None) -> tuple[str, ...] | None:
    if path is None:
        return None
    try:
        return tuple(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give joint names, one a line") from error
