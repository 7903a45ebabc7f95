"""Accuracy of poses where the truth is known: detection rates, and errors of raw and refined skeletons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.io.store import open_store
from skeletor.poses.key_frames import only_key_frames, pose_stride
from skeletor.poses.metrics import PoseErrors, pose_errors
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50

GROUPS = ("all", "body", "left_hand", "right_hand", "hands_relative")


@dataclass(frozen=True)
class Detection:
    """Shares of frames in which a part was found, and the median error of hand key points in palm lengths.

    A hand counts only in frames in which its true root lies in the picture.
    """

    frames: int
    body: float
    left_hand: float
    right_hand: float
    median_error: float


def detection_rates(detected: Mapping[str, PoseSequence], truth: Mapping[str, PoseSequence]) -> Detection:
    """Compare detections with the true 2D (both in pixels) of the same clips, in the frames that were estimated."""
    body: list[np.ndarray] = []
    errors: list[np.ndarray] = []
    hands: dict[str, list[np.ndarray]] = {"left_hand": [], "right_hand": []}
    for name, pose in detected.items():
        true = truth[name].keypoints[:: pose_stride(pose)]
        pose = only_key_frames(pose)
        gone = np.asarray(pose.missing)  # (T, J)
        body.append(np.asarray(~gone[:, :8].any(1)))
        width, height = truth[name].provenance.image_size or (1 << 30, 1 << 30)
        for side, found in hands.items():
            joints = list(SIGNING_50.group(side))
            root, knuckle = true[:, joints[0]], true[:, joints[9]]
            inside = np.asarray(((root >= 0) & (root < (width, height))).all(1))
            seen = np.asarray(~gone[:, joints].any(1))
            found.append(seen[inside])
            # the palm as long as the clip ever shows it: a palm seen end-on is no measure
            palm = np.quantile(np.linalg.norm(knuckle - root, axis=1), 0.95)
            distance = np.linalg.norm(pose.keypoints[:, joints] - true[:, joints], axis=2)
            errors.append((distance[seen & inside] / palm).ravel())
    return Detection(
        frames=sum(len(b) for b in body),
        body=float(np.concatenate(body).mean()),
        left_hand=float(np.concatenate(hands["left_hand"]).mean()),
        right_hand=float(np.concatenate(hands["right_hand"]).mean()),
        median_error=float(np.median(np.concatenate(errors))),
    )


def accuracy(stores: Mapping[str, Path], truth: Path, part: str) -> dict[str, PoseErrors]:
    """Errors of each system's poses (`store/<part>`) against reference poses, in shoulder widths.

    truth: a store of reference poses in any unit (they are normalised first). Only clips that all systems
    have are compared.
    """
    reference = open_store(truth)
    systems = {name: open_store(folder / part) for name, folder in stores.items()}
    names = sorted(set(reference).intersection(*systems.values()))
    true = [_normalised(reference[n]) for n in names]
    return {label: pose_errors([poses[n] for n in names], true) for label, poses in systems.items()}


def _normalised(pose: PoseSequence) -> PoseSequence:
    return pose if pose.provenance.units == "shoulder" else normalise(pose)


def markdown(title: str, errors: Mapping[str, PoseErrors]) -> str:
    """A Markdown table of position and acceleration errors per group of joints, in the units of the errors."""
    head = ["", *(f"MPJPE {g}" for g in GROUPS), *(f"acc. {g}" for g in GROUPS[:4]), "bone jitter"]
    lines = [f"#### {title}", "", "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for label, e in errors.items():
        cells = [*(f"{e.mpjpe[g]:.4f}" for g in GROUPS), *(f"{e.acceleration[g]:.4f}" for g in GROUPS[:4])]
        lines.append("| " + " | ".join([label, *cells, f"{e.bone_jitter:.3f}"]) + " |")
    return "\n".join(lines) + "\n"
