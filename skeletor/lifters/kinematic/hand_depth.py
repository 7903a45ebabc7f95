"""Depth of the hands, from a rigid palm under orthographic projection and fingers that bend only one way.

A plane seen without perspective has two possible tilts (Necker reversal): towards the camera or away from it. Both are
kept as candidates. For each of them the fingers are compared with a fixed sample of finger poses within the limits of
human joints; the mean of the sample, weighted by likelihood, is the estimate. A finger cannot bend backwards, so the
wrong tilt fits worse; the range of the wrist and continuity over time decide the rest.

Axes of a hand: x to the thumb's side, y along the fingers, z out of the palm. Unit: root to middle knuckle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

POSES = 256  # sampled poses per finger
# Root to the first joint of thumb, index, middle, ring, little: length, and angle towards the thumb in degrees.
# Proportions after Buryanov and Kotiuk, Int. J. Morphol. 28(3), 2010.
_RAYS = np.array([[0.39, 48], [0.97, 15], [1.0, 2], [0.95, -10], [0.89, -22]])
_SEGMENTS = np.array(
    [[0.47, 0.35, 0.28], [0.44, 0.26, 0.23], [0.49, 0.31, 0.24], [0.45, 0.30, 0.24], [0.36, 0.21, 0.21]]
)  # (5, 3) the bones beyond it
_OPPOSITION = np.array([-0.9, 0.0, 0.43])  # where a bent thumb points: across the palm, a little out of it


@lru_cache(maxsize=1)
def bases() -> np.ndarray:
    """(5, 2) first joints of the fingers, thumb first, in the palm's plane; unit: root to middle knuckle."""
    angle = np.radians(_RAYS[:, 1])
    first: np.ndarray = (_RAYS[:, :1] * np.stack([np.sin(angle), np.cos(angle)], 1)).astype(np.float32)
    return first


@lru_cache(maxsize=1)
def finger_poses() -> np.ndarray:
    """(5, E, 3, 3) the three joints beyond a finger's first one, relative to it: finger, pose, joint, axis.

    Drawn once, with a fixed seed, from the ranges of human joints: knuckles -15..95 degrees, middle joints -3..110, end
    joints about two thirds of that, fingers spread by about 9; thumbs about 45 to the side and 28 out of the plane.
    """
    rng = np.random.default_rng(2020)
    poses = np.empty((5, POSES, 3, 3), np.float32)
    for finger in range(5):
        if finger == 0:
            azimuth, elevation = rng.normal(45, 18, POSES), rng.normal(28, 18, POSES)
            bend = np.stack([np.zeros(POSES), rng.uniform(-5, 55, POSES), rng.uniform(-15, 60, POSES)], 1)
            first = _unit(azimuth, elevation)  # (E, 3)
            towards = _OPPOSITION - (first @ _OPPOSITION)[:, None] * first
            towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        else:
            knuckle, middle = rng.uniform(-15, 95, POSES), rng.uniform(-3, 110, POSES)
            end = np.clip(middle * 0.65 + rng.normal(0, 12, POSES), -10, 80)
            bend = np.stack([knuckle, middle, end], 1)
            first = _unit(0.4 * _RAYS[finger, 1] + rng.normal(0, 9, POSES), np.zeros(POSES))
            towards = np.broadcast_to(np.array([0.0, 0.0, 1.0]), first.shape)
        turn = np.radians(bend.cumsum(1))[..., None]  # (E, 3, 1)
        bones = (np.cos(turn) * first[:, None] + np.sin(turn) * towards[:, None]) * _SEGMENTS[finger][:, None]
        poses[finger] = bones.cumsum(1)
    poses.setflags(write=False)
    return poses


def _unit(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    side, up = np.radians(azimuth), np.radians(elevation)
    return np.stack([np.cos(up) * np.sin(side), np.cos(up) * np.cos(side), np.sin(up)], 1)


@dataclass(frozen=True)
class Maps:
    """(F, 2, 2) affine maps from the palm's plane to the picture, and their singular values and vectors.

    large, small: (F,). kept: (F, 2) the direction in the plane that is mapped with `large`.
    """

    maps: np.ndarray
    large: np.ndarray
    small: np.ndarray
    kept: np.ndarray


def fit_palms(knuckles: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F, 2, 2) least squares maps from the palm's plane to the picture.

    knuckles: (F, 4, 2) of index to little, relative to the root, weight (F, 4). The thumb's first joint moves too much.
    """
    plane = bases()[1:]
    gram = np.einsum("fk,ki,kj->fij", weight, plane, plane) + 1e-4 * np.eye(2, dtype=np.float32)
    fitted: np.ndarray = np.einsum("fk,fkc,ki->fci", weight, knuckles, plane) @ np.linalg.inv(gram)
    return fitted


def decompose(maps: np.ndarray) -> Maps:
    """Singular values and vectors of maps (F, 2, 2), in closed form."""
    xx, yy = (maps**2).sum(1).T
    xy = (maps[:, :, 0] * maps[:, :, 1]).sum(1)
    reach = np.hypot((xx - yy) / 2, xy)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    large, small = (np.sqrt(np.maximum((xx + yy) / 2 + side * reach, 1e-12)) for side in (1, -1))
    return Maps(maps, large, small, np.stack([np.cos(angle), np.sin(angle)], 1))


def tilts(fit: Maps, size: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(F, 2, 3, 3) columns x, y, z of the hand for both tilts; size (F,) of the palms if seen flat, right (F,) bool."""
    cosine = np.minimum(fit.small / size, 1)  # (F,)
    sine = np.sqrt(1 - cosine**2)
    v1 = fit.kept
    v2 = np.stack([-v1[:, 1], v1[:, 0]], 1)  # the foreshortened direction
    u1 = (fit.maps @ v1[..., None])[..., 0] / fit.large[:, None]
    turned = np.where(np.linalg.det(fit.maps) >= 0, 1, -1)[:, None]
    u2 = np.stack([-u1[:, 1], u1[:, 0]], 1) * turned
    axes = np.empty((len(size), 2, 3, 3), np.float32)
    axes[:, :, :2, :2] = (u1[:, :, None] * v1[:, None] + (cosine[:, None] * u2)[:, :, None] * v2[:, None])[:, None]
    axes[:, 0, 2, :2] = sine[:, None] * v2
    axes[:, 1, 2, :2] = -sine[:, None] * v2
    # y down and z towards the camera make a left-handed space, so the cross product is out of a left palm.
    out = np.cross(axes[..., 0], axes[..., 1])  # (F, 2, 3)
    axes[..., 2] = np.where(right[:, None, None], -out, out)
    return axes


def fit_fingers(seen: np.ndarray, weight: np.ndarray, axes: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the sampled poses, weighted by how well they explain the picture.

    seen: (F, 5, 3, 2) joints relative to the finger's first one, in palms; weight: (F, 5, 3) in [0, 1];
    axes: (F, 3, 3); sigma: standard error of a joint, in palms. Returns the joints (F, 5, 3, 3) relative to the
    finger's first one, and -2 log evidence (F,) up to a constant of the frame.
    """
    frames = len(seen)
    poses = finger_poses()
    outer = (poses[..., :, None] * poses[..., None, :]).reshape(5, POSES, 27)
    flat = poses.reshape(5, POSES, 9)
    view = axes[:, :2]  # (F, 2, 3)
    gram = view.transpose(0, 2, 1) @ view  # (F, 3, 3)
    share = (weight / sigma**2).astype(np.float32)
    linear = (share[..., None] * (seen @ view[:, None])).reshape(frames, 5, 9)
    square = (share[..., None, None] * gram[:, None, None]).reshape(frames, 5, 27)
    joints = np.empty((frames, 5, 3, 3), np.float32)
    cost = np.zeros(frames, np.float32)
    for finger in range(5):
        # |seen - view pose|^2 without |seen|^2, for all poses at once
        error = square[:, finger] @ outer[finger].T  # (F, E)
        error -= 2 * (linear[:, finger] @ flat[finger].T)
        best = error.min(1, keepdims=True)
        error -= best
        mass = np.exp(error * np.float32(-0.5))
        total = mass.sum(1, keepdims=True)
        joints[:, finger] = ((mass @ flat[finger]) / total).reshape(frames, 3, 3)
        cost += best[:, 0] - 2 * np.log(total[:, 0])
    return joints @ axes.transpose(0, 2, 1)[:, None], cost
