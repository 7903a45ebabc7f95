"""`slt live`: a camera, or a stream that grows, read while it is signed."""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from skeletor.files.paths import address_fault, output_path
from skeletor.lifters.choice import lift_help
from skeletor.refiners.registry import REFINERS
from skeletor.refiners2d.registry import REFINERS_2D
from skeletor.support.command import Parser
from skeletor.support.errors import InputError, NothingToTranslate
from skeletor.support.progress import log_to, tell
from slt.cli.options import add_hands, add_pose_model, add_pose_speed
from slt.live.sources.by_name import goes_on, open_source
from slt.segment.choice import CUTS

if TYPE_CHECKING:
    from slt.estimators.base import Follower
    from slt.inference.chain import Chain
    from slt.live.clock import Clock
    from slt.live.show import Shows
    from slt.live.sources.base import Source


def main(command: str, argv: list[str], text: str) -> int:
    """Watch until the source ends, or Ctrl-C; gives 0. Raises InputError for what cannot be opened or written, and
    NothingToTranslate if nothing was understood.
    """
    args = make_parser(command, text).parse_args(argv)
    _check(args)
    log_to(level=logging.WARNING)
    from slt.live.clock import Clock

    clock = Clock()
    opened = open_source(args.source, clock, args.fps, args.as_if_live, args.wait)
    with ExitStack() as stack:
        # What goes on while the models are loaded is opened behind them; any other fault of a source is told first.
        source = None if goes_on(args.source) else stack.enter_context(opened)
        chain = _load(args)
        return _watch(args, chain, source or stack.enter_context(opened), clock)


def _check(args: argparse.Namespace) -> None:
    """InputError for what can never be watched: told before anything is opened."""
    if address_fault(args.source) is not None:
        advice = f"pipe it in: ffmpeg -i {quote(args.source)} -f mpegts - | slt live -"
        raise InputError(f"{args.source}: an address is not read; {advice}")
    if not args.source:
        raise InputError("'': the source has an empty name; give a camera, a file that grows, a pipe or -")
    if not 0 <= args.wait < math.inf:
        raise InputError(f"--wait {args.wait:g}: give a number of seconds from 0 on")
    for option, value in (("--seconds", args.seconds), ("--fps", args.fps)):
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"{option} {value:g}: give a number above 0")
    source = Path(args.source)
    if args.output is not None and args.output.exists() and source.exists() and args.output.samefile(source):
        raise InputError(f"{args.output}: is the source itself; choose another --output")


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt live`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    add = parser.add_argument
    add("source", metavar="SOURCE", help="a camera (0, /dev/video0), a file that grows, a pipe, or - (standard input)")
    add("--as-if-live", action="store_true", help="SOURCE is a finished file: play it at its own rate")
    add("--model", type=Path, help="model folder, as of `slt translate`")
    add("-o", "--output", type=output_path, help="subtitles (.srt, .vtt, .txt), written anew with each sentence")
    add("--json", action="store_true", help="print a JSON object a line, of grey and fixed text, and the summary")
    add("--pose-stride", type=int, help="2D on every N-th frame only (faster); default: the model's")
    add_pose_speed(parser, "default: the model's")
    add_pose_model(parser, "default: the model's")
    add_hands(parser, "default: the model's")
    add("--fps", type=float, help="of a camera, which is else measured, or of a folder of pictures that is played")
    about = "after which a file that does not grow any more is complete, in seconds; default: %(default)s"
    add("--wait", type=float, default=5.0, help=about)
    add("--seconds", type=float, help="of the stream after which to end; default: no limit")
    add("--refine2d", choices=REFINERS_2D.names(), help="before lifting; default: the model's")
    add("--lift", metavar="NAME", help=f"default: the model's; {lift_help()}")
    add("--refine", choices=REFINERS.names(), help="default: the model's")
    add("--segments", choices=CUTS, help="what finds the sentences; default: what the model folder says, as of files")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N; default: %(default)s, a GPU if there is one")
    return parser


def _load(args: argparse.Namespace) -> Chain:
    """The chain, with the models of its estimator."""
    import torch

    from slt.inference.chain import load_chain
    from slt.inference.estimation import Sparse

    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))  # one core is the estimator's
    chain = load_chain(
        args.model, args.refine, None, args.device, args.refine2d, args.lift, Sparse.of_options(args), None
    )
    _follower(chain).load()
    return chain


def _watch(args: argparse.Namespace, chain: Chain, source: Source, clock: Clock) -> int:
    from slt.live.watch import watch_by

    watch, session = watch_by(chain, _follower(chain), source, clock, args.segments, args.seconds)
    shows = _shows(args)
    tell(f"{source.name}: {source.fps:g} frames/s; Ctrl-C ends")
    try:
        with closing(watch.told()) as told:
            for one in told:
                for place in shows:
                    place.show(one)
    finally:
        for place in shows:
            place.end(watch.tally)
        if watch.tally.dropped:
            tell(f"{source.name}: {_advice(chain)}")
        for warning in session.warnings:
            tell(f"{source.name}: warning: {warning}")
    if not watch.tally.understood:
        raise NothingToTranslate(f"{source.name}: {_why(watch.tally.sentences)}")
    return 0


def _follower(chain: Chain) -> Follower:
    """The chain's estimator, if it takes pictures as they come."""
    estimator = chain.estimator
    if not hasattr(estimator, "follow"):
        raise InputError(
            f"{chain.model.path}: its estimator {estimator.name} takes whole files only; give another model"
        )
    follower: Follower = estimator  # type: ignore[assignment]
    return follower


def _shows(args: argparse.Namespace) -> list[Shows]:
    from slt.live.show import JsonLines, Lines, Subtitles

    shows: list[Shows] = [] if args.output is None else [Subtitles(args.output)]
    return [*shows, JsonLines(sys.stdout) if args.json else Lines(sys.stdout, sys.stderr)]


def _advice(chain: Chain) -> str:
    way, estimator = "--pose-stride 2", chain.estimator
    if estimator.name == "mediapipe" and estimator.options.get("speed") != "faster":
        way = "--pose-speed faster"
    return f"frames were lost: {way} looks at a stream in less time, see docs/live.md"


def _why(sentences: int) -> str:
    if not sentences:
        return "nobody signs: no sentence was found"
    return f"not one of {sentences} sentence{'s' if sentences > 1 else ''} was understood"
