"""Fast lifting: what human bones and joints allow, frame by frame, joined by best paths over time.

Arms: the depth of a bone is what its length leaves over; the forearm comes forward; the elbow goes where the arm bends
as arms do. Hands: `slt.lift.hands`. x and y stay as seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slt.lift import hands
from slt.lift.kinematics import PROPORTIONS
from slt.lift.paths import Layout, best_paths

SHOULDERS, ELBOWS, WRISTS, HANDS = (5, 2), (6, 3), (7, 4), (8, 29)  # left, right
NOSE, NECK = 0, 1


@dataclass(frozen=True)
class Prior:
    """What is known of people before they are seen. Lengths in shoulder widths, angles in radians."""

    nose: float = 0.25  # in front of the neck
    palm: float = 0.25  # root to middle knuckle
    flexion: float = np.radians(105)  # of the elbow, in signing space
    flexion_spread: float = np.radians(35)
    behind: float = 0.35  # spread of how far an elbow goes behind its shoulder, in upper arms
    wrist: float = np.radians(40)  # spread of the angle between forearm and hand
    step: float = 0.15  # spread of a step in depth per frame, in bone lengths
    frames: float = 8.0  # how many frames of evidence the proportions are worth
    finger: float = 0.1  # error of a finger joint, in palms
    smooth: float = 1.0  # frames, of the picture from which depth is taken


def lift(points: np.ndarray, weight: np.ndarray, layout: Layout, prior: Prior) -> np.ndarray:
    """(N, 50, 3) joints from gapless 2D points (N, 50, 2) in shoulder widths.

    weight: (N, 50) confidences, 0 = not seen. layout: which frames belong to one clip.
    """
    assert points.ndim == 3 and points.shape[1:] == (50, 2), points.shape
    calm = layout.smooth(points, weight + 1e-3, prior.smooth)
    z = np.zeros(points.shape[:2], np.float32)
    z[:, NOSE] = prior.nose
    forearm = _arms(calm, weight, z, layout, prior)
    _hands(calm, weight, z, forearm, layout, prior)
    return np.concatenate([points, z[..., None]], 2)


def _lengths(seen: np.ndarray, sure: np.ndarray, expected: float, layout: Layout, prior: Prior) -> np.ndarray:
    """(N,) length of a bone, per clip, from its projections (N, 2 sides): the largest ones, but for outliers.

    Foreshortening only shortens, so a projection that is longer than expected counts fully, a shorter one as evidence
    grows.
    """
    result = np.empty(len(seen), np.float32)
    for part in layout.slices:
        values = seen[part][sure[part]]
        top = float(np.quantile(values, 0.95)) if len(values) else expected
        doubt = prior.frames / (prior.frames + len(values) / 2)
        result[part] = top + doubt * max(expected - top, 0)
    return result


def _arms(
    calm: np.ndarray, weight: np.ndarray, z: np.ndarray, layout: Layout, prior: Prior
) -> np.ndarray:
    """Set elbows and wrists in z; returns the forearms' directions (N, 2, 3)."""
    upper = calm[:, ELBOWS] - calm[:, SHOULDERS]  # (N, 2, 2)
    fore = calm[:, WRISTS] - calm[:, ELBOWS]
    depths, spans = [], []
    for bone, flat, ends in ((2, upper, (SHOULDERS, ELBOWS)), (3, fore, (ELBOWS, WRISTS))):
        seen = np.linalg.norm(flat, axis=2)  # (N, 2)
        sure = np.minimum(weight[:, ends[0]], weight[:, ends[1]]) > 0.3
        length = _lengths(seen, sure, PROPORTIONS[bone], layout, prior)[:, None]
        depths.append(np.sqrt(np.maximum(length**2 - seen**2, 0)))
        spans.append(length)
    (a, b), (u, f) = depths, spans  # (N, 2), (N, 1)
    choice = np.stack([a, -a], 2)  # (N, 2 sides, 2 candidates)
    across = (upper * fore).sum(2)[..., None] + choice * b[..., None]
    flexion = np.arccos(np.clip(across / (u * f)[..., None], -1, 1))
    cost = ((flexion - prior.flexion) / prior.flexion_spread) ** 2
    cost += (np.minimum(choice, 0) / u[..., None] / prior.behind) ** 2
    path = best_paths(cost, choice[..., None] / u[..., None, None], prior.step, layout)
    elbow = np.take_along_axis(choice, path[..., None], 2)[..., 0]  # (N, 2)
    z[:, ELBOWS] = elbow
    z[:, WRISTS] = elbow + b
    return np.concatenate([fore, b[..., None]], 2) / f[..., None]


def _hands(
    calm: np.ndarray, weight: np.ndarray, z: np.ndarray, forearm: np.ndarray, layout: Layout, prior: Prior
) -> None:
    """Set the hands in z."""
    frames = len(calm)
    joints = np.stack([calm[:, h : h + 21] for h in HANDS], 1).reshape(-1, 21, 2)  # (F = 2N, 21, 2)
    trust = np.stack([weight[:, h : h + 21] for h in HANDS], 1).reshape(-1, 21)
    trust = trust + 1e-3
    right = np.tile([False, True], frames)
    relative = (joints[:, 1:] - joints[:, :1]).reshape(-1, 5, 4, 2)
    certain = trust[:, 1:].reshape(-1, 5, 4)
    fit = hands.fit_palms(relative[:, :, 0], certain[:, :, 0])
    size = _palm_size(fit.large.reshape(frames, 2), weight[:, HANDS], layout, prior).repeat(2)  # (F,)
    axes = hands.tilts(fit, size, right)  # (F, 2, 3, 3)
    seen = (relative[:, :, 1:] - relative[:, :, :1]) / size[:, None, None, None]
    fingers = np.empty((len(joints), 2, 5, 3, 3), np.float32)
    cost = np.empty((len(joints), 2), np.float32)
    for k in range(2):
        fingers[:, k], cost[:, k] = hands.fit_fingers(seen, certain[:, :, 1:], axes[:, k], prior.finger)
    along = (axes[..., 1] * forearm.reshape(-1, 1, 3)).sum(2)  # (F, 2) cosine between hand and forearm
    cost += (np.arccos(np.clip(along, -1, 1)) / prior.wrist) ** 2
    path = best_paths(
        cost.reshape(frames, 2, 2), axes[:, :, 2, :2].reshape(frames, 2, 2, 2), 2 * prior.step, layout
    ).reshape(-1)
    pick = np.arange(len(joints))
    knuckles = axes[pick, path, 2, :2] @ hands.bases().T  # (F, 5)
    depth = np.empty((len(joints), 5, 4), np.float32)
    depth[:, :, 0] = knuckles
    depth[:, :, 1:] = knuckles[:, :, None] + fingers[pick, path, ..., 2]
    depth = (depth * size[:, None, None]).reshape(frames, 2, 20)
    for side, root in enumerate(HANDS):
        gap = calm[:, root] - calm[:, WRISTS[side]]
        reach = np.minimum(np.linalg.norm(gap, axis=1), PROPORTIONS[4])
        z[:, root] = z[:, WRISTS[side]] + 0.3 * reach
        z[:, root + 1 : root + 21] = z[:, root, None] + depth[:, side]


def _palm_size(large: np.ndarray, weight: np.ndarray, layout: Layout, prior: Prior) -> np.ndarray:
    """(N,) size of the palm per clip: the median of what is not foreshortened, over both hands, held by the prior."""
    result = np.empty(len(large), np.float32)
    for part in layout.slices:
        values = large[part][weight[part] > 0.3]
        middle = float(np.median(values)) if len(values) else prior.palm
        doubt = prior.frames / (prior.frames + len(values) / 2)
        result[part] = np.exp((1 - doubt) * np.log(max(middle, 0.05)) + doubt * np.log(prior.palm))
    return result
