"""Files of key points of every kind that is read, with values that are all different, so that a shift is seen."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50

FRAMES = 12
NAMES = ("first", "second")
# Where a person's joints are, in shoulder widths around the neck: x to the right of the picture, y down.
_BODY = {"nose": (0, -0.6), "neck": (0, 0), "right_shoulder": (-0.5, 0), "right_elbow": (-0.6, 0.8),
         "right_wrist": (-0.3, 1.0), "left_shoulder": (0.5, 0), "left_elbow": (0.6, 0.8),
         "left_wrist": (0.3, 1.0)}  # fmt: skip


@dataclass(frozen=True)
class Original:
    """A sound file. spans: bytes (start, stop) of each frame, where a frame lies in one piece.

    For a folder of frames `content` is that of one file, `others` are the rest, by name.
    """

    suffix: str
    content: bytes
    spans: tuple[tuple[int, int], ...] = ()
    text: bool = False
    name: str = ""
    others: tuple[tuple[str, bytes], ...] = ()


def person(rng: np.random.Generator, frames: int = FRAMES, dims: int = 3) -> np.ndarray:
    """(T, 50, D) in shoulder widths: someone whose hands move; all numbers differ."""
    rest = np.zeros((50, 3))
    for joint, place in _BODY.items():
        rest[SIGNING_50.index(joint), :2] = place
    for side in ("right", "left"):
        hand = list(SIGNING_50.group(f"{side}_hand"))
        wrist = rest[SIGNING_50.index(f"{side}_wrist")]
        fingers = np.array(
            [[0, 0, 0], *([0.05 * f - 0.1, -0.06 * k - 0.05, 0.02 * k] for f in range(5) for k in range(4))]
        )
        rest[hand] = wrist + fingers
    phase = 2 * np.pi * np.arange(frames)[:, None, None] / max(frames, 2)
    sway = 0.15 * np.sin(phase + rng.uniform(0, 6, (1, 1, 3)))
    moving = np.ones((50, 1))
    moving[[SIGNING_50.index(j) for j in ("nose", "neck", "right_shoulder", "left_shoulder")]] = 0.02
    points = rest + sway * moving + rng.uniform(-0.004, 0.004, (frames, 50, 3))
    return points[..., :dims].astype(np.float32)


def pixels(rng: np.random.Generator, frames: int = FRAMES) -> np.ndarray:
    """(T, 50, 2) in a picture of 640 x 480."""
    points: np.ndarray = person(rng, frames, 2) * 110 + np.array([320, 180], np.float32)
    return points.astype(np.float32)


def pose_2d(rng: np.random.Generator, frames: int = FRAMES, name: str = "clip") -> PoseSequence:
    """A clip as an estimator gives it."""
    points = pixels(rng, frames)
    confidence = rng.uniform(0.6, 0.99, points.shape[:2]).astype(np.float32)
    return PoseSequence(
        points, confidence, 25.0, SIGNING_50, Provenance(name, "", "mediapipe", "", (640, 480), "pixel")
    )


def pose_3d(rng: np.random.Generator, frames: int = FRAMES, name: str = "clip") -> PoseSequence:
    """A clip as a lifter gives it."""
    points = person(rng, frames)
    return PoseSequence(
        points, np.ones(points.shape[:2], np.float32), 25.0, SIGNING_50, Provenance(name, units="shoulder")
    )


@lru_cache(maxsize=64)
def original(reader: str, variant: int, seed: int) -> Original:
    """The sound file of a reader; variants are other ways to write it."""
    return MAKERS[reader](np.random.default_rng([seed, variant]), variant)


def _with_spans(suffix: str, content: bytes, rows: np.ndarray, text: bool = False) -> Original:
    """rows: (T, ...) as they stand in the content."""
    spans = []
    for row in rows:
        data = np.ascontiguousarray(row).tobytes()
        start = content.find(data[:16])
        if start >= 0:
            spans.append((start, start + len(data)))
    return Original(suffix, content, tuple(spans), text)


def _native(rng: np.random.Generator, variant: int) -> Original:
    from skeletor.io import native

    clips = {name: pose_2d(rng, name=name) for name in NAMES}
    buffer = _written(lambda path: native.write_shard(clips, path), ".safetensors")
    return _with_spans(".safetensors", buffer, clips["first"].keypoints)


def _pose(rng: np.random.Generator, variant: int) -> Original:
    from skeletor.io import pose_format

    clip = pose_2d(rng).to_skeleton(BODY25_HANDS) if variant % 2 else _holistic(rng)
    buffer = _written(lambda path: pose_format.write_pose(clip, path), ".pose")
    return _with_spans(".pose", buffer, np.nan_to_num(clip.keypoints))


def _holistic(rng: np.random.Generator) -> PoseSequence:
    """The same person with joints that no layout knows."""
    pose = pose_2d(rng)
    return PoseSequence(pose.keypoints, pose.confidence, pose.fps, SIGNING_50, pose.provenance)


def _skels(rng: np.random.Generator, variant: int) -> Original:
    lines = []
    for _ in NAMES:
        points = person(rng)[:, list(SIGNING_50.mirror)].reshape(FRAMES, -1) / 3
        rows = (" ".join(f"{v:.5f}" for v in row) + f" {t / FRAMES:.4f}" for t, row in enumerate(points))
        lines.append(" ".join(rows) + "\n")
    content = "".join(lines).encode()
    spans, at = [], 0
    for _ in range(FRAMES):
        start = at
        for _ in range(151):
            at = min(p for p in (content.find(b" ", at), content.find(b"\n", at)) if p >= 0) + 1
        spans.append((start, at))
    return Original(".skels", content, tuple(spans[:-1]), text=True)


def _h5(rng: np.random.Generator, variant: int) -> Original:
    import h5py

    buffer = io.BytesIO()
    options: list[dict[str, Any]] = [{}, {"chunks": (4, 150), "compression": "gzip"}, {"chunks": (6, 150)}]
    first: np.ndarray = np.zeros(0)
    with h5py.File(buffer, "w", libver="latest" if variant % 2 else "earliest") as file:
        for name in NAMES:
            rows = np.concatenate([pixels(rng), rng.uniform(0.5, 1, (FRAMES, 50, 1))], 2).reshape(FRAMES, 150)
            rows = rows.astype(np.float32 if variant % 4 < 2 else np.float64)
            first = first if first.size else rows
            file.create_dataset(name, data=rows, **options[variant % 3])
    return _with_spans(".h5", buffer.getvalue(), first)


def _pt(rng: np.random.Generator, variant: int) -> Original:
    import torch

    values: dict[str, Any] = {}
    for name in NAMES:
        points = np.zeros((FRAMES, 178, 3), np.float32)
        signing = person(rng)
        order = [2, 3, 4, 5, 6, 7, 2, 5, *SIGNING_50.group("right_hand"), *SIGNING_50.group("left_hand")]
        points[:, :50] = signing[:, order] + rng.uniform(-0.001, 0.001, (FRAMES, 50, 3)).astype(np.float32)
        points[:, 6:8, 1] += 2  # hips
        points[:, [2, 5, *range(8, 50)], 2] += 0.4  # hands before the body, which tells where the camera is
        points[:, 50:] = rng.uniform(-0.3, 0.3, (FRAMES, 128, 3))
        tensor = torch.from_numpy(points)
        plain = variant % 2 == 0
        values[name] = (
            {"name": name, "text": "ein satz .", "gloss": "SATZ", "speaker": "S", "poses_3d": tensor}
            if plain
            else tensor
        )
    buffer = io.BytesIO()
    torch.save(values, buffer, _use_new_zipfile_serialization=variant % 4 < 2)
    first = values["first"]
    return _with_spans(".pt", buffer.getvalue(), (first if not isinstance(first, dict) else first["poses_3d"]).numpy())


def _openpose(rng: np.random.Generator, variant: int) -> Original:
    frames = FRAMES // 2
    pose = pose_2d(rng, frames).to_skeleton(BODY25_HANDS)
    files = []
    for t in range(frames):
        rows = np.concatenate([np.nan_to_num(pose.keypoints[t]), pose.confidence[t][:, None]], 1)
        parts = {
            "pose_keypoints_2d": rows[:25],
            "hand_left_keypoints_2d": rows[25:46],
            "hand_right_keypoints_2d": rows[46:67],
        }
        someone = {"person_id": [-1], "face_keypoints_2d": []} | {
            key: [round(float(v), 3) for v in part.ravel()] for key, part in parts.items()
        }
        content = json.dumps({"version": 1.3, "people": [someone]}).encode()
        files.append((f"clip_{t:012d}_keypoints.json", content))
    k = variant % frames
    return Original("", files[k][1], (), True, files[k][0], tuple(f for f in files if f != files[k]))


def _npz(rng: np.random.Generator, variant: int) -> Original:
    moving = rng.normal(size=(FRAMES, 38, 3)).astype(np.float32)
    arrays: dict[str, Any] = {
        "parent": np.arange(38),
        "offset": np.zeros((38, 3)),
        "test_wave": moving,
        "train_swing": moving + 1,
    }
    buffer = io.BytesIO()
    (np.savez, np.savez_compressed)[variant % 2](buffer, **arrays)
    return _with_spans(".npz", buffer.getvalue(), moving)


def _arrays(rng: np.random.Generator, variant: int) -> Original:
    """MediaPipe's 75 points, (T, 75, 2 to 4): an archive of two, one of clips beside each other or after each other, or
    one alone."""
    arrays = [_mediapipe(rng, 2 + variant % 3) for _ in NAMES]
    buffer = io.BytesIO()
    if variant % 4 == 3:
        np.save(buffer, arrays[0])
        return _with_spans(".npy", buffer.getvalue(), arrays[0])
    members: dict[str, Any] = dict(zip(NAMES, arrays, strict=True))
    if variant % 4 == 1:
        members = {"clips": np.stack(arrays), "labels": np.arange(2)}
    if variant % 4 == 2:
        members = {"points": np.concatenate(arrays), "length": np.full(2, FRAMES)}
    (np.savez, np.savez_compressed)[variant // 4 % 2](buffer, **members, fps=np.float64(25))
    return _with_spans(".npz", buffer.getvalue(), arrays[0])


def _mediapipe(rng: np.random.Generator, dims: int) -> np.ndarray:
    """(T, 75, D): x and y in pixels, then visibility, or depth and visibility."""
    from skeletor.io.layouts import layout_named

    points = rng.uniform(0.2, 0.9, (FRAMES, 75, dims)).astype(np.float32)
    signing = pixels(rng)
    points[..., :2] = signing[:, :1] + rng.uniform(-9, 9, (FRAMES, 75, 2))  # a face, where nothing else is
    points[:, 23:33, 1] += 300  # hips and legs
    for joint, column in layout_named("mediapipe_75").columns.items():
        if joint in SIGNING_50.joints:
            points[:, column, :2] = signing[:, SIGNING_50.index(joint)]
    return points


def _written(write: Callable[[Path], None], suffix: str) -> bytes:
    """What a writer that wants a path writes."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        write(path)
        return path.read_bytes()


MAKERS: dict[str, Callable[[np.random.Generator, int], Original]] = {
    "safetensors": _native, "pose": _pose, "skels": _skels, "h5": _h5, "pt": _pt, "openpose": _openpose,
    "npz": _npz, "npz of arms": _npz, "arrays": _arrays,
}  # fmt: skip
