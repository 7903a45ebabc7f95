"""Fitting of a 2D refiner to clips of which detections and true 2D are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners2d.gaussian import choose_gaussian, fit_gaussian
from skeletor.refiners2d.port import PortModel, choose_port
from skeletor.refiners2d.port_training import train_port
from skeletor.refiners2d.registry import Fitted2D, PartName, PartRefiner, Refine2DConfig, View, bones_of, seen_as, views
from skeletor.support.errors import InputError
from skeletor.support.progress import log

FOLDS = 4
CHOICE = 6000  # poses that the choice of hyperparameters looks at


def fit_refiner_2d(
    truth: Mapping[str, PoseSequence],
    detected: Mapping[str, PoseSequence],
    config: Refine2DConfig,
    seed: int,
    data: str = "",
    licence: str = "",
) -> tuple[Fitted2D, dict[PartName, list[tuple[int, int]]]]:
    """Fit to clips that both have, in the same pixels; also gives the bones of each part, for its file.

    Hyperparameters are chosen on held-out clips. Raises InputError if there are fewer than FOLDS clips, or too few
    poses; TrainingDiverged if the loss of PORT becomes NaN.
    """
    names = sorted(set(truth) & set(detected))
    names = names[:: max(1, -(-len(names) // config.clips))]
    if len(names) < FOLDS:
        raise InputError(f"refine2d: {len(names)} clips with true 2D; at least {FOLDS} are needed to fit it")
    pairs = [(truth[name], detected[name]) for name in names]
    skeleton = pairs[0][1].skeleton
    if any(a.skeleton != skeleton or b.skeleton != skeleton or len(a) != len(b) for a, b in pairs):
        raise InputError("refine2d: truth and detections differ in skeleton or length; map or cut them first")
    parts: dict[PartName, PartRefiner] = {}
    bones: dict[PartName, list[tuple[int, int]]] = {}
    training: dict[str, Any] = {"clips": len(names), "seed": seed}
    for part in config.parts:
        wanted = [view for view in views(skeleton) if view.part == part]
        if not wanted:
            raise InputError(f"refine2d: skeleton {skeleton.name} has no {part}; leave it out of refine2d.parts")
        bones[part] = bones_of(skeleton, wanted[0])
        parts[part], training[part] = _fit_part(pairs, wanted, bones[part], config, seed)
        log.info("refine2d: %s: %s", part, training[part])
    return Fitted2D(config.name, parts, _body(skeleton), data, licence, training), bones


def _fit_part(
    pairs: Sequence[tuple[PoseSequence, PoseSequence]],
    wanted: Sequence[View],
    bones: list[tuple[int, int]],
    config: Refine2DConfig,
    seed: int,
) -> tuple[PartRefiner, dict[str, Any]]:
    true, seen, sure, clip = _poses(pairs, wanted, config.stride)
    rotate = wanted[0].part == "hand"  # a body stands upright
    folds = clip % FOLDS
    some = slice(None, None, max(1, -(-len(true) // CHOICE)))
    scale, penalty, error = choose_gaussian(true[some], seen[some], sure[some], folds[some], rotate)
    raw = float(np.nanmean(np.linalg.norm(seen[some] - true[some], axis=2)))
    about = {"poses": len(true), "noise_scale": scale, "penalty": penalty, "held_out": error, "raw": raw}
    if config.name == "gaussian":
        return fit_gaussian(true, seen, sure, scale, penalty, rotate), about
    rest, held = folds > 0, folds == 0
    prior = fit_gaussian(true[rest], seen[rest], sure[rest], scale, penalty, rotate)
    net = train_port(true[rest], seen[rest], sure[rest], bones, config.port, seed, prior)
    model, left = choose_port(PortModel(net, prior, config.port.learn), true[held], seen[held], sure[held])
    return model, {**about, "held_out": left, "threshold": model.threshold, "share": model.share}


def _poses(
    pairs: Sequence[tuple[PoseSequence, PoseSequence]], wanted: Sequence[View], stride: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truth, detections, confidence and number of the clip of all frames in which a part is whole and detected."""
    true, seen, sure, clip = [], [], [], []
    for number, (truth, detected) in enumerate(pairs):
        for view in wanted:
            target, found = seen_as(truth.keypoints[::stride], view), seen_as(detected.keypoints[::stride], view)
            kept = np.isfinite(target).all((1, 2)) & ((~np.isnan(found[..., 0])).sum(1) >= 2)
            true.append(target[kept])
            seen.append(found[kept])
            sure.append(detected.confidence[::stride, view.joints][kept].astype(np.float64))
            clip.append(np.full(int(kept.sum()), number))
    return np.concatenate(true), np.concatenate(seen), np.concatenate(sure), np.concatenate(clip)


def _body(skeleton: Skeleton) -> tuple[str, ...]:
    return tuple(skeleton.joints[j] for j in dict(skeleton.groups).get("body", ()))
