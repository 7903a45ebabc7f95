"""`slt poses`, `slt lift`, `slt refine`, `slt view`: single stages on single files."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.files.lock import locked
from skeletor.files.paths import output_path
from skeletor.files.suffixes import is_poses
from skeletor.io.mediapipe_file import LAYOUT_HELP, LAYOUTS, check_layout, write_in_layout
from skeletor.poses.key_frames import UPSAMPLINGS
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.refiners.registry import REFINERS
from skeletor.refiners.smoothers.smooth import NO_CARRIED
from skeletor.support.command import Parser
from skeletor.support.config import load_config
from skeletor.support.errors import InputError, NothingToTranslate, printable
from skeletor.support.progress import log, log_to
from slt.cli.engines.command import Work, by_engine
from slt.cli.engines.options import LOCAL, add_engine_options, refuse_options_of_others
from slt.cli.inputs import Input, by_clip, each, find_inputs, output_names, result_path, videos
from slt.cli.options import (
    add_hands,
    add_pose_model,
    add_pose_options,
    add_pose_speed,
    add_weights,
    pose_files,
    refuse_options_of_poses,
    with_models,
)
from slt.cli.results import SUFFIXES, check_fits, refuse_flat_skels, report, run_stage
from slt.estimators.base import JSON, POSES
from slt.estimators.given import GivenPoses
from slt.estimators.registry import ESTIMATORS, EstimateOptions, build_estimator

Stage = Callable[[Input, Path], None]  # from an input to the file of its result
if TYPE_CHECKING:
    from slt.estimators.ahead import Ahead

ESTIMATOR, LIFTER, REFINER = "mediapipe", "fast", "skeletor"
VIEWS = {"mp4": ".view.mp4", "html": ".view.html"}
NOBODY = "with nobody in them"
WORKERS = (
    "of --executor slurm and ray: tasks at a time; default: one a core",
    "processes, Slurm tasks, Ray actors at a time; default: one a core, of processes at most 8 (0: none)",
)
TAKES = {
    "poses": "videos, or folders of frames (or of OpenPose's JSON, or files of poses: --estimator)",
    "lift": "files of 2D poses, or folders of OpenPose's JSON; all clips of a file, into one file",
    "refine": "files of 3D poses (2D: with a smoother); all clips of a file, into one file",
    "view": "videos, folders of frames, files of poses, folders of OpenPose's JSON",
}


def main(command: str, argv: list[str], text: str) -> int:
    """Run one stage on one or more files; `slt lift train CONFIG` trains a lifter.

    Exit code 2 for bad input, 3 if nobody is in any of the frames of an input.
    """
    if command == "lift" and argv[:1] == ["train"]:
        return _train_lifter(argv[1:])
    args = make_parser(command, text).parse_intermixed_args(argv)
    log_to(level=logging.WARNING)
    if command == "view":
        return _view(args)
    check_layout(args.layout, args.suffix)
    if args.executor != LOCAL:
        return _to_files_by_engine(command, args)
    refuse_options_of_others(args)
    if command == "poses":
        return _poses(args)
    if args.workers is not None:
        raise InputError(f"--workers: is of --executor slurm and ray; slt {command} works in one process here")
    return _to_files(args, make_work(command, args), find_inputs(args.inputs))


def make_work(command: str, args: argparse.Namespace) -> Work:
    """What one of the commands does with an input in this process; InputError for options that cannot be."""
    return _work(args, {"poses": _estimation, "lift": _lifting, "refine": _refining}[command](args))


def _work(args: argparse.Namespace, stage: Stage) -> Work:
    """An older result is gone before the work begins."""

    def work(one: Input, base: Path) -> None:
        target = result_path(base, args.suffix)
        target.unlink(missing_ok=True)
        stage(one, target)

    return Work(work, (args.suffix,))


def _to_files(args: argparse.Namespace, work: Work, inputs: Sequence[Input]) -> int:
    """Each input into its file, in this process; gives the exit code."""
    bases = output_names(inputs, args.output, work.suffixes)
    return each(inputs, lambda one: work.one(one, bases[one.shown]), "files", NOBODY)


def _to_files_by_engine(command: str, args: argparse.Namespace) -> int:
    """The same by Slurm or Ray."""
    from skeletor.lifters.choice import named_weights
    from slt.inference.chain import model_folder

    inputs = find_inputs(args.inputs)
    if command == "refine" and args.refine != REFINER and REFINERS[args.refine].weighted:
        args.model = model_folder(args.model)  # which one is the newest may change until a worker asks
    if command == "lift":
        weights = named_weights(args.weights or args.lift)  # the same
        args.weights = None if weights is None else str(weights)
    if command == "poses" and args.estimator != POSES:
        refuse_options_of_poses(args, inputs)
    bases = output_names(inputs, args.output, [args.suffix])
    with by_engine(command, make_work, args, inputs, bases) as told:
        return each(inputs, told, "files", NOBODY)


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of one of the commands; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help=TAKES[command])
    parser.add_argument(
        "-o", "--output", type=output_path, default=Path("."), help="folder for the results; default: %(default)s"
    )
    if command != "view":
        parser.add_argument(
            "--suffix", choices=SUFFIXES, default=SUFFIXES[0], help="format of the results; default: %(default)s"
        )
        parser.add_argument("--layout", choices=LAYOUTS, help=LAYOUT_HELP)
    if command in ("poses", "view"):
        known = ", ".join(ESTIMATORS)
        parser.add_argument("--estimator", default=ESTIMATOR, help=f"default: %(default)s; {known}, see `slt doctor`")
    if command == "poses":
        parser.add_argument("--pose-stride", type=int, default=1, help="2D on every N-th frame; default: %(default)s")
        add_pose_speed(parser, "default: full")
    if command in ("poses", "view"):
        add_pose_model(parser, "default: full")
        add_hands(parser, "default: holistic")
        add_weights(parser, "default: pose.onnx, and detector.onnx if it is there, in ~/.cache/skeletor-slt/rtmlib")
    if command in ("lift", "view"):
        _add_lifting(parser, command)
    if command in ("lift", "refine"):
        from skeletor.lifters.anonymise import HELP

        parser.add_argument("--anonymise", action="store_true", help=HELP)
    if command == "refine":
        parser.add_argument("--no-carried", action="store_true", help=NO_CARRIED)
    if command == "view":
        about = "mp4: a video, side by side; html: a page of its own, with 3D to turn; default: %(default)s"
        parser.add_argument("-f", "--format", choices=tuple(VIEWS), default="mp4", help=about)
    if command in ("refine", "view"):
        parser.add_argument("--refine", default=REFINER, choices=REFINERS.names(), help="default: %(default)s")
        parser.add_argument(
            "--model",
            type=Path,
            help="model folder with the trained refiner; default: the one that comes with the package",
        )
    add_pose_options(parser)
    if command != "view":
        parser.add_argument("--workers", type=int, help=WORKERS[command == "poses"])
        add_engine_options(parser)
    return parser


def _add_lifting(parser: argparse.ArgumentParser, command: str) -> None:
    """The options of `slt lift`, of which `slt view` has the first."""
    from skeletor.lifters.choice import lift_help

    names = ("--lift", "--mode") if command == "lift" else ("--lift",)
    parser.add_argument(*names, metavar="NAME", default=LIFTER, help=f"default: %(default)s; {lift_help()}")
    if command != "lift":
        return
    parser.add_argument("--weights", metavar="FILE", help="of a trained lifter: the same as --lift FILE")
    about = "look at every N-th frame only (uplift-upsample); default: %(default)s"
    parser.add_argument("--stride", type=int, default=1, help=about)
    about = "of sparse 2D poses; default: %(default)s"
    parser.add_argument("--upsample", default="interpolation", choices=UPSAMPLINGS, help=about)
    about = "hands that are down or out of the picture: left missing, or put at rest; default: %(default)s"
    parser.add_argument("--absent", choices=("missing", "filled"), default="missing", help=about)


def _poses(args: argparse.Namespace) -> int:
    """Poses of videos come from worker processes."""
    from slt.estimators.ahead import ahead_of

    estimator = _estimation(args)  # options that cannot be are told before anything begins
    inputs = find_inputs(args.inputs)
    if args.estimator != POSES:
        refuse_options_of_poses(args, inputs)
    with ahead_of(videos(inputs), _estimator_options(args), args.workers) as ahead:
        stage = estimator if ahead is None else _estimation(args, ahead)
        return _to_files(args, _work(args, stage), inputs)


def _estimator_options(args: argparse.Namespace) -> EstimateOptions:
    from slt.inference.estimation import Sparse, named_estimator

    config = named_estimator(args.estimator, Sparse(args.pose_stride, speed=args.pose_speed), args.fps)
    return with_models(config, args)


def _estimation(args: argparse.Namespace, ahead: Ahead | None = None) -> Stage:
    """2D of an input in this process, or what `ahead` has of it."""
    refuse_flat_skels(args.suffix, 2, "slt poses")
    estimator = build_estimator(_estimator_options(args))
    files = pose_files(args)
    given = GivenPoses(files, args.pose_stride) if args.estimator == POSES else None

    def stage(one: Input, target: Path) -> None:
        if given is not None:
            clips = {name: _flat(given(one.file, name)) for name in files.choose(one.file, args.clip)}
        elif is_poses(one.file) and args.estimator != JSON:
            other = JSON if one.file.is_dir() else POSES
            raise InputError(f"{one.file}: these are poses, no pictures; --estimator {other} reads them")
        else:
            clips = {printable(one.name): (ahead if ahead is not None and one.file in ahead else estimator)(one.file)}
        write_in_layout(clips, target, args.layout)
        report(clips, one.shown, target)

    return stage


def _flat(pose: PoseSequence) -> PoseSequence:
    """The pose in 2D; a warning if it had depth."""
    if pose.dims == 2:
        return pose
    log.warning("%s: warning: its depth is dropped, `slt poses` gives 2D", pose.provenance.source or "pose")
    return pose.replace(pose.keypoints[:, :, :2], stage=StageRecord("drop_depth"))


def _lifting(args: argparse.Namespace) -> Stage:
    from skeletor.lifters.choice import lift_values
    from skeletor.lifters.registry import LIFTERS, build_lifter
    from slt.inference.chain import to_signing_50

    raw = lift_values(args.weights or args.lift)
    raw |= {"stride": args.stride, "upsample": args.upsample, "absent": args.absent}
    lifter = build_lifter(LIFTERS.check(raw, "slt lift"))

    def lift(pose: PoseSequence) -> PoseSequence:
        if pose.dims == 3:
            where = pose.provenance.source or "pose"
            raise InputError(f"{where}: is 3D already; `slt refine` and `slt translate` take it as it is")
        if pose.missing.all():
            raise NothingToTranslate(f"{pose.provenance.source or 'pose'}: nobody is seen in any of its frames")
        return lifter(to_signing_50(pose))

    return _each_clip(args, lift, 3)


def make_train_parser() -> argparse.ArgumentParser:
    """The options of `slt lift train`."""
    parser = Parser("slt lift train", description="Train a lifter on motion with known 3D.")
    parser.add_argument("config", type=Path, help="for instance configs/lift_joint_token.yaml")
    parser.add_argument(
        "-o", "--output", type=output_path, help="folder for weights, card, log and checkpoint; default: the config's"
    )
    parser.add_argument("--noise", help="noise model fitted to a detector: runs/NAME/poses/noise_broadcast.safetensors")
    parser.add_argument("--mocap", help="npz of the CMU gestures: captured arms, beside the rendered motion")
    return parser


def _train_lifter(argv: list[str]) -> int:
    from skeletor.lifters.learned.config import LiftTrainJob
    from skeletor.lifters.learned.training import train_lifter
    from skeletor.support.devices import process_rank
    from slt.synthetic.lift_clips import rendered_material

    args = make_train_parser().parse_args(argv)
    given = {
        "out": None if args.output is None else str(args.output),
        "data.noise": args.noise,
        "data.mocap": args.mocap,
    }
    job = load_config(args.config, LiftTrainJob, {key: value for key, value in given.items() if value is not None})
    log_to()
    with locked(job.out) if process_rank() == 0 else nullcontext():  # the others of a training by torchrun are its own
        result = train_lifter(job, rendered_material(job.data, job.workers))
    if process_rank() == 0:
        print(result.weights)
    return 0


def _refining(args: argparse.Namespace) -> Stage:
    from skeletor.repair import Repair
    from slt.inference.chain import make_refiner

    repair = Repair(make_refiner(args.refine, args.model, carried=not args.no_carried))
    return _each_clip(args, repair.or_as_it_is, None)


def _each_clip(args: argparse.Namespace, stage: Callable[[PoseSequence], PoseSequence], dims: int | None) -> Stage:
    """A stage from poses to poses on all clips of a file. dims: of what comes out, None: as what goes in."""
    from skeletor.lifters.anonymise import anonymise

    files = pose_files(args)
    whole = (lambda pose: anonymise(stage(pose))) if args.anonymise else stage

    def work(one: Input, target: Path) -> None:
        clips = files.choose(one.file, args.clip)
        for name in clips:
            refuse_flat_skels(args.suffix, dims or clips[name].dims, f"{one.file}: clip {name!r}")
        check_fits(clips, args.suffix, one.file)
        run_stage(whole, clips, one.file, target, args.layout)

    return work


def _view(args: argparse.Namespace) -> int:
    from slt.cli.view import viewer

    files = pose_files(args)
    inputs = find_inputs(args.inputs)
    refuse_options_of_poses(args, inputs)
    inputs = by_clip(inputs, files, args.clip)
    suffix = VIEWS[args.format]
    names = output_names(inputs, args.output, [suffix])
    view = viewer(args, GivenPoses(files))

    def work(one: Input) -> None:
        target = result_path(names[one.shown], suffix)
        target.unlink(missing_ok=True)
        view(one, target)
        print(printable(str(target)))

    return each(inputs, work, "views", NOBODY)
