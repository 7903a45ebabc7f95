"""A synthetic signer whose joints are known, and files of it as the field's tools lay out their points."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pose_format import Pose, PoseHeader
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeaderComponent, PoseHeaderDimensions

from skeletor.io.layouts import Layout
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75

Joints = dict[str, np.ndarray]

# In shoulder widths from the middle of the shoulders, x to the signer's left, y down.
_BODY = {
    "nose": (0.02, -0.6), "neck": (0, 0), "mid_hip": (0, 1.5), "shoulder": (0.5, 0), "elbow": (0.7, 0.75),
    "wrist": (0.35, 0.9), "hip": (0.3, 1.5), "knee": (0.32, 2.5), "ankle": (0.33, 3.4), "eye": (0.09, -0.68),
    "ear": (0.18, -0.62), "big_toe": (0.4, 3.6), "small_toe": (0.45, 3.58), "heel": (0.32, 3.5),
    "eye_inner": (0.05, -0.68), "eye_outer": (0.12, -0.68), "mouth": (0.06, -0.45), "pinky": (0.3, 1.05),
    "index": (0.25, 1.05), "thumb": (0.28, 1.0), "foot_index": (0.42, 3.6),
}  # fmt: skip


def signer(
    frames: int = 12,
    centre: tuple[float, float] = (110.0, 100.0),
    width: float = 60.0,
    moves: float = 0.4,
    seed: int = 0,
) -> Joints:
    """Joint -> (T, 2) in pixels of somebody who faces the camera; moves: how far the hands go, in shoulder widths."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / 4
    joints = {}
    for joint in dict.fromkeys((*BODY25_HANDS.joints[:25], *MEDIAPIPE_75.joints[:33])):
        words = joint.split("_")
        turned = {"left": 1, "right": -1}.get(next((w for w in words if w in ("left", "right")), ""), 0)
        x, y = _BODY["_".join(w for w in words if w not in ("left", "right"))]
        joints[joint] = np.tile(np.array([turned * x if turned else x, y]), (frames, 1))
    for side, sign in (("left", 1), ("right", -1)):
        path = moves * np.stack([np.sin(time + sign), -np.abs(np.cos(time * 1.3))], 1)
        joints[f"{side}_wrist"] = joints[f"{side}_wrist"] + path
        joints[f"{side}_elbow"] = joints[f"{side}_elbow"] + path / 2
        joints[f"{side}_hand_root"] = joints[f"{side}_wrist"] + 0.01
        for k, joint in enumerate(BODY25_HANDS.joints[26:46]):
            finger, place = divmod(k, 4)
            offset = np.array([sign * (0.1 - 0.05 * finger), 0.1 + 0.08 * place])
            joints[joint.replace("left", side)] = joints[f"{side}_wrist"] + offset
    noise = 0.004 * width
    return {j: np.asarray(centre) + width * v + rng.normal(0, noise, v.shape) for j, v in joints.items()}


def in_layout(joints: Joints, layout: Layout, seed: int = 0) -> np.ndarray:
    """(T, N, 2) of the layout's points; where we have no joint (faces), points around the nose."""
    rng = np.random.default_rng(seed)
    frames = len(joints["nose"])
    values = joints["nose"][:, None] + rng.normal(0, 4, (frames, len(layout), 2))
    for place, joint in enumerate(layout.order):
        if joint is not None:
            values[:, place] = joints[joint]
    if layout.name in ("body_25b", "body_135"):
        values[:, 17] = joints["neck"] - [0, 12]  # the upper neck
    return values


def flat(points: np.ndarray, score: float = 0.9) -> list[float]:
    """x, y, score, ... of (N, 2) points; NaN becomes 0, 0, 0."""
    return [float(v) for x, y in points for v in ((x, y, score) if np.isfinite(x) else (0.0, 0.0, 0.0))]


def person(joints: Joints, t: int = 0, layout: Layout | None = None, **parts: object) -> dict[str, object]:
    """A frame's person as OpenPose's JSON has it; hands in lists of their own unless the layout holds them."""
    if layout is None:
        body = np.stack([joints[j][t] for j in BODY25_HANDS.joints[:25]])
    else:
        body = in_layout(joints, layout)[t]
    hands = {
        side: [joints[j.replace("left", side)][t] for j in BODY25_HANDS.joints[25:46]] for side in ("left", "right")
    }
    inside = layout is not None and any(joint and "hand" in joint for joint in layout.order)
    return {
        "person_id": [-1],
        "pose_keypoints_2d": flat(body),
        "face_keypoints_2d": [],
        **{f"hand_{side}_keypoints_2d": [] if inside else flat(np.stack(hand)) for side, hand in hands.items()},
    } | parts


def write_json(folder: Path, number: int, people: Sequence[object], name: str = "clip") -> None:
    """A frame as OpenPose writes it."""
    folder.mkdir(exist_ok=True)
    text = json.dumps({"version": 1.3, "people": people})
    (folder / f"{name}_{number:012d}_keypoints.json").write_text(text)


def write_pose_file(
    path: Path,
    components: Mapping[str, Sequence[str]],
    values: np.ndarray,
    size: tuple[int, int] = (220, 260),
    fps: float = 25.0,
) -> None:
    """A `.pose` file as pose-format writes it. values: (T, P, N, D), NaN where missing."""
    form = "XYC" if values.shape[3] == 2 else "XYZC"
    parts = [PoseHeaderComponent(name, list(points), [], [], form) for name, points in components.items()]
    gone = ~np.isfinite(values[..., 0])
    data = np.where(gone[..., None], 0, values).astype(np.float32)
    with open(path, "wb") as file:
        header = PoseHeader(0.2, PoseHeaderDimensions(*size, 0), parts)
        Pose(header, NumPyPoseBody(fps, data, np.where(gone, 0, 0.9).astype(np.float32))).write(file)
