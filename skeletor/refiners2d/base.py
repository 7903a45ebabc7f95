"""What every 2D refiner is, where it registers itself, and `Refiner2D`, which refines part by part what was fitted.

A left hand is mirrored to a right one, so that both share one model. A hand of which fewer than two joints are seen
stays missing: there is nothing to build it on. Confidences stay; a joint that is filled in keeps 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import Field

from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.base import FunctionRefiner, Refiner, unchanged
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.registry import Registry

STAGE, VERSION = "refine2d", "1"
PartName = Literal["hand", "body"]
HAND_JOINTS = 21


class Refine2DOptions(Config):
    """What the options of every 2D refiner have. An option `weights` is a file that goes into the model folder."""

    name: str


REFINERS_2D: Registry[Refine2DOptions, Refiner] = Registry(Refine2DOptions, "name", default="none")


class NoRefine2DOptions(Refine2DOptions):
    """`none` has no options."""

    name: Literal["none"] = "none"


@REFINERS_2D.register(NoRefine2DOptions, "poses as they are")
def build_none(options: NoRefine2DOptions) -> Refiner:
    """Gives every pose back as it is."""
    return FunctionRefiner(options.name, "1", unchanged, {})


class FittedOptions(Refine2DOptions):
    """What the options of every 2D refiner have that `slt run` fits to the true 2D of its training clips.

    weights: a fitted file in place of fitting one. parts: what is refined. clips: training clips at most, of each
    every stride-th frame.
    """

    weights: str | None = None
    parts: list[PartName] = Field(default=["hand", "body"], min_length=1)
    clips: int = Field(default=600, ge=4, le=1_000_000)
    stride: int = Field(default=4, ge=1, le=1000)


class PartRefiner(Protocol):
    """Refines one part of the body."""

    def refine(self, points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """points (F, N, 2), NaN where missing; confidence (F, N) -> (F, N, 2)."""


@dataclass(frozen=True)
class View:
    """Where a part lies in a skeleton: its joints, and whether it is mirrored to look like the part's model."""

    part: PartName
    joints: tuple[int, ...]
    mirror: bool


@dataclass(frozen=True, eq=False)
class Fitted2D:
    """Refiners of parts, and where they come from. joints: names of the body's joints. digest: of the file."""

    name: str
    parts: Mapping[PartName, PartRefiner]
    joints: tuple[str, ...]
    data: str = ""
    licence: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, eq=False)
class PartPoses:
    """What a part is fitted to: F poses of N joints, left hands mirrored.

    truth, detected (F, N, 2): pixels; detected is NaN where missing. confidence (F, N). clip (F,): numbers of the
    clips. bones: pairs of joints. upright: whether the part is never turned (a body; a hand is).
    """

    truth: np.ndarray
    detected: np.ndarray
    confidence: np.ndarray
    clip: np.ndarray
    bones: list[tuple[int, int]]
    upright: bool


class Fitting(Protocol):
    """How the refiner of one part is fitted, and how it is written to a file of weights and read."""

    @property
    def header(self) -> type[Config]:
        """What such a file says of a part, beside its tensors."""

    def fit(self, poses: PartPoses, seed: int) -> tuple[PartRefiner, dict[str, Any]]:
        """The refiner, and what is to be known of its fitting: plain values. InputError if there are too few poses."""

    def pack(self, part: Any, bones: list[tuple[int, int]]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Tensors, and the plain values of `header`, of a refiner that `fit` gave."""

    def unpack(self, tensors: Mapping[str, np.ndarray], header: Any, joints: int) -> PartRefiner:
        """The refiner again, for a part of so many joints. ValueError, KeyError or RuntimeError if it does not fit."""


def views(skeleton: Skeleton) -> list[View]:
    """The parts of a skeleton that has them: both hands, left first, and the body."""
    groups = dict(skeleton.groups)
    found = [
        View("hand", groups[name], name == "left_hand")
        for name in ("left_hand", "right_hand")
        if len(groups.get(name, ())) == HAND_JOINTS
    ]
    return [*found, View("body", groups["body"], False)] if "body" in groups else found


def bones_of(skeleton: Skeleton, view: View) -> list[tuple[int, int]]:
    """Bones within a part, by the numbers of joints in the part."""
    place = {joint: k for k, joint in enumerate(view.joints)}
    return [(place[a], place[b]) for a, b in skeleton.bones if a in place and b in place]


def seen_as(pose_points: np.ndarray, view: View) -> np.ndarray:
    """(T, N, 2) float64: a part's joints of (T, J, 2), mirrored if the view is."""
    points = pose_points[:, view.joints].astype(np.float64)
    return points * (-1, 1) if view.mirror else points


class Refiner2D:
    """Refines 2D poses, part by part and frame by frame."""

    def __init__(self, fitted: Fitted2D) -> None:
        self.name: str = fitted.name
        self.version = f"{VERSION}-{fitted.digest}" if fitted.digest else VERSION
        self._fitted = fitted
        self._stage = StageRecord(STAGE, self.version, {"name": self.name, "parts": sorted(fitted.parts)})

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """The refined pose: same frames, joints, confidence and units. InputError if it is not 2D, or has another
        body than the weights."""
        return self.many([pose])[0]

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Refine many clips; all frames of a part are solved together."""
        for pose in poses:
            self._check(pose)
        points = [pose.keypoints.copy() for pose in poses]
        for skeleton in {pose.skeleton.name: pose.skeleton for pose in poses}.values():
            chosen = [k for k, pose in enumerate(poses) if pose.skeleton == skeleton and len(pose)]
            for view in views(skeleton):
                part = self._fitted.parts.get(view.part)
                if part is None or not chosen:
                    continue
                before = np.concatenate([seen_as(poses[k].keypoints, view) for k in chosen])
                sure = np.concatenate([poses[k].confidence[:, view.joints] for k in chosen])
                after = part.refine(before, sure) * ((-1, 1) if view.mirror else (1, 1))
                ends = np.cumsum([len(poses[k]) for k in chosen])[:-1]
                for k, own in zip(chosen, np.split(after, ends), strict=True):
                    points[k][:, view.joints] = own
        return [pose.replace(p, stage=self._stage) for pose, p in zip(poses, points, strict=True)]

    def _check(self, pose: PoseSequence) -> None:
        where = pose.provenance.source or "pose"
        if pose.dims != 2:
            raise InputError(f"{where}: {pose.dims}D, the 2D refiner works before lifting; give 2D poses")
        joints = tuple(pose.skeleton.joints[j] for j in dict(pose.skeleton.groups).get("body", ()))
        if "body" in self._fitted.parts and joints != self._fitted.joints:
            raise InputError(
                f"{where}: the body of skeleton {pose.skeleton.name} is not the one that the 2D refiner was fitted to; "
                "map the pose first, or refine with parts [hand]"
            )
