"""Options that several commands share: how fast to estimate, how to read files of poses, and without a frame rate."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from skeletor.files.suffixes import is_poses
from skeletor.io.people import Take, select
from skeletor.io.read_only.arrays import picture_size
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.cli.inputs import Input
from slt.estimators.base import ESTIMATORS, EstimateOptions
from slt.estimators.given import PoseFiles
from slt.estimators.mediapipe.estimator import HANDS, HANDS_ABOUT, SPEEDS
from slt.estimators.mediapipe.models.pose_model import ABOUT as POSE_MODEL_ABOUT
from slt.estimators.mediapipe.models.pose_model import POSE_MODELS
from slt.estimators.rtm.wholebody import DETECTOR_ABOUT, WEIGHTS_ABOUT


def add_pose_options(parser: argparse.ArgumentParser, clip: bool = True) -> None:
    """--fps, --skeleton, --size and, if wanted, --clip."""
    parser.add_argument(
        "--fps",
        type=float,
        help="frames per second of folders of frames and of OpenPose's JSON (default: 25); "
        "of a file of poses in place of what it says",
    )
    parser.add_argument("--skeleton", metavar="NAME", help="layout of the points of poses that do not tell theirs")
    parser.add_argument(
        "--size", metavar="WxH", help="of the picture, for points (.npy, .npz, .json, .csv) in shares of it: 640x480"
    )
    if clip:
        parser.add_argument("--clip", metavar="NAME", help="of files that hold several clips, this one only")


def add_pose_speed(parser: argparse.ArgumentParser, default: str) -> None:
    """--pose-speed of MediaPipe. default: what happens without it, in words."""
    about = (
        "fast: the body, and hands at rest, are looked at 6 times a second only; faster: hands are also looked for "
        f"where they were, in 8-bit integers (mediapipe); {default}"
    )
    parser.add_argument("--pose-speed", choices=SPEEDS, help=about)


def add_pose_model(parser: argparse.ArgumentParser, default: str) -> None:
    """--pose-model of MediaPipe. default: what happens without it, in words."""
    parser.add_argument("--pose-model", choices=POSE_MODELS, help=f"of mediapipe; {POSE_MODEL_ABOUT}; {default}")


def add_hands(parser: argparse.ArgumentParser, default: str) -> None:
    """--hands of MediaPipe. default: what happens without it, in words."""
    parser.add_argument("--hands", choices=HANDS, help=f"of mediapipe; {HANDS_ABOUT}; {default}")


def add_weights(parser: argparse.ArgumentParser, default: str) -> None:
    """--pose-weights and --detector of rtmlib. default: what happens without them, in words."""
    parser.add_argument("--pose-weights", metavar="FILE", help=f"of rtmlib; {WEIGHTS_ABOUT}; {default}")
    parser.add_argument("--detector", metavar="FILE", help=f"of rtmlib; {DETECTOR_ABOUT}")


def with_models(config: EstimateOptions, args: argparse.Namespace) -> EstimateOptions:
    """The estimator's config with what `add_pose_model`, `add_hands` and `add_weights` ask for.

    InputError if the estimator has none of that.
    """
    asked = {
        "pose_model": args.pose_model,
        "hands": args.hands,
        "weights": args.pose_weights,
        "detector": args.detector,
    }
    for key, value in asked.items():
        if value is not None:
            option = "pose-weights" if key == "weights" else key.replace("_", "-")
            config = ESTIMATORS.check(config.model_dump() | {key: value}, f"--{option}")
    return config


def pose_files(args: argparse.Namespace, take: Take = select) -> PoseFiles:
    """How the options of `add_pose_options` have files of poses read. InputError if --size is none.

    take: who is read of several people.
    """
    return PoseFiles(args.fps, args.skeleton, None if args.size is None else picture_size(args.size), take)


def refuse_options_of_poses(args: argparse.Namespace, inputs: Sequence[Input]) -> None:
    """InputError if options of files of poses are given, but no input is one; a warning of videos with --fps."""
    pictures = [one.file for one in inputs if not is_poses(one.file)]
    given = next((name for name in ("clip", "skeleton", "size") if getattr(args, name)), None)
    if given and len(pictures) == len(inputs):
        value = getattr(args, given)
        raise InputError(f"--{given} {value}: is for files of poses, {pictures[0]} is none; leave it out")
    for path in pictures:
        if args.fps is not None and path.is_file():
            log.warning("%s: warning: a video has its own frame rate; --fps %g is not used", path, args.fps)


def seed(text: str) -> int:
    """The type of --seed: a whole number from 0 on that fits into 63 bits. Raises ArgumentTypeError for any other."""
    return _whole(text, 0, (1 << 63) - 1)


def processes(text: str) -> int:
    """The type of a --workers that has no word for none: 1 to 256. Raises ArgumentTypeError for any other."""
    return _whole(text, 1, 256)


def _whole(text: str, least: int, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from {least} to {most}")
    return number
