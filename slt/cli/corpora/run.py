"""`slt run CONFIG`: the whole pipeline."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skeletor.files.lock import locked
from skeletor.files.paths import check_folder, output_path
from skeletor.files.suffixes import bare_name
from skeletor.lifters.choice import lift_help, lift_values
from skeletor.lifters.registry import LIFTERS
from skeletor.refiners.registry import REFINERS
from skeletor.refiners2d.registry import REFINERS_2D
from skeletor.support.command import Parser
from skeletor.support.config import check_config, override, read_overrides, read_sections
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to
from slt.cli.engines.options import add_engine_options, make_engine
from slt.cli.options import add_hands, add_pose_model, add_weights
from slt.estimators.registry import ESTIMATORS
from slt.shards.spread import EngineSpread

if TYPE_CHECKING:
    from slt.pipeline.config import RunConfig
    from slt.pipeline.mapping import Spread


def main(command: str, argv: list[str], text: str) -> int:
    """Run the pipeline, print and write the table; gives exit code 0.

    Started by torchrun, the first process does so, and the others train with it.

    Raises InputError for a bad config or corpus, and if another process works in the folder.
    """
    args = make_parser(command, text).parse_args(argv)
    config = read_run_config(args)  # before the imports, which take seconds: what is wrong in it is told at once
    if args.corpus is not None:
        check_folder(args.corpus, "a folder with clips.tsv, or PHOENIX14T's")
    for other in args.reuse:
        if not (other / "config.json").is_file():
            raise InputError(f"--reuse {other}: no run lies there (no config.json); give the folder of another run")

    from skeletor.support.together import team_of_torchrun
    from slt.pipeline.refused import before, nothing_left_if_refused
    from slt.pipeline.run import run
    from slt.report.page import write_report_page

    folder = args.run_dir or Path("runs") / (
        args.config.stem + ("" if args.corpus is None else "-" + bare_name(args.corpus))
    )
    spread, team = _spread(args, folder), team_of_torchrun()
    if team is not None and not team.leads:
        team.follow()
        return 0
    there = before(folder)
    with (
        locked(folder),
        nothing_left_if_refused(folder, there),
        nullcontext() if team is None else team.leading(),
    ):
        log_to(folder / "log.txt")
        table = run(config, folder, args.corpus, args.reuse, spread, team)
        page = write_report_page(folder)
        log.info("whole report: %s, as a page: %s", folder / "report.md", page)
    print(table.text())
    return 0


def _spread(args: argparse.Namespace, folder: Path) -> Spread | None:
    """Who estimates, lifts and refines; None is processes of this machine, as the config says."""
    engine = make_engine(args, args.tasks, folder / "slurm", "--tasks")
    if args.executor == "local":
        if args.tasks is not None:
            raise InputError("--tasks: is of --executor slurm and ray; --workers N is of processes here")
        return None
    return EngineSpread(engine)


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt run`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    parser.add_argument("config", type=Path, help="YAML, for example configs/demo.yaml")
    parser.add_argument("--run-dir", type=output_path, help="default: runs/NAME of the config, and of --corpus")
    parser.add_argument(
        "--corpus",
        type=Path,
        help="a folder with clips.tsv, or PHOENIX14T (for a resynth config: its annotation); default: render one",
    )
    parser.add_argument("--estimator", help=f"estimator of the config: {', '.join(ESTIMATORS)}")
    parser.add_argument("--pose-stride", type=int, help="estimator.pose_stride of the config: 2D on every N-th frame")
    parser.add_argument("--pose-speed", help="estimator.speed of the config: full or fast")
    add_pose_model(parser, "default: the config's estimator.pose_model")
    add_hands(parser, "default: the config's estimator.hands")
    add_weights(parser, "default: the config's estimator.weights")
    parser.add_argument("--upsample", help="lift.upsample of the config: interpolation or token")
    parser.add_argument("--refine2d", help=f"2D refiner of the config: {', '.join(REFINERS_2D)}")
    parser.add_argument("--lift", metavar="NAME", help=f"lift of the config; {lift_help()}")
    parser.add_argument("--refine", help=f"refiner of the config: {', '.join(REFINERS)}")
    parser.add_argument("--seed", type=int, help="seed of the config")
    parser.add_argument("--seeds", type=int, help="translators of each row: with seed, seed + 1, ...")
    parser.add_argument("--rows", help="the only rows that get a translator, e.g. raw,skeletor-motion")
    parser.add_argument("--reuse", type=Path, action="append", default=[], help="another run, whose stages serve")
    parser.add_argument("--workers", type=int, help="workers of the config: processes")
    add_engine_options(parser)
    tasks = "of slurm and ray, for estimation, lifting and refinement: tasks at a time; default: one a core"
    parser.add_argument("--tasks", type=int, help=tasks)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any key, e.g. corpus.test=20")
    return parser


def read_run_config(args: argparse.Namespace) -> RunConfig:
    """The config of a run, as its file and the options of the command say. InputError, one line with file and key."""
    from slt.pipeline.config import RunConfig

    raw = read_sections(args.config)
    _exchange(raw, args)
    override(raw, _overrides(args), str(args.config))
    return check_config(raw, RunConfig, str(args.config))


def _exchange(raw: dict[str, Any], args: argparse.Namespace) -> None:
    """Put the stages that were asked for by name into the config; options that only the old ones have are dropped."""
    if args.estimator is not None:
        raw["estimator"] = ESTIMATORS.renamed(raw.get("estimator", {}), args.estimator)
    if args.refine2d is not None:
        raw["refine2d"] = REFINERS_2D.renamed(raw.get("refine2d", {}), args.refine2d)
    if args.refine is not None:
        raw["refine"] = REFINERS.renamed(raw.get("refine", {}), args.refine)
    if args.lift is not None:
        values = lift_values(args.lift)
        kept = LIFTERS.renamed(raw.get("lift", {}), values["mode"])
        raw["lift"] = {**kept, **values} if isinstance(kept, dict) else kept


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    named = {
        "estimator.pose_stride": args.pose_stride,
        "estimator.speed": args.pose_speed,
        "estimator.pose_model": args.pose_model,
        "estimator.hands": args.hands,
        "estimator.weights": args.pose_weights,
        "estimator.detector": args.detector,
        "lift.upsample": args.upsample,
        "seed": args.seed,
        "seeds": args.seeds,
        "rows": args.rows.split(",") if args.rows else None,
        "workers": args.workers,
    }
    overrides = {key: value for key, value in named.items() if value is not None}
    return overrides | read_overrides(args.set)
