"""Zelinka's inverse kinematics, exactly: gradient descent on bone lengths, bone directions and the root.

Source: J. Zelinka and J. Kanis, "Neural Sign Language Synthesis: Words Are Our Glosses", WACV 2020, and the
published 3DposeEstimator. Arrays here are (T, 50, 3) = x, y, confidence of SIGNING_50, a missing joint being
(0, 0, 0). These functions keep the defects that define the method: step sizes depend on the length of the clip, the
median projection is taken for the length of a bone, and a bone that is never seen has no length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeletor.lifters.kinematic.kinematics import (
    BONES,
    CHILDREN,
    JOINTS,
    LENGTH_IDS,
    LENGTHS,
    PARENTS,
    incidence,
    levels,
)

LENGTH_WEIGHT = 0.001
TRAJECTORY_WEIGHT = 0.1
RATE = 0.1
CYCLES = 1000


@dataclass(frozen=True)
class Unknowns:
    """What is optimised. log_lengths: (25,). root: (T, 3). directions: (T, 49, 3), of any norm above 0."""

    log_lengths: np.ndarray
    root: np.ndarray
    directions: np.ndarray


@dataclass(frozen=True)
class Objective:
    """E = reprojection + 0.001 lengths + 0.1 trajectory, the three terms before weighting."""

    reprojection: float
    lengths: float
    trajectory: float

    @property
    def total(self) -> float:
        """E, the weighted sum of the three terms."""
        return self.reprojection + LENGTH_WEIGHT * self.lengths + TRAJECTORY_WEIGHT * self.trajectory


def standardise(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Subtract mean x and mean y, divide by one standard deviation of all 2 x T x 50 numbers.

    The deviation is about the common mean of x and y, and the zeros of missing joints count, as in the original.
    Returns (T, 50, 3), the centre (2,) and the deviation.
    """
    assert raw.ndim == 3 and raw.shape[1:] == (JOINTS, 3), raw.shape
    xy = raw[..., :2].astype(np.float64)  # (T, 50, 2)
    centre, sigma = xy.mean((0, 1)), float(xy.std())
    return np.concatenate([(xy - centre) / sigma, raw[..., 2:]], 2), centre, sigma


def prune(points: np.ndarray, minimum: float = 0.3) -> np.ndarray:
    """(T, 50, 3) with zeros in frames where the mean confidence of the eight joints of the body is below `minimum`."""
    return np.where(points[:, :8, 2].mean(1)[:, None, None] < minimum, 0, points)


def interpolate(points: np.ndarray, enough: float = 0.99) -> np.ndarray:
    """Replace x, y by their confidence-weighted mean over t-d..t+d, d growing until the confidences sum to `enough`.

    points: (T, 50, 3); returns the same shape in float64. Confidences stay. A joint that never gathers `enough` takes
    the mean over the whole clip; a joint that is never seen stays as it is.
    """
    weight = points[..., 2].astype(np.float64)  # (T, J)
    frames = np.arange(len(points))
    # Prefix sums make a window's sum a difference of two rows.
    total = np.concatenate([np.zeros((1, weight.shape[1])), weight.cumsum(0)])  # (T+1, J)
    moment = weight[..., None] * points[..., :2]  # (T, J, 2)
    moment = np.concatenate([np.zeros((1, *moment.shape[1:])), moment.cumsum(0)])  # (T+1, J, 2)
    result = points.astype(np.float64)
    open_ = np.ones(weight.shape, bool)  # joints whose window still grows
    for reach in range(len(points)):
        low, high = np.maximum(frames - reach, 0), np.minimum(frames + reach + 1, len(points))
        mass = total[high] - total[low]  # (T, J)
        ready = open_ & ((mass >= enough - 1e-12) | ((reach == len(points) - 1) & (mass > 1e-9)))
        mean = (moment[high] - moment[low])[ready] / mass[ready][:, None]
        result[ready, :2] = mean
        open_ &= ~ready
        if not open_.any():
            break
    return result


def median_lengths(target: np.ndarray) -> np.ndarray:
    """(25,) for each length the element int(0.5 (n - 1)) of the sorted projections, all frames, both sides."""
    projected = np.linalg.norm((target[:, CHILDREN] - target[:, PARENTS])[..., :2], axis=2)  # (T, 49)
    lengths = np.empty(LENGTHS)
    for k in range(LENGTHS):
        values = np.sort(projected[:, k == LENGTH_IDS], axis=None)
        lengths[k] = values[int(0.5 * (len(values) - 1))]
    return lengths


def direction(flat: np.ndarray, length: np.ndarray) -> np.ndarray:
    """(..., 3) unit vectors of bones with projections flat (..., 2) and lengths (...): depth as the length allows."""
    room = np.maximum(length**2 - (flat**2).sum(-1), 0)
    way = np.concatenate([flat, np.sqrt(room)[..., None] + 0.001], -1)
    directions: np.ndarray = way / np.linalg.norm(way, axis=-1, keepdims=True)
    return directions


def start(target: np.ndarray, lengths: np.ndarray, root: np.ndarray) -> Unknowns:
    """The analytic start: every bone takes the depth that its length leaves over, always towards positive z.

    Where a projection is longer than its bone, the original picks by rounding error between the projection as it is
    (taken here) and the projection cut to the bone's length, two ways that differ by less than 0.001 in depth.
    target: (T, 50, >= 2); lengths: (25,) > 0; root: (T, 3), the first joint in the start (x, y, 0 plus noise).
    """
    joints = np.empty((len(target), JOINTS, 3))
    directions = np.empty((len(target), BONES, 3))
    joints[:, 0] = root
    for bones in levels():
        length = lengths[LENGTH_IDS[bones]]  # (B,)
        flat = target[:, CHILDREN[bones], :2] - joints[:, PARENTS[bones], :2]  # (T, B, 2)
        directions[:, bones] = direction(flat, length)
        joints[:, CHILDREN[bones]] = joints[:, PARENTS[bones]] + length[:, None] * directions[:, bones]
    return Unknowns(np.log(lengths), np.array(root, np.float64), directions)


def forward(unknowns: Unknowns) -> np.ndarray:
    """(T, 50, 3) joints: Y_b = Y_a + L A / (|A| + 1e-10)."""
    way = unknowns.directions / (np.linalg.norm(unknowns.directions, axis=2, keepdims=True) + 1e-10)
    bones = np.exp(unknowns.log_lengths)[LENGTH_IDS][:, None] * way  # (T, 49, 3)
    joints: np.ndarray = unknowns.root[:, None] + incidence() @ bones
    return joints


def objective(unknowns: Unknowns, target: np.ndarray) -> Objective:
    """The terms of E for these unknowns; target: (T, 50, 3) with confidences."""
    joints = forward(unknowns)
    frames, count = joints.shape[:2]
    residual = ((joints - target)[..., :2] ** 2).sum(2) * target[..., 2]
    steps = (np.diff(joints, axis=0) ** 2).sum() / (max(frames - 1, 1) * count)
    return Objective(float(residual.sum() / (frames * count)), float(np.exp(unknowns.log_lengths).sum()), float(steps))


def descend(unknowns: Unknowns, target: np.ndarray, cycles: int = CYCLES, rate: float = RATE) -> Unknowns:
    """`cycles` steps of plain gradient descent on E with the analytic gradient; target (T, 50, 3) with confidences.

    With P the ancestor incidence, n = A/|A|, F = dE/dY and G = P^T F:
    dA = L/|A| (G - (G.n) n), d log L = sum L (G.n) + 0.001 L, d root = sum over joints of F.
    """
    log_lengths, root, directions = (
        np.array(a, np.float64) for a in (unknowns.log_lengths, unknowns.root, unknowns.directions)
    )
    frames = len(root)
    ancestors = incidence()
    weight = 2 * target[..., 2:] / (frames * JOINTS)  # (T, 50, 1)
    pull = 2 * TRAJECTORY_WEIGHT / (max(frames - 1, 1) * JOINTS)
    shared = np.eye(LENGTHS)[LENGTH_IDS]  # (49, 25) sums bones into their length
    for _ in range(cycles):
        norm = np.linalg.norm(directions, axis=2, keepdims=True) + 1e-10  # (T, 49, 1)
        way = directions / norm
        length = np.exp(log_lengths)[LENGTH_IDS][:, None]  # (49, 1)
        joints = root[:, None] + ancestors @ (length * way)  # (T, 50, 3)
        force = np.zeros_like(joints)
        force[..., :2] = weight * (joints - target)[..., :2]
        step = pull * np.diff(joints, axis=0)  # (T-1, 50, 3)
        force[1:] += step
        force[:-1] -= step
        carried = ancestors.T @ force  # (T, 49, 3)
        along = (carried * way).sum(2, keepdims=True)  # (T, 49, 1)
        directions -= rate * length / norm * (carried - along * way)
        stretch = (length[:, 0] * along[..., 0]).sum(0)  # (49,)
        log_lengths -= rate * (stretch @ shared + LENGTH_WEIGHT * np.exp(log_lengths))
        root -= rate * force.sum(1)
    return Unknowns(log_lengths, root, directions)
