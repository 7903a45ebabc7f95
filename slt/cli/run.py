"""`slt run CONFIG`: the whole pipeline."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skeletor.files.lock import locked
from skeletor.files.suffixes import bare_name
from skeletor.lifters.choice import HELP as LIFT_HELP
from skeletor.lifters.choice import lift_values
from skeletor.support.config import load_config, read_overrides
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to


def main(command: str, argv: list[str], text: str) -> int:
    """Run the pipeline, print and write the table; gives exit code 0.

    Raises InputError for a bad config or corpus, and if another process works in the folder.
    """
    args = make_parser(command, text).parse_args(argv)

    from slt.pipeline.config import RunConfig
    from slt.pipeline.run import run

    config = load_config(args.config, RunConfig, _overrides(args))
    if args.corpus is not None and not args.corpus.is_dir():
        raise InputError(f"{args.corpus}: no such folder; give the folder of a data set in PHOENIX14T's layout")
    folder = args.run_dir or Path("runs") / (
        args.config.stem + ("" if args.corpus is None else "-" + bare_name(args.corpus))
    )
    with locked(folder):
        log_to(folder / "log.txt")
        table = run(config, folder, args.corpus, args.reuse)
        log.info("whole report: %s", folder / "report.md")
    print(table.text())
    return 0


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt run`; every default that the help names is the real one."""
    parser = argparse.ArgumentParser(f"slt {command}", description=text)
    parser.add_argument("config", type=Path, help="YAML, for example configs/demo.yaml")
    parser.add_argument("--run-dir", type=Path, help="default: runs/NAME of the config, and of --corpus")
    parser.add_argument(
        "--corpus",
        type=Path,
        help="a data set in PHOENIX14T's layout (for a resynth config: its annotation); default: render one",
    )
    parser.add_argument("--estimator", help="estimator.name of the config")
    parser.add_argument("--pose-stride", type=int, help="estimator.pose_stride of the config: 2D on every N-th frame")
    parser.add_argument("--upsample", help="lift.upsample of the config: interpolation or token")
    parser.add_argument("--refine2d", help="refine2d.name of the config: none, gaussian or port")
    parser.add_argument("--lift", metavar="NAME", help=f"lift of the config; {LIFT_HELP}")
    parser.add_argument("--refine", help="refine.name of the config")
    parser.add_argument("--seed", type=int, help="seed of the config")
    parser.add_argument("--seeds", type=int, help="translators of each row: with seed, seed + 1, ...")
    parser.add_argument("--rows", help="the only rows that get a translator, e.g. raw,skeletor-motion")
    parser.add_argument("--reuse", type=Path, action="append", default=[], help="another run, whose stages serve")
    parser.add_argument("--workers", type=int, help="workers of the config: processes")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any key, e.g. corpus.test=20")
    return parser


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    named = {
        "estimator.name": args.estimator,
        "estimator.pose_stride": args.pose_stride,
        "lift.upsample": args.upsample,
        "refine2d.name": args.refine2d,
        "refine.name": args.refine,
        "seed": args.seed,
        "seeds": args.seeds,
        "rows": args.rows.split(",") if args.rows else None,
        "workers": args.workers,
    }
    overrides = {key: value for key, value in named.items() if value is not None}
    if args.lift is not None:
        overrides |= {f"lift.{key}": value for key, value in lift_values(args.lift).items()}
    return overrides | read_overrides(args.set)
