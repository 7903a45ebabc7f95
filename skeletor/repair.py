"""Poses in, better poses of the same kind out: what `skeletor refine`, `slt refine` and `skeletor.refine` do.

A network repairs one kind of poses, 3D on one skeleton. Others are brought there and back: 2D poses are lifted,
repaired, and laid flat again; points that the network does not know stay as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.absent import judged_absent, known_absent, mark_absent
from skeletor.poses.normalise import denormalise
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50, Skeleton, mapping
from skeletor.refiners.base import Refiner
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.registry import REFINERS
from skeletor.refiners.trained import SHIPPED
from skeletor.support.errors import InputError
from skeletor.support.listening import said


class Repair:
    """A refiner for poses of any kind, 2D or 3D, on any skeleton that has the joints of its own.

    2D poses are lifted by inverse kinematics, if the refiner is a network of 3D; a smoother takes everything. absent:
    what becomes of hands that are down or out of the picture (`skeletor.poses.absent`) in poses that do not tell: they
    stay missing, or are filled like all others. Those that the poses tell of stay missing.
    """

    def __init__(self, refiner: Refiner, absent: Literal["missing", "filled"] = "missing") -> None:
        self.name, self.version = refiner.name, refiner.version
        self._refiner, self._absent = refiner, absent
        self._lifter = build_lifter(FastOptions(absent=absent))

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Repair one clip: same frames, joints, coordinates and units. InputError if it lacks the network's joints."""
        return self.many([pose])[0]

    def or_as_it_is(self, pose: PoseSequence) -> PoseSequence:
        """The same, but a clip in which nobody is seen as it is: there is nothing to repair, which is no error."""
        return pose if pose.missing.all() else self(pose)

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Repair clips, in their order."""
        network = self._refiner
        if isinstance(network, SkeletorRefiner):
            repaired = network.many([self._brought(pose, network) for pose in said(poses, "clips", len(poses))])
            repaired = [put_back(*both) for both in zip(poses, repaired, strict=True)]
        else:
            repaired = network.many(poses)
        told = known_absent if self._absent == "filled" else judged_absent
        return [without(result, told(pose)) for pose, result in zip(poses, repaired, strict=True)]

    def _brought(self, pose: PoseSequence, network: SkeletorRefiner) -> PoseSequence:
        """On the network's skeleton, and in its dimensions."""
        mapped = pose.to_skeleton(network.skeleton)
        if pose.dims == 2 and network.dims == 3:
            return self._lifter(mapped)
        return mapped


def without(repaired: PoseSequence, absent: np.ndarray) -> PoseSequence:
    """The pose without joints (T, J) that are absent."""
    return mark_absent(repaired, absent) if absent.any() else repaired


def put_back(pose: PoseSequence, repaired: PoseSequence) -> PoseSequence:
    """The pose (T, J, D) with the joints that a repair of it has: (T, K, D or 3), lifted and on another skeleton maybe.

    Of what was lifted the hands are taken as they are, absent ones too. Other joints are between the first and the last
    frame in which they were seen, and beyond stay missing: a lifter puts them somewhere, a picture shows them nowhere.
    """
    if repaired.skeleton == pose.skeleton and repaired.dims == pose.dims:
        return repaired
    lifted = repaired.dims != pose.dims
    found = denormalise(repaired) if lifted else repaired
    rows, columns = np.nonzero(mapping(pose.skeleton, repaired.skeleton) == 1)  # joints that are the same in both
    points = found.keypoints[:, rows, : pose.dims]  # (T, N, D)
    confidence = found.confidence[:, rows]  # (T, N)
    taken = np.ones(confidence.shape, bool)
    if lifted:
        hands = [*repaired.skeleton.group("left_hand"), *repaired.skeleton.group("right_hand")]
        taken = np.isin(rows, hands) | _between(~pose.missing[:, columns])
    keypoints, sure = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[:, columns] = np.where(taken[..., None], points, keypoints[:, columns])
    sure[:, columns] = np.where(taken, np.where(np.isnan(points[..., 0]), 0, confidence), sure[:, columns])
    record = repaired.provenance.stage("refine")
    lift = repaired.provenance.stage("lift")
    assert record is not None
    through = {"lifted": f"{lift.config['mode']} {lift.version}"} if lifted and lift is not None else {}
    stage = StageRecord(record.name, record.version, {**record.config, **through})
    return pose.replace(keypoints, sure, stage=stage)


def _between(seen: np.ndarray) -> np.ndarray:
    """(T, N) bool: from the first to the last frame in which a joint is seen, seen (T, N)."""
    begun = np.logical_or.accumulate(seen, 0)
    not_over = np.logical_or.accumulate(seen[::-1], 0)[::-1]
    both: np.ndarray = begun & not_over
    return both


def refine(
    keypoints: np.ndarray,
    confidence: np.ndarray | None = None,
    fps: float = 25.0,
    skeleton: Skeleton | None = None,
    weights: Path | str | None = None,
    units: str = "unknown",
    refiner: str = "skeletor",
) -> np.ndarray:
    """Repair one clip of plain arrays: (T, J, D) in, (T, J, D) float32 out, D = 2 or 3.

    keypoints: x to the right, y down, z towards the camera; NaN where missing. confidence: (T, J) in [0, 1];
    None takes 1 for every joint that is there. skeleton: default SIGNING_50. weights: of a trained refiner; default:
    Skeletor's of the package, for skeletons that have joints of SIGNING_50. refiner: a smoother instead ("savgol",
    "linear", ...), for points of any kind. units: "pixel", "metre", "shoulder" (normalised already) or "unknown"
    (normalised like pixels). Raises InputError if the arrays or the weights cannot be used.
    """
    if confidence is None:
        confidence = 1.0 - np.isnan(keypoints).any(-1).astype(np.float32)
    pose = PoseSequence(keypoints, confidence, fps, skeleton or SIGNING_50, Provenance(units=units))
    return Repair(named_refiner(refiner, weights))(pose).keypoints


def named_refiner(name: str, weights: Path | str | None = None) -> Refiner:
    """The refiner of that name; of a network with these weights, or the package's. InputError if there is none."""
    if weights is None and name == "skeletor":
        weights = SHIPPED
    if name in REFINERS and REFINERS[name].weighted != (weights is not None):
        raise InputError(f"refiner {name}: {'needs weights' if weights is None else 'takes no weights'}")
    given = {} if weights is None else {"weights": str(weights)}
    return REFINERS.build(REFINERS.check({"name": name} | given, "refiner"))
