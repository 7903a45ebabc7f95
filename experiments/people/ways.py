"""The ways from 2D points to what a reader reads: the rows of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.people.config import RealConfig, WayConfig
from experiments.people.losses import HANDS
from skeletor.lifters.registry import LiftOptions, build_lifter, lift_weights
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.refiners.registry import REFINERS, build_refiner
from skeletor.support.progress import log
from skeletor.support.registry import given_weights

# Rows of the trained refiners of a finished run -> where their weights lie in it.
OF_RUN = {"Skeletor, unsupervised": "refiner", "Skeletor, known motion": "refiner-motion"}


def ways_of(config: RealConfig, run: Path) -> list[WayConfig]:
    """The config's rows, and each trained refiner behind each of the rows that are to be refined.

    run: a finished run, whose refiners (`OF_RUN`) are rows if they are there. Rows whose weights are not there are left
    out, with a warning.
    """
    trained = {label: run / folder / "refiner.safetensors" for label, folder in OF_RUN.items()}
    refiners = {label: str(weights) for label, weights in trained.items() if weights.is_file()} | config.refiners
    added = [
        way.model_copy(update={"name": f"{way.name} + {label}", "refine": _trained(weights)})
        for way in config.ways
        if way.name in config.refined
        for label, weights in refiners.items()
        if _there(label, weights)
    ]
    kept = [way for way in config.ways if all(_there(way.name, file) for file in _files(way))]
    order = {way.name: k for k, way in enumerate(config.ways)}
    return sorted([*kept, *added], key=lambda way: order.get(way.name, order.get(way.name.split(" + ")[0], 0)))


def _trained(weights: str) -> object:
    return REFINERS.parse({"name": "skeletor", "weights": weights, "device": "cpu"})


def _there(label: str, file: str) -> bool:
    if Path(file).is_file():
        return True
    log.warning("%s: no file %s; the row is left out", label, file)
    return False


def _files(way: WayConfig) -> list[str]:
    options = [one for one in (way.lift, way.refine) if one is not None]
    return [weights for one in options if (weights := given_weights(one)) is not None]


def digest_of(way: WayConfig) -> list[str]:
    """What decides a row beside its options: the bytes of its weights."""
    files = _files(way)
    if way.lift is not None and (own := lift_weights(way.lift)) is not None:
        files.append(str(own))
    return sorted({file_sha256(file) for file in files})


def lifted(options: LiftOptions | None, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
    """2D poses in 3D; without a lifter 2D in shoulder widths, missing joints missing."""
    return [normalise(pose) for pose in poses] if options is None else build_lifter(options).many(list(poses))


def repaired(way: WayConfig, lifts: Sequence[PoseSequence]) -> list[PoseSequence]:
    """What is left to do of a way after lifting."""
    poses = list(lifts) if way.refine is None else build_refiner(way.refine).many(list(lifts))
    if way.unseen == "filled":
        return poses
    return [_without_unseen(pose, lift) for pose, lift in zip(poses, lifts, strict=True)]


def _without_unseen(pose: PoseSequence, lift: PoseSequence) -> PoseSequence:
    gone = np.zeros(pose.confidence.shape, bool)
    for hand in HANDS:
        gone[np.ix_((lift.confidence[:, hand] == 0).all(1), hand)] = True
    return pose.replace(np.where(gone[..., None], np.nan, pose.keypoints), np.where(gone, 0, pose.confidence))


def in_3d(pose: PoseSequence) -> PoseSequence:
    """A pose with depth; one of 2D gets depth 0."""
    if pose.dims == 3:
        return pose
    depth = np.where(pose.missing, np.nan, 0)[..., None]
    return pose.replace(np.concatenate([pose.keypoints, depth], 2).astype(np.float32))
