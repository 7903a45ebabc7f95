"""`slt sign2text train` and `slt sign2text translate`: the baseline that reads pixels."""

from __future__ import annotations

import argparse
from pathlib import Path

from skeletor.files.lock import locked
from skeletor.files.paths import output_path
from skeletor.support.command import Parser
from skeletor.support.config import load_config, read_overrides
from skeletor.support.progress import log, log_to
from slt.cli.inputs import Input, each, find_inputs
from slt.cli.options import processes, seed


def main(command: str, argv: list[str], text: str) -> int:
    """Run `slt sign2text train` or `slt sign2text translate`; gives the exit code. Raises InputError for bad input."""
    args = make_parser(command, text).parse_args(argv)
    return _train(args) if args.action == "train" else _translate(args)


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt sign2text`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    actions = parser.add_subparsers(dest="action", required=True)
    train = actions.add_parser("train", help="train on the clips of a corpus that have pixels, score dev and test")
    train.add_argument("config", type=Path, help="YAML, for example configs/sign2text/nslt.yaml")
    train.add_argument("--corpus", type=Path, required=True, help="a folder with clips.tsv, or PHOENIX14T")
    train.add_argument(
        "-o", "--output", type=output_path, required=True, help="folder of the run; goes on where it was"
    )
    train.add_argument("--seed", type=seed, default=1, help="default: %(default)s")
    train.add_argument("--workers", type=processes, default=2, help="threads; default: %(default)s")
    train.add_argument("--device", default="auto", help="default: %(default)s, a GPU if there is one")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the config")
    translate = actions.add_parser("translate", help="translate videos or folders of frames")
    translate.add_argument("model", type=Path, help="OUTPUT/model of a training")
    translate.add_argument("inputs", nargs="+", metavar="INPUT", help="videos, folders of frames")
    translate.add_argument("--device", default="auto", help="default: %(default)s, a GPU if there is one")
    return parser


def _train(args: argparse.Namespace) -> int:
    from slt.data.frames import fingerprint
    from slt.data.layout import read_corpus
    from slt.pipeline.cache.stage import stage_key
    from slt.pipeline.work.readers.render_pixels import corpus_sources
    from slt.pipeline.work.readers.train_sign2text import train_and_decode
    from slt.score.scores import score
    from slt.sign2text.config import Sign2TextRow

    config = load_config(args.config, Sign2TextRow, read_overrides(args.set))
    corpus = read_corpus(args.corpus)
    key = stage_key({}, (fingerprint(corpus),), ("slt.sign2text.decoded",))
    with locked(args.output):
        log_to(args.output / "log.txt")
        outputs = train_and_decode(
            corpus.clips, corpus_sources(corpus, config.clips), config, args.output / "frames", args.output, args.seed,
            args.workers, args.device, key=key,
        )  # fmt: skip
    for split, found in outputs.items():
        references = {clip.name: clip.text for clip in corpus.split(split)}
        if references:
            scores = score([found.get(name, "") for name in references], list(references.values()))
            log.info("%s\n%s", split, scores.lines())
    return 0


def _translate(args: argparse.Namespace) -> int:
    from slt.sign2text.decoded import read_frames
    from slt.sign2text.translator import Sign2Text

    model = Sign2Text.load(args.model, args.device)
    inputs = find_inputs(args.inputs)

    def work(one: Input) -> None:
        frames = read_frames(one.file, model.config.height, model.config.width)
        text = model.translate([frames])[0].text
        print(f"{one.shown}: {text}" if len(inputs) > 1 else text)

    return each(inputs, work, "videos")
