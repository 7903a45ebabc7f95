"""`slt score --hyp FILE --ref FILE`, and `slt score --poses` (back-translation)."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from skeletor.files.plain_json import to_json
from skeletor.support.command import Parser
from slt.cli.corpora import back_translate
from slt.cli.options import seed
from slt.score.tokens import ABOUT, TOKENS


def main(command: str, argv: list[str], text: str) -> int:
    """Print the scores of a hypothesis file, one sentence a line, or of translated poses; gives the exit code.

    Raises InputError if a file cannot be used.
    """
    parser = make_parser(command, text)
    args = parser.parse_args(argv)
    if args.poses and not (args.hyp or args.ref):
        return back_translate.run(args)
    if args.poses or args.hyp is None or args.ref is None:
        parser.error("give --hyp and --ref, or --poses")

    from slt.score.scores import score_files

    scores = score_files(args.hyp, args.ref, args.seed, args.tokens)
    if args.json:
        print(to_json(dataclasses.asdict(scores), 1))
    else:
        print(scores.lines())
    return 0


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt score`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    parser.add_argument("--hyp", type=Path, metavar="FILE", help="hypotheses, one sentence a line")
    parser.add_argument("--ref", type=Path, metavar="FILE", help="references, one sentence a line")
    parser.add_argument("--seed", type=seed, default=0, help="of the bootstrap; default: %(default)s")
    parser.add_argument("--tokens", choices=TOKENS, default="none", help=f"{ABOUT}; default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON")
    back_translate.add_options(parser)
    return parser
