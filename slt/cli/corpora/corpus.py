"""`slt corpus render` and `slt corpus resynth`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from skeletor.files.atomic import write_text
from skeletor.files.lock import locked
from skeletor.files.paths import output_path
from skeletor.support.command import Parser
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to
from slt.cli.options import processes
from slt.data.own import VIDEOS

MADE = "made.json"  # what a corpus is made of
_PARTS = ("annotations", "features", "truth", "truth2d", VIDEOS)  # of a corpus, one of which is always there


def main(command: str, argv: list[str], text: str) -> int:
    """Run `slt corpus render` or `slt corpus resynth`; gives the exit code. Raises InputError for a bad config."""
    args = make_parser(command, text).parse_args(argv)
    return _resynth(args) if args.action == "resynth" else _render(args)


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt corpus`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    actions = parser.add_subparsers(dest="action", required=True)
    render = actions.add_parser("render", help="make a corpus of a rendered signer")
    render.add_argument("config", type=Path, help="YAML with the keys of CorpusConfig, or of a whole run")
    render.add_argument("-o", "--output", type=output_path, required=True, help="folder of the corpus")
    render.add_argument("--workers", type=processes, default=2, help="processes; default: %(default)s")
    alone = "no truth and no splits: a video a sentence with its text beside it, as `slt data new` takes them"
    render.add_argument("--videos-only", action="store_true", help=alone)
    about = "PHOENIX14T's real sentences, glosses, timing and hand shapes, signed by the rendered signer"
    resynth = actions.add_parser("resynth", help=about, description=about)
    resynth.add_argument("config", type=Path, help="YAML with the keys of ResynthConfig, or of a whole run")
    resynth.add_argument("-o", "--output", type=output_path, required=True, help="folder of the corpus")
    resynth.add_argument("--annotation", type=Path, help="PHOENIX14T, or its annotation folder; or resynth.annotation")
    resynth.add_argument("--workers", type=processes, default=2, help="processes; default: %(default)s")
    return parser


def _resynth(args: argparse.Namespace) -> int:
    from slt.pipeline.config import load_resynth_config
    from slt.synthetic.resynth import resynthesise, source_hash

    config = load_resynth_config(args.config)
    annotation = args.annotation or config.annotation
    if annotation is None:
        raise InputError("corpus resynth: give PHOENIX14T or its annotation folder with --annotation DIR")
    made = {"resynth": config.model_dump(mode="json", exclude={"annotation"}), "source": source_hash(annotation)}
    with _folder(args.output, made):
        log_to(args.output / "log.txt")
        corpus = resynthesise(config, annotation, args.output, args.workers)
        log.info("%s: %d annotated clips", args.output, len(corpus.clips))
    return 0


def _render(args: argparse.Namespace) -> int:
    from slt.pipeline.config import load_corpus_config
    from slt.synthetic.build import render_corpus
    from slt.synthetic.videos import render_videos

    config = load_corpus_config(args.config)
    with _folder(args.output, {"render": config.model_dump(mode="json"), "videos_only": args.videos_only}):
        if args.videos_only:
            log_to()
            made = render_videos(config, args.output, args.workers)
            print(f"{args.output}: {made:,} videos; next: slt data new {quote(str(args.output))}")
            return 0
        log_to(args.output / "log.txt")
        corpus = render_corpus(config, args.output, args.workers)
        log.info("%s: %d annotated clips", args.output, len(corpus.clips))
    return 0


@contextmanager
def _folder(folder: Path, made: Mapping[str, Any]) -> Iterator[None]:
    """Hold the folder of a corpus, which says what it is made of: clips that are there are kept, and may not mix.

    Raises InputError if another command works in it, or it holds a corpus of another config, or one that does not say
    of which.
    """
    path, text = folder / MADE, json.dumps(made, indent=1, sort_keys=True) + "\n"
    with locked(folder):
        if path.exists() and path.read_bytes() != text.encode():
            raise InputError(f"{folder}: holds a corpus of another config ({MADE}); give another folder, or delete it")
        unknown = next((name for name in _PARTS if (folder / name).exists()), None)
        if unknown is not None and not path.exists():
            raise InputError(
                f"{folder}: holds {unknown}, and no {MADE} that says which config it is of (a corpus of a run, or "
                "of an older version); give another folder, or delete it"
            )
        write_text(path, text)
        yield
