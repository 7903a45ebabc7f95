"""Fast lifting: depth from what human bones and joints allow, joined over time; all clips of a batch at once.

Shoulders: `skeletor.lifters.kinematic.trunk`, how far the trunk is turned. Arms: a bone has the depth that its length
leaves over; the forearm comes forward, and where the elbow is, is a chain of probabilities over time, from the bone's
length, the usual bend of the arm and continuity. Hands:
`skeletor.lifters.kinematic.hand_depth`, two tilts per palm, weighed in the same way. x and y stay as seen, so that
refinement gets what the detector saw, and pixels can be had back exactly; depth is taken from positions averaged over
about three frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skeletor.lifters.kinematic import hand_depth, trunk
from skeletor.lifters.kinematic.kinematics import PROPORTIONS
from skeletor.lifters.kinematic.side_by_side import Layout, marginals
from skeletor.lifters.kinematic.trunk import SURE

# left, right
SHOULDERS, ELBOWS, WRISTS, HANDS = (5, 2), (6, 3), (7, 4), (8, 29)
NOSE = 0
UPPER_ARM, FOREARM = 2, 3  # in PROPORTIONS
TINY = 1e-6


@dataclass(frozen=True)
class Prior:
    """What is known of people before they are seen. Lengths in shoulder widths, angles in radians.

    nose: in front of the neck. palm: root to middle knuckle. flexion, flexion_spread: of elbows, 0 = straight.
    behind: spread of how far an elbow goes behind its shoulder, in upper arms. step: spread of an elbow's change in
    depth per frame, in upper arms. length_error: of the length of an upper arm, relative. wrist: spread of the angle
    between hand and forearm. turn: spread of the change of a palm's slope per frame. certain: the most that one frame
    can say for or against a tilt, in -2 log likelihood. finger: standard error of a finger's joint, in palms. frames:
    how many frames of evidence the proportions are worth. upper_arm_top, forearm_top, palm_top: quantiles of projected
    lengths that stand for the length: the more often a part lies in the picture's plane, the lower, since detectors
    err towards too long as well as too short. smooth: standard deviation in frames of the average from which depth is
    taken. trunk: of how the trunk turns.

    What is said of arms and the trunk fits captured arms of people who do not sign (`python -m experiments arms`).
    """

    nose: float = 0.25
    palm: float = 0.25
    flexion: float = float(np.radians(60))
    flexion_spread: float = float(np.radians(20))
    behind: float = 0.6
    step: float = 0.1
    length_error: float = 0.04
    wrist: float = float(np.radians(35))
    turn: float = 0.3
    certain: float = 6.0
    finger: float = 0.15
    frames: float = 8.0
    upper_arm_top: float = 0.85
    forearm_top: float = 0.97
    palm_top: float = 0.6
    smooth: float = 1.0
    trunk: trunk.TrunkPrior = field(default_factory=trunk.TrunkPrior)


PRIOR = Prior()
_GRID = np.linspace(-1, 1, 25, dtype=np.float32)  # depths of an elbow, in upper arms


def lift(points: np.ndarray, weight: np.ndarray, layout: Layout, prior: Prior = PRIOR) -> np.ndarray:
    """(N, 50, 3) float32 joints from gapless 2D points (N, 50, 2) in shoulder widths; the neck has z = 0.

    weight: (N, 50) confidences, 0 = not seen. layout: which frames belong to one clip.
    """
    assert points.ndim == 3 and points.shape[1:] == (50, 2), points.shape
    assert weight.shape == points.shape[:2], weight.shape
    points = points.astype(np.float32)
    calm = layout.smooth(points, weight + 1e-3, prior.smooth)
    z = np.zeros(points.shape[:2], np.float32)
    z[:, NOSE] = prior.nose
    turned = trunk.turn(calm, weight, layout, prior.trunk)  # (N,)
    z[:, SHOULDERS] = turned[:, None] * np.array([0.5, -0.5], np.float32)
    forearm = _arms(calm, weight, z, layout, prior)
    _hands(calm, weight, z, forearm, layout, prior)
    return np.concatenate([points, z[..., None]], 2)


def _arms(calm: np.ndarray, weight: np.ndarray, z: np.ndarray, layout: Layout, prior: Prior) -> np.ndarray:
    """Set elbows and wrists in z; returns the unit directions of the forearms (N, 2, 3)."""
    upper = calm[:, ELBOWS] - calm[:, SHOULDERS]  # (N, 2, 2)
    fore = calm[:, WRISTS] - calm[:, ELBOWS]
    sure = weight[:, ELBOWS] > SURE  # (N, 2)
    at_shoulder, at_wrist = sure & (weight[:, SHOULDERS] > SURE), sure & (weight[:, WRISTS] > SURE)
    u = _length(upper, at_shoulder, PROPORTIONS[UPPER_ARM], prior.upper_arm_top, layout, prior)  # (N, 1)
    f = _length(fore, at_wrist, PROPORTIONS[FOREARM], prior.forearm_top, layout, prior)
    forward = np.sqrt(np.maximum(f**2 - (fore**2).sum(2), 0))  # (N, 2)
    left_over = 1 - (upper**2).sum(2) / u**2  # (N, 2) for the square of the depth, in upper arms
    cost = ((_GRID**2 - left_over[..., None]) / (2 * prior.length_error)) ** 2  # (N, 2, G)
    bend = ((upper * fore).sum(2)[..., None] / u[..., None] + _GRID * forward[..., None]) / f[..., None]
    cost += ((np.arccos(np.clip(bend, -1, 1)) - prior.flexion) / prior.flexion_spread) ** 2
    cost += (np.minimum(_GRID, 0) / prior.behind) ** 2
    belief = marginals(cost, ((_GRID[:, None] - _GRID) / prior.step) ** 2, layout)
    z[:, ELBOWS] = z[:, SHOULDERS] + belief @ _GRID * u
    z[:, WRISTS] = z[:, ELBOWS] + forward
    direction = np.concatenate([fore, forward[..., None]], 2)
    unit: np.ndarray = direction / np.maximum(np.linalg.norm(direction, axis=2, keepdims=True), TINY)
    return unit


def _length(
    bones: np.ndarray, sure: np.ndarray, expected: float, quantile: float, layout: Layout, prior: Prior
) -> np.ndarray:
    """(N, 1) length of a bone, one per clip, from its projections (N, 2 sides, 2): a high quantile.

    Foreshortening only shortens: a bone that looks longer than expected counts fully, a shorter one as evidence grows.
    """
    seen = np.linalg.norm(bones, axis=2)
    result = np.empty((len(seen), 1), np.float32)
    for part in layout.slices:
        values = seen[part][sure[part]]
        top = float(np.quantile(values, quantile)) if len(values) else expected
        doubt = prior.frames / (prior.frames + len(values) / 2)
        result[part] = max(top + doubt * max(expected - top, 0), TINY)
    return result


def _hands(
    calm: np.ndarray, weight: np.ndarray, z: np.ndarray, forearm: np.ndarray, layout: Layout, prior: Prior
) -> None:
    """Set the hands in z, from their wrists' depth. Left and right hands alternate on the axis F = 2 N."""
    frames = len(calm)
    fingers = [slice(h + 1, h + 21) for h in HANDS]
    seen = np.stack([calm[:, part] - calm[:, part.start - 1, None] for part in fingers], 1).reshape(-1, 5, 4, 2)
    trust = np.stack([weight[:, part] for part in fingers], 1).reshape(-1, 5, 4) + 1e-3
    right = np.tile([False, True], frames)
    maps = hand_depth.fit_palms(seen[:, 1:, 0], trust[:, 1:, 0])  # (F, 2, 2)
    size = _palm_size(maps.reshape(-1, 2, 2, 2), weight[:, HANDS], layout, prior).repeat(2, 0)  # (F, 2)
    length = size[:, 1]
    slender = size / length[:, None]  # (F, 2) width relative to the standard palm of that length, and 1
    axes = hand_depth.tilts(hand_depth.decompose(maps / slender[:, None]), length, right)  # (F, 2 tilts, 3, 3)

    bent = (seen[:, :, 1:] - seen[:, :, :1]) / length[:, None, None, None]
    both = np.empty((len(seen), 2, 5, 4), np.float32)  # depth of all joints for both tilts, in palms
    cost = np.empty((len(seen), 2), np.float32)
    both[..., 0] = (slender[:, None] * axes[:, :, 2, :2]) @ hand_depth.bases().T
    for k in range(2):
        joints, cost[:, k] = hand_depth.fit_fingers(bent, trust[:, :, 1:], axes[:, k], prior.finger)
        both[:, k, :, 1:] = both[:, k, :, :1] + joints[..., 2]
    along = (axes[..., 1] * forearm.reshape(-1, 1, 3)).sum(2)  # (F, 2) cosine between hand and forearm
    cost += (np.arccos(np.clip(along, -1, 1)) / prior.wrist) ** 2
    cost = np.minimum(cost - cost.min(1, keepdims=True), prior.certain)

    slope = axes[:, :, 2, :2].reshape(frames, 2, 2, 2)  # (N, 2 hands, 2 tilts, 2)
    turned = slope[:, :, None] - slope[layout.neighbour(-1)][:, :, :, None]  # (N, 2, from, to, 2)
    belief = marginals(cost.reshape(frames, 2, 2), (turned**2).sum(-1) / prior.turn**2, layout)
    depth = np.einsum("ft,ftkj->fkj", belief.reshape(-1, 2), both) * length[:, None, None]
    depth = depth.reshape(frames, 2, 20)
    for side, root in enumerate(HANDS):
        z[:, root] = z[:, WRISTS[side]]  # the same place, found by two detectors
        z[:, root + 1 : root + 21] = z[:, root, None] + depth[:, side]


def _palm_size(maps: np.ndarray, weight: np.ndarray, layout: Layout, prior: Prior) -> np.ndarray:
    """(N, 2) width and length of the palms in units of the standard palm, per clip, over both hands.

    maps: (N, 2 hands, 2, 2) from the palm's plane to the picture; weight: (N, 2).
    """
    result = np.empty((len(maps), 2), np.float32)
    sides = np.linalg.norm(maps, axis=2)  # (N, 2 hands, 2)
    for part in layout.slices:
        values = sides[part][weight[part] > SURE]  # (n, 2)
        doubt = prior.frames / (prior.frames + len(values) / 2)
        top = np.quantile(values, prior.palm_top, axis=0) if len(values) else np.full(2, prior.palm)
        top = np.maximum(top, 0.05)
        length = top[1] ** (1 - doubt) * prior.palm**doubt
        result[part] = length * np.clip((top[0] / top[1]) ** (1 - doubt), 0.8, 1.3), length
    return result
