"""`slt poses`, `slt lift`, `slt refine`, `slt view`: single stages on single files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from skeletor.errors import InputError
from skeletor.io import read_pose, write_pose
from skeletor.pose import PoseSequence
from skeletor.refiners import REFINERS
from slt.cli.batch import for_each, output_names

_SUFFIXES = (".safetensors", ".pose", ".skels")


def main(command: str, argv: list[str], text: str) -> int:
    """Run one stage on one or more files."""
    parser = argparse.ArgumentParser(f"slt {command}", description=text)
    parser.add_argument("inputs", type=Path, nargs="+", help="videos, folders of frames, or files of poses")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="folder for the results")
    actions = {"poses": _poses, "lift": _lift, "refine": _refine, "view": _view}
    if command != "view":
        parser.add_argument("--suffix", choices=_SUFFIXES, default=_SUFFIXES[0], help="format of the results")
    if command in ("poses", "view"):
        parser.add_argument("--estimator", default="mediapipe", help="see `slt doctor`")
    if command == "lift":
        parser.add_argument("--mode", default="fast", choices=("fast", "reference"))
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
    from slt.system import make_estimator

    return _each(args, make_estimator(args.estimator))


def _lift(args: argparse.Namespace) -> int:
    from slt.lift import LiftConfig, build_lifter
    from slt.system import to_signing_50

    lifter = build_lifter(LiftConfig(mode=args.mode))
    return _each(args, lambda path: lifter(to_signing_50(read_pose(path))))


def _refine(args: argparse.Namespace) -> int:
    from slt.system import make_refiner

    refiner = make_refiner(args.refine, args.model)
    return _each(args, lambda path: refiner(read_pose(path)))


def _view(args: argparse.Namespace) -> int:
    from slt.lift import LiftConfig, build_lifter
    from slt.system import make_estimator, make_refiner
    from slt.view import make_view

    estimator, lifter = make_estimator(args.estimator), build_lifter(LiftConfig())
    refiner = make_refiner(args.refine, args.model)
    names = output_names(args.inputs, args.output, ".view.mp4")

    def work(path: Path) -> None:
        from skeletor.normalise import denormalise

        raw = estimator(path)
        make_view(path, raw, denormalise(refiner(lifter(raw))), names[path])
        print(names[path])

    return for_each(args.inputs, work, "views")
