"""Lifters on captured 3D signing: how far the arms are from the truth.

The recordings have the body alone: nose, neck, shoulders, elbows, wrists. They are projected orthographically, by
leaving the depth out, and lifted twice: without hands, and with a flat hand put on each wrist along the forearm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.read_only.npz import read_arrays
from skeletor.lifters.registry import LiftOptions, build_lifter
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

BODY = 8
FPS = 25.0  # about; the file does not say
HANDS = ("hands missing", "flat hands")
_ARMS = [SIGNING_50.index(f"{side}_{joint}") for side in ("right", "left") for joint in ("shoulder", "elbow", "wrist")]
_WRISTS = [SIGNING_50.index("right_wrist"), SIGNING_50.index("left_wrist")]
_SHOULDERS = [SIGNING_50.index("right_shoulder"), SIGNING_50.index("left_shoulder")]
_WRIST_ARMS = [_ARMS.index(joint) for joint in _WRISTS]
_ELBOWS = [SIGNING_50.index("right_elbow"), SIGNING_50.index("left_elbow")]
# A hand of an adult, in shoulder widths (0.36 m): along the forearm, and to the thumb's side; by finger from the thumb.
_ALONG = [(0.10, 0.17, 0.23, 0.28), (0.26, 0.38, 0.45, 0.51), (0.26, 0.39, 0.47, 0.53), (0.25, 0.37, 0.44, 0.50),
          (0.23, 0.32, 0.37, 0.42)]  # fmt: skip
_ACROSS = [(0.07, 0.12, 0.15, 0.17), (0.07,) * 4, (0.02,) * 4, (-0.03,) * 4, (-0.08,) * 4]


def read_captured(file: Path, clips: int) -> dict[str, list[np.ndarray]]:
    """Signer -> his first clips, each (T, 8, 3) in metres. InputError if the file is not of this form."""
    found: dict[str, list[np.ndarray]] = {}
    for name, values in sorted(read_arrays(file).items()):
        if values.ndim != 3 or values.shape[1:] != (BODY, 3):
            raise InputError(f"{file}: {name} has shape {values.shape}, expected (frames, {BODY}, 3)")
        signer = re.sub(r"_\d+$", "", name)
        if len(found.setdefault(signer, [])) < clips:
            found[signer].append(values.astype(np.float32))
    return found


def truth_of(body: np.ndarray, hands: str) -> PoseSequence:
    """The clip (T, 8, 3) in shoulder widths on SIGNING_50, z towards the camera; hands as in `HANDS`."""
    points = np.full((len(body), len(SIGNING_50), 3), np.nan, np.float32)
    points[:, :BODY] = body
    confidence = np.where(np.isnan(points[..., 0]), 0, 1).astype(np.float32)
    pose = normalise(PoseSequence(points, confidence, FPS, SIGNING_50, Provenance(units="metre")))
    if hands == "hands missing":
        return pose
    points = pose.keypoints.copy()
    for wrist, elbow, side in zip(_WRISTS, _ELBOWS, ("right", "left"), strict=True):
        points[:, SIGNING_50.group(f"{side}_hand")] = _flat_hand(points[:, elbow], points[:, wrist], side)
    return pose.replace(points, np.ones(points.shape[:2], np.float32))


def _flat_hand(elbow: np.ndarray, wrist: np.ndarray, side: str) -> np.ndarray:
    """(T, 21, 3): its palm turned to the camera as far as the forearm lets it."""
    along = _unit(wrist - elbow)
    across = _unit(np.cross(along, np.array([0.0, 0.0, 1.0])))
    across = across if side == "left" else -across
    hand = np.repeat(wrist[:, None], 21, 1)
    steps = np.array([(a, b) for finger in zip(_ALONG, _ACROSS, strict=True) for a, b in zip(*finger, strict=True)])
    hand[:, 1:] += steps[:, :1] * along[:, None] + steps[:, 1:] * across[:, None]
    return hand


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6))


def arm_errors(poses: Sequence[PoseSequence], truths: Sequence[PoseSequence]) -> dict[str, float]:
    """arms: mean distance of the arms' joints, after the scale of each clip that fits best; wrist depth: mean
    difference in z of the wrists, alike. Shoulder widths, from the middle of the shoulders of each clip (its median):
    the neck's marker lies behind the spine, which is no lifter's fault.
    """
    arms, depths = [], []
    for pose, truth in zip(poses, truths, strict=True):
        p, t = (one.keypoints[:, _ARMS] - _middle(one.keypoints) for one in (pose, truth))
        scale = (p * t).sum() / max((p * p).sum(), 1e-9)
        arms.append(np.linalg.norm(scale * p - t, axis=2).ravel())
        depths.append(np.abs(scale * p[:, _WRIST_ARMS, 2] - t[:, _WRIST_ARMS, 2]).ravel())
    return {"arms": float(np.concatenate(arms).mean()), "wrist depth": float(np.concatenate(depths).mean())}


def _middle(points: np.ndarray) -> np.ndarray:
    """(3,) the median place of the middle of the shoulders."""
    return np.asarray(np.median(points[:, _SHOULDERS].astype(np.float64).mean(1), axis=0))


def judge_lifters(file: Path, lifters: Sequence[LiftOptions], clips: int) -> dict[str, Any]:
    """Name of a lifter -> hands -> signer -> `arm_errors`; "depth 0" is a lifter that leaves all in one plane."""
    captured = read_captured(file, clips)
    found: dict[str, Any] = {}
    for options in (*lifters, None):
        name = "depth 0" if options is None else label_of(options)
        for hands in HANDS:
            for signer, bodies in captured.items():
                truths = [truth_of(body, hands) for body in bodies]
                flats = [truth.replace(truth.keypoints[:, :, :2]) for truth in truths]
                poses = _in_plane(truths) if options is None else build_lifter(options).many(flats)
                found.setdefault(name, {}).setdefault(hands, {})[signer] = arm_errors(poses, truths)
    return found


def label_of(options: LiftOptions) -> str:
    """A lifter in a table: its mode, and its weights where they are not the shipped ones."""
    weights = getattr(options, "weights", None)
    return options.mode if weights is None else f"{options.mode}, {weights}"


def _in_plane(truths: Sequence[PoseSequence]) -> list[PoseSequence]:
    return [truth.replace(truth.keypoints * np.array([1, 1, 0], np.float32)) for truth in truths]
