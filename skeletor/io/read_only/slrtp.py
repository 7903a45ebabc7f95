"""`.pt` files of the SLRTP 2025 sign production challenge (Walsh et al. 2025): 178 joints in 3D, 25 fps; read only.

A dict, name -> {"name", "text", "gloss", "speaker", "poses_3d" (T, 178, 3)}, or name -> (T, 178, 3) as the challenge's
predictions are. The first 50 joints are those of the authors' own list (github.com/walsharry/
SLRTP_Skeleton_Keypoint_information, keypoint_def.py): shoulder, elbow, wrist of the right, then of the left arm, right
and left hip, 21 of the right, 21 of the left hand. The other 128, a face without a nose tip, are dropped.
The list says nothing of the axes, so they are told by the body: the signer faces us, hips (wrists, in a layout without
hips) are below shoulders, and wrists are in front of them, in the median of the file's first clips.
Read by `skeletor.files.read_only.torch_files`: tensors, text and numbers, never another pickle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.outside import checked_fps, reading
from skeletor.files.read_only.torch_files import load_torch
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord, file_sha256
from skeletor.poses.skeleton import SIGNING_50, Skeleton
from skeletor.support.errors import InputError
from skeletor.support.progress import log

WHAT = ".pt file of poses"
FPS = 25.0
JOINTS = 178
_DEPTH = 0.02  # of the shoulders' width: less between shoulders and wrists tells no direction
_SAMPLE = 50  # clips by which the axes are told


def _skeleton() -> Skeleton:
    sides = ("right", "left")
    body = [f"{side}_{part}" for side in sides for part in ("shoulder", "elbow", "wrist")] + ["right_hip", "left_hip"]
    hands = [SIGNING_50.joints[j] for side in sides for j in SIGNING_50.group(f"{side}_hand")]
    inside = (-1, *(0 if k == 0 else 4 * f + k for f in range(5) for k in range(4)))
    right, left = ([wrist if p < 0 else start + p for p in inside] for wrist, start in ((2, 8), (5, 29)))
    return Skeleton(
        name="slrtp_50",
        joints=(*body, *hands),
        parents=(-1, 0, 1, 0, 3, 4, 0, 3, *right, *left),
        pairs=((3, 0), (4, 1), (5, 2), (7, 6), *((29 + k, 8 + k) for k in range(21))),
        groups=(
            ("body", tuple(range(8))),
            ("right_hand", tuple(range(8, 29))),
            ("left_hand", tuple(range(29, 50))),
        ),
    )


SLRTP_50 = _skeleton()


class Clips(Mapping[str, PoseSequence]):
    """The clips of one file by name, in its order; a bad clip is an InputError when it is asked for.

    joints: what the file's joints are called, in order, where it is not the challenge's 178; a name that SIGNING_50
    does not have is left out.
    """

    def __init__(self, path: Path | str, fps: float | None = None, joints: tuple[str, ...] | None = None) -> None:
        self.path = Path(path)
        self.fps = FPS if fps is None else checked_fps(self.path, fps)
        self._values = _load(self.path)
        self._width = JOINTS if joints is None else len(joints)
        self._skeleton, self._columns = (SLRTP_50, list(range(50))) if joints is None else _named(joints, self.path)
        self._sha256 = file_sha256(self.path)
        self._signs = self._axes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> PoseSequence:
        points = self._points(name) * self._signs
        provenance = Provenance(name, self._sha256, "slrtp", units="unknown").then(
            StageRecord("axes", config={"signs": self._signs.tolist()})
        )
        with reading(self.path, WHAT):
            return PoseSequence(points, ~np.isnan(points[..., 0]), self.fps, self._skeleton, provenance)

    def texts(self) -> dict[str, str]:
        """Clip name -> its sentence; clips without one are left out."""
        found = {name: value.get("text") for name, value in self._values.items() if isinstance(value, Mapping)}
        return {name: text for name, text in found.items() if isinstance(text, str) and text.strip()}

    def _points(self, name: str) -> np.ndarray:
        """(T, J, 3) of a clip with the file's axes; a frame of zeros, and a joint with no number, are missing."""
        import torch

        value = self._values[name]
        tensor = value.get("poses_3d") if isinstance(value, Mapping) else value
        where = f"{self.path}: clip {name!r}"
        if not isinstance(tensor, torch.Tensor):
            raise InputError(f"{where} has no tensor poses_3d")
        if tensor.ndim != 3 or tensor.shape[1:] != (self._width, 3) or not tensor.is_floating_point():
            shape = tuple(tensor.shape)
            raise InputError(
                f"{where} has shape {shape} of {tensor.dtype}, expected (frames, {self._width}, 3) of floats; name the "
                "joints of another layout with --joints"
            )
        with reading(self.path, WHAT):
            points = tensor.detach().float().numpy()[:, self._columns].copy()  # (T, J, 3)
        points[(points == 0).all((1, 2))] = np.nan
        points[~np.isfinite(points).all(2)] = np.nan
        return points

    def _axes(self) -> np.ndarray:
        """(3,) signs that turn the file's axes into ours: x to the right of the picture, y down, z to the camera."""
        parts = {"shoulder": [], "hip": [], "wrist": []}  # type: dict[str, list[np.ndarray]]
        for name in list(self._values)[:_SAMPLE]:
            try:
                points = self._points(name)
            except InputError:  # told when the clip itself is read
                continue
            for part, found in parts.items():
                joints = [f"{side}_{part}" for side in ("right", "left")]
                if all(joint in self._skeleton.joints for joint in joints):
                    found.append(points[:, [self._skeleton.index(joint) for joint in joints]])  # (T, 2, 3)
        if not parts["shoulder"]:
            return np.ones(3, np.float32)  # no clip is sound, or nothing is known of the layout
        across = _median(parts["shoulder"], lambda p: p[:, 1] - p[:, 0])[0]
        centre = _median(parts["shoulder"], lambda p: p.mean(1))
        below = parts["hip"] or parts["wrist"]
        down = (_median(below, lambda p: p.mean(1)) - centre)[1] if below else 1.0
        front = (_median(parts["wrist"], lambda p: p.mean(1)) - centre)[2] if parts["wrist"] else 1.0
        if abs(front) < _DEPTH * abs(across):
            log.warning("%s: the hands lie as deep as the shoulders; which way its depth points is a guess", self.path)
        return np.array([-1.0 if value < 0 else 1.0 for value in (across, down, front)], np.float32)


def read_all(path: Path, fps: float | None) -> Mapping[str, PoseSequence]:
    """All clips of a file by name, 3D. fps: the rate to give them instead of 25 frames per second.

    Raises InputError if the file is none of this format; a bad clip raises it when it is asked for.
    """
    return Clips(path, fps)


def _load(path: Path) -> dict[str, Any]:
    values = load_torch(path, WHAT)
    if not isinstance(values, dict) or not values or not all(isinstance(name, str) for name in values):
        raise InputError(f"{path}: expected a dict of clips by name; save other tensors as arrays in an .npz")
    tensors = [value.get("poses_3d") if isinstance(value, Mapping) else value for value in values.values()]
    sizes = [getattr(tensor, "nbytes", 0) for tensor in tensors]
    if sum(sizes) > path.stat().st_size:
        raise InputError(f"{path}: its clips share their values, and would need more memory than the file has bytes")
    return values


def _named(joints: tuple[str, ...], path: Path) -> tuple[Skeleton, list[int]]:
    """SIGNING_50's joints, and hips, that a file with these joints has, and its columns for them."""
    known = {*SIGNING_50.joints, "right_hip", "left_hip"}
    columns = [k for k, joint in enumerate(joints) if joint in known]
    names = tuple(joints[k] for k in columns)
    if len(set(names)) < len(names) or not {"left_shoulder", "right_shoulder"} <= set(names):
        raise InputError(f"{path}: its joints must name each joint once, left_shoulder and right_shoulder among them")
    group = tuple(range(len(names)))
    return Skeleton(f"points_{len(joints)}", names, (-1,) * len(names), (), (("body", group),)), columns


def _median(parts: list[np.ndarray], of: Any) -> np.ndarray:
    """(3,) median over all frames of a function of (T, 2, 3); 0 where there is nothing."""
    values = np.concatenate([of(part) for part in parts])  # (T, 3)
    values = values[np.isfinite(values).all(1)]
    return np.median(values, 0) if len(values) else np.zeros(3)
