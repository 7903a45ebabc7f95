"""`slt corpus render`."""

from __future__ import annotations

import argparse
from pathlib import Path

from skeletor.progress import log, log_to


def main(command: str, argv: list[str], text: str) -> int:
    """Run `slt corpus ...`."""
    parser = argparse.ArgumentParser(f"slt {command}", description=text)
    actions = parser.add_subparsers(dest="action", required=True)
    render = actions.add_parser("render", help="make a corpus of a rendered signer")
    render.add_argument("config", type=Path, help="YAML with the keys of CorpusConfig, or of a whole run")
    render.add_argument("-o", "--output", type=Path, required=True, help="folder of the corpus")
    render.add_argument("--workers", type=int, default=2)
    return _render(parser.parse_args(argv))


def _render(args: argparse.Namespace) -> int:
    from slt.corpus.build import render_corpus
    from slt.pipeline.config import load_corpus_config

    config = load_corpus_config(args.config)
    log_to(args.output / "log.txt")
    corpus = render_corpus(config, args.output, args.workers)
    log.info("%s: %d annotated clips", args.output, len(corpus.clips))
    return 0
