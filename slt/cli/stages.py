"""`slt poses`, `slt lift`, `slt refine`, `slt view`: single stages on single files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from skeletor.batch import for_each
from skeletor.config import check_config, load_config
from skeletor.errors import InputError
from skeletor.io import read_pose, write_pose
from skeletor.lock import locked
from skeletor.pose import PoseSequence
from skeletor.progress import log_to
from skeletor.refiners import REFINERS
from slt.cli.batch import output_names
from slt.sparse import UPSAMPLINGS

_SUFFIXES = (".safetensors", ".pose", ".skels")


def main(command: str, argv: list[str], text: str) -> int:
    """Run one stage on one or more files; `slt lift train CONFIG` trains a lifter."""
    if command == "lift" and argv[:1] == ["train"]:
        return _train_lifter(argv[1:])
    parser = argparse.ArgumentParser(f"slt {command}", description=text)
    parser.add_argument("inputs", type=Path, nargs="+", help="videos, folders of frames, or files of poses")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="folder for the results")
    actions = {"poses": _poses, "lift": _lift, "refine": _refine, "view": _view}
    if command != "view":
        parser.add_argument("--suffix", choices=_SUFFIXES, default=_SUFFIXES[0], help="format of the results")
    if command in ("poses", "view"):
        parser.add_argument("--estimator", default="mediapipe", help="see `slt doctor`")
    if command == "poses":
        parser.add_argument("--pose-stride", type=int, default=1, help="look at every so many frames only")
        parser.add_argument("--workers", type=int, help="processes; default: one a core, at most 8; 0: none")
    if command == "lift":
        from slt.lift_choice import HELP

        parser.add_argument("--lift", "--mode", metavar="NAME", help=f"default: fast; {HELP}")
        parser.add_argument("--weights", help="of a trained lifter: the same as --lift FILE")
        parser.add_argument("--stride", type=int, default=1, help="look at every so many frames only (uplift-upsample)")
        parser.add_argument("--upsample", default="interpolation", choices=UPSAMPLINGS, help="of sparse 2D poses")
    if command == "view":
        from slt.lift_choice import HELP

        parser.add_argument("--lift", metavar="NAME", help=f"default: fast; {HELP}")
    if command in ("refine", "view"):
        parser.add_argument("--refine", default="skeletor", choices=REFINERS)
        parser.add_argument("--model", type=Path, help="model folder; default: the newest trained one")
    return actions[command](parser.parse_args(argv))


def _each(args: argparse.Namespace, stage: Callable[[Path], PoseSequence]) -> int:
    names = output_names(args.inputs, args.output, args.suffix)

    def work(path: Path) -> None:
        if names[path].resolve() == path.resolve():
            raise InputError(f"{path}: the result would be written over it; give another folder with -o")
        pose = stage(path)
        write_pose(pose, names[path])
        print(f"{names[path]}: {len(pose)} frames, {pose.fps:g} fps, {pose.skeleton.name}, {pose.dims}D")

    return for_each(args.inputs, work, "files")


def _poses(args: argparse.Namespace) -> int:
    from slt.estimate import EstimateConfig
    from slt.estimate.ahead import ahead_of
    from slt.sparse import STRIDE
    from slt.system import make_estimator

    raw = {"name": args.estimator, STRIDE: args.pose_stride}
    config = check_config(raw, EstimateConfig, "--estimator, --pose-stride")
    estimator = make_estimator(args.estimator, args.pose_stride)
    with ahead_of(args.inputs, config, args.workers) as ahead:
        return _each(args, lambda path: ahead(path) if ahead and path in ahead else estimator(path))


def _lift(args: argparse.Namespace) -> int:
    from slt.lift import LiftConfig, build_lifter
    from slt.lift_choice import lift_values
    from slt.system import to_signing_50

    raw = lift_values(args.lift or "learned")
    raw |= {"stride": args.stride, "upsample": args.upsample}
    if args.weights:
        raw["weights"] = args.weights
    lifter = build_lifter(check_config(raw, LiftConfig, "slt lift"))
    return _each(args, lambda path: lifter(to_signing_50(read_pose(path))))


def _train_lifter(argv: list[str]) -> int:
    from slt.lift.learned.config import LiftTrainJob
    from slt.lift.learned.training import train_lifter

    parser = argparse.ArgumentParser("slt lift train", description="Train a lifter on motion with known 3D.")
    parser.add_argument("config", type=Path, help="for instance configs/lift_joint_token.yaml")
    parser.add_argument("-o", "--output", help="folder for weights, card, log and checkpoint; default: the config's")
    parser.add_argument("--noise", help="noise model fitted to a detector: runs/NAME/poses/noise_broadcast.safetensors")
    parser.add_argument("--mocap", help="npz of the CMU gestures: captured arms, beside the rendered motion")
    args = parser.parse_args(argv)
    given = {"out": args.output, "data.noise": args.noise, "data.mocap": args.mocap}
    job = load_config(args.config, LiftTrainJob, {key: value for key, value in given.items() if value is not None})
    log_to()
    with locked(job.out):
        print(train_lifter(job).weights)
    return 0


def _refine(args: argparse.Namespace) -> int:
    from slt.system import make_refiner

    refiner = make_refiner(args.refine, args.model)
    return _each(args, lambda path: refiner(read_pose(path)))


def _view(args: argparse.Namespace) -> int:
    from slt.lift import LiftConfig, build_lifter
    from slt.lift_choice import exchanged_lift
    from slt.system import make_estimator, make_refiner
    from slt.view import make_view

    estimator, lifter = make_estimator(args.estimator), build_lifter(exchanged_lift(LiftConfig(), args.lift))
    refiner = make_refiner(args.refine, args.model)
    names = output_names(args.inputs, args.output, ".view.mp4")

    def work(path: Path) -> None:
        from skeletor.normalise import denormalise

        raw = estimator(path)
        make_view(path, raw, denormalise(refiner(lifter(raw))), names[path])
        print(names[path])

    return for_each(args.inputs, work, "views")
