"""`slt shards`: a stage over a corpus of any size, in shards, by processes of this machine, Slurm or Ray."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from skeletor.files.lock import locked
from skeletor.files.paths import output_path
from skeletor.lifters.anonymise import HELP as ANONYMISE_HELP
from skeletor.lifters.choice import named_weights
from skeletor.poses.key_frames import UPSAMPLINGS
from skeletor.refiners.smoothers.smooth import NO_CARRIED
from skeletor.support.command import Parser
from skeletor.support.config import check_config
from skeletor.support.errors import InputError, NothingToTranslate
from skeletor.support.progress import log_to, tell
from slt.cli.engines.options import add_engine_options, decides, estimator_files, make_engine
from slt.cli.options import add_hands, add_pose_model, add_pose_speed
from slt.estimators.mediapipe.crowd import ABOUT as PEOPLE_ABOUT
from slt.estimators.mediapipe.crowd import WHO_IS_READ
from slt.shards.inputs import each_once
from slt.shards.plan import PLAN, read_plan, write_plan
from slt.shards.run import FAILED, results_of, run_plan
from slt.shards.work import STAGES, StageOptions, check_options

TRANSLATE = "translate (default: the model's)"
_OPTIONS = tuple(name for name in StageOptions.model_fields)


def main(command: str, argv: list[str], text: str) -> int:
    """Plan and run. Exit code 0; 2 for bad input or a full disk, also if an input failed; 1 if a shard was lost; 3 if
    nothing is wrong but that nobody is in some inputs, or some were not translated."""
    args = make_parser(command, text).parse_intermixed_args(argv)
    log_to()
    engine = make_engine(args, args.workers, args.output / "slurm")
    options = _options(args)
    check_options(args.stage, StageOptions.model_validate(options))
    args.output.mkdir(parents=True, exist_ok=True)
    with locked(args.output):
        log_to(args.output / "log.txt")
        inputs = each_once(_inputs(args))
        plan = write_plan(args.output, args.stage, options, inputs, args.shard_size, partial(_decides, args))
        print(f"{plan.folder}: {plan.stage} of {plan.inputs} inputs in {plan.shards} shards")
        if args.dry_run:
            return 0
        outcome = run_plan(plan, engine)
    for line in outcome.lines():
        print(line)
    for shard in outcome.lost:
        tell(f"shard {shard.shard}: {shard.error}")
    if outcome.failed:
        tell(f"{outcome.failed} of {plan.inputs} inputs failed; see {plan.folder / FAILED}")
    if outcome.empty:
        told = f"{outcome.empty} of {plan.inputs} inputs {outcome.nothing}"
        tell(f"{told}; see {plan.folder / FAILED}")
    if any(not shard.refused for shard in outcome.lost):
        return 1
    if outcome.lost or outcome.failed:
        return InputError.exit_code
    return NothingToTranslate.exit_code if outcome.empty else 0


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser; every default that the help names is the real one."""
    own = StageOptions()
    parser = Parser(f"slt {command}", description=text)
    parser.add_argument("stage", choices=STAGES, metavar="STAGE", help=", ".join(STAGES))
    takes = "videos, files of poses, or the output of another `slt shards`"
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help=takes)
    parser.add_argument("--list", type=Path, metavar="FILE", help="a text file with an input a line")
    parser.add_argument("-o", "--output", type=output_path, required=True, help="folder for plan and results")
    parser.add_argument("--shard-size", type=int, default=32, help="inputs in a shard; default: %(default)s")
    parser.add_argument("--dry-run", action="store_true", help="write the plan, run nothing")
    parser.add_argument("--workers", type=int, help="processes, Slurm tasks, Ray actors at a time; default: one a core")
    add_engine_options(parser)
    parser.add_argument("--estimator", default=own.estimator, help="of poses; default: %(default)s")
    parser.add_argument(
        "--pose-stride", type=int, help=f"of poses (default: 1) and {TRANSLATE}: 2D on every N-th frame"
    )
    add_pose_speed(parser, f"of poses (default: full) and {TRANSLATE}")
    add_pose_model(parser, "of poses; default: full")
    add_hands(parser, "of poses; default: holistic")
    about = f"of videos; {PEOPLE_ABOUT}; of poses (default: one) and {TRANSLATE}"
    parser.add_argument("--people", choices=WHO_IS_READ, help=about)
    parser.add_argument("--fps", type=float, help="frame rate of inputs that do not tell theirs")
    parser.add_argument(
        "--skeleton", metavar="NAME", help="layout of files of poses that do not tell theirs; not of poses"
    )
    parser.add_argument("--lift", default=own.lift, help="of lift; default: %(default)s")
    parser.add_argument("--stride", type=int, help="of lift: as of `slt lift`")
    parser.add_argument("--upsample", choices=UPSAMPLINGS, help=f"of lift (as of `slt lift`) and {TRANSLATE}")
    parser.add_argument("--absent", choices=("missing", "filled"), help="of lift: as of `slt lift`")
    parser.add_argument("--anonymise", action="store_true", help=f"of lift and refine: {ANONYMISE_HELP}")
    parser.add_argument("--refine", default=own.refine, help="of refine; default: %(default)s")
    parser.add_argument("--no-carried", action="store_true", help=f"of refine: {NO_CARRIED}")
    about = "folder, for refine2d, refine and translate; default: as of `slt refine`, `slt translate`"
    parser.add_argument("--model", help=about)
    parser.add_argument("--device", default=own.device, help="of translate; default: %(default)s")
    return parser


def _options(args: argparse.Namespace) -> dict[str, object]:
    """Of the stage, checked; models by their own paths, for which is the newest may change until a worker asks."""
    values = {name: getattr(args, name) for name in _OPTIONS}
    weights = named_weights(args.lift) if args.stage == "lift" else None
    if weights is not None:
        values["lift"] = str(weights.resolve())
    if args.stage in ("refine2d", "translate") or (args.stage == "refine" and args.model is not None):
        values["model"] = str(_model(args.model).resolve())
    return check_config(values, StageOptions, "slt shards").model_dump()


def _model(given: str | None) -> Path:
    from slt.inference.chain import model_folder

    return model_folder(None if given is None else Path(given))


def _inputs(args: argparse.Namespace) -> Iterator[Path]:
    """Each input that is named; the results of an output folder of this command in the place of that folder."""
    for text in args.inputs:
        yield from _expanded(Path(text))
    if args.list is not None:
        if not args.list.exists() or args.list.is_dir():
            raise InputError(f"{args.list}: no file with an input a line is there")
        with open(args.list, encoding="utf-8-sig", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                if "\0" in line:
                    raise InputError(f"{args.list}: line {number}: a NUL byte; give a text file with an input a line")
                if line.strip():
                    yield Path(line.rstrip("\n"))


def _expanded(path: Path) -> Sequence[Path]:
    return results_of(read_plan(path)) if (path / PLAN).is_file() else [path]


def _decides(args: argparse.Namespace) -> str:
    options = _options(args)
    whose = {"poses": {"estimator": args.estimator}, "translate": {"estimator": None, "model": options["model"]}}
    estimator = estimator_files(whose.get(args.stage, {}))
    return decides(["slt.shards.shard"], str(options["model"]), [Path(str(options["lift"])), *estimator])
