"""`slt pretrain CONFIG`: an encoder for the recogniser, from poses without glosses."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from skeletor.files.lock import locked
from skeletor.files.paths import output_path
from skeletor.support.command import Parser
from skeletor.support.config import load_config, read_overrides
from skeletor.support.progress import log_to


def main(command: str, argv: list[str], text: str) -> int:
    """Train, and print where the encoder lies; gives exit code 0.

    Raises InputError for a bad config or bad poses, and if another process works in the folder.
    """
    from skeletor.support.devices import process_rank
    from slt.recognise.pretraining.encoder import WEIGHTS
    from slt.recognise.pretraining.job import PretrainJob, run_job

    args = make_parser(command, text).parse_args(argv)
    changes = read_overrides(args.set) | ({} if args.output is None else {"out": str(args.output)})
    job = load_config(args.config, PretrainJob, changes)
    log_to()
    with locked(Path(job.out)) if process_rank() == 0 else nullcontext():  # the others of torchrun are its own
        run_job(job)
    if process_rank() == 0:
        print(Path(job.out) / WEIGHTS)
    return 0


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt pretrain`."""
    parser = Parser(f"slt {command}", description=text)
    parser.add_argument("config", type=Path, help="YAML, for example configs/pretrain.yaml")
    parser.add_argument(
        "-o", "--output", type=output_path, help="folder for encoder, log and checkpoint; default: the config's"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any key: train.steps=2000")
    return parser
