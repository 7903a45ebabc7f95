"""Fitting of a 2D refiner to clips of which detections and true 2D are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners2d.base import (
    Fitted2D,
    FittedOptions,
    PartName,
    PartPoses,
    PartRefiner,
    View,
    bones_of,
    seen_as,
    views,
)
from skeletor.refiners2d.gaussian import FOLDS
from skeletor.refiners2d.weights import FITTINGS
from skeletor.support.errors import InputError
from skeletor.support.progress import log


def fit_refiner_2d(
    truth: Mapping[str, PoseSequence],
    detected: Mapping[str, PoseSequence],
    options: FittedOptions,
    seed: int,
    data: str = "",
    licence: str = "",
) -> tuple[Fitted2D, dict[PartName, list[tuple[int, int]]]]:
    """Fit to clips that both have, in the same pixels; also gives the bones of each part, for its file.

    Hyperparameters are chosen on held-out clips. Raises InputError if there are fewer than FOLDS clips, or too few
    poses.
    """
    fitting = FITTINGS.build(options)
    names = sorted(set(truth) & set(detected))
    names = names[:: max(1, -(-len(names) // options.clips))]
    if len(names) < FOLDS:
        raise InputError(f"refine2d: {len(names)} clips with true 2D; at least {FOLDS} are needed to fit it")
    pairs = [(truth[name], detected[name]) for name in names]
    skeleton = pairs[0][1].skeleton
    if any(a.skeleton != skeleton or b.skeleton != skeleton or len(a) != len(b) for a, b in pairs):
        raise InputError("refine2d: truth and detections differ in skeleton or length; map or cut them first")
    parts: dict[PartName, PartRefiner] = {}
    bones: dict[PartName, list[tuple[int, int]]] = {}
    training: dict[str, Any] = {"clips": len(names), "seed": seed}
    for part in options.parts:
        wanted = [view for view in views(skeleton) if view.part == part]
        if not wanted:
            raise InputError(f"refine2d: skeleton {skeleton.name} has no {part}; leave it out of refine2d.parts")
        bones[part] = bones_of(skeleton, wanted[0])
        poses = _poses(pairs, wanted, options.stride, bones[part])
        parts[part], training[part] = fitting.fit(poses, seed)
        log.info("refine2d: %s: %s", part, training[part])
    return Fitted2D(options.name, parts, _body(skeleton), data, licence, training), bones


def _poses(
    pairs: Sequence[tuple[PoseSequence, PoseSequence]],
    wanted: Sequence[View],
    stride: int,
    bones: list[tuple[int, int]],
) -> PartPoses:
    """All frames in which a part is whole and detected."""
    true, seen, sure, clip = [], [], [], []
    for number, (truth, detected) in enumerate(pairs):
        for view in wanted:
            target, found = seen_as(truth.keypoints[::stride], view), seen_as(detected.keypoints[::stride], view)
            kept = np.isfinite(target).all((1, 2)) & ((~np.isnan(found[..., 0])).sum(1) >= 2)
            true.append(target[kept])
            seen.append(found[kept])
            sure.append(detected.confidence[::stride, view.joints][kept].astype(np.float64))
            clip.append(np.full(int(kept.sum()), number))
    return PartPoses(
        truth=np.concatenate(true),
        detected=np.concatenate(seen),
        confidence=np.concatenate(sure),
        clip=np.concatenate(clip),
        bones=bones,
        upright=wanted[0].part == "body",
    )


def _body(skeleton: Skeleton) -> tuple[str, ...]:
    return tuple(skeleton.joints[j] for j in dict(skeleton.groups).get("body", ()))
