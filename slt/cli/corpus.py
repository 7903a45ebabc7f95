"""`slt corpus render` and `slt corpus check`."""

from __future__ import annotations

import argparse
from collections import Counter
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
    check = actions.add_parser("check", help="count clips, missing pictures and words of a corpus on disk")
    check.add_argument("folder", type=Path)
    args = parser.parse_args(argv)
    return _render(args) if args.action == "render" else _check(args)


def _render(args: argparse.Namespace) -> int:
    from slt.corpus.build import render_corpus
    from slt.pipeline.config import load_corpus_config

    config = load_corpus_config(args.config)
    log_to(args.output / "log.txt")
    corpus = render_corpus(config, args.output, args.workers)
    log.info("%s: %d annotated clips", args.output, len(corpus.clips))
    return 0


def _check(args: argparse.Namespace) -> int:
    from slt.corpus import layout

    corpus = layout.read_corpus(args.folder)
    about = corpus.description
    print(f"{corpus.root}: {about.kind}, {about.fps:g} fps, y scale {about.y_scale:.4f}")
    for split in layout.SPLITS:
        clips = corpus.split(split)
        words = Counter(word for clip in clips for word in clip.text.split())
        glosses = Counter(gloss for clip in clips for gloss in clip.glosses)
        absent = sum(clip.source is None for clip in clips)
        print(
            f"{split:5} {len(clips):5} clips, {absent} without pictures, "
            f"{sum(words.values())} words ({len(words)} different), {len(glosses)} different glosses"
        )
    return 0
