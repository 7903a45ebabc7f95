"""Other people than those who were captured or rendered: the same motion on other bones, and other habits of the arms.

A network that has seen a few signers learns their habits: how far in front they hold their hands, where their elbows
hang, how long their arms are. Here these are drawn at random for each clip, so that only what holds for every body can
be learned. Points are (T, 50, 3) on SIGNING_50 in metres, y down, z towards the camera, the signer faces it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeletor.lifters.gaps import at_places
from skeletor.lifters.learned.mocap import rotations
from skeletor.poses.skeleton import SIGNING_50

NOSE, NECK = 0, 1
# shoulder, elbow, wrist, hand
ARMS = ((2, 3, 4, SIGNING_50.group("right_hand")), (5, 6, 7, SIGNING_50.group("left_hand")))
_BONES = 0.2  # log of the factors on lengths: up to that much, both sides alike
_UNEVEN = 0.03  # one arm against the other
_SPEED = 0.4  # log of the factor on the speed
_DEPTH = 0.15  # shoulder widths: how far shoulders and head may lie before or behind where they were, from the neck
_REACH = np.array([[-0.2, 0.2], [-0.2, 0.2], [-0.2, 0.3]])  # arm's lengths, a shift of the wrist: x, y, z
_SWIVEL = np.radians(35)  # standard deviation of the elbow's turn about the line from shoulder to wrist
_BACKWARDS, _BORROWED = 0.25, 0.5  # shares of the clips: one arm's motion in reverse; one arm of the other motion
_STRETCHED = 0.98  # of an arm's length, the most that a wrist is from its shoulder
_TINY = 1e-6


def at_speed(points: np.ndarray, factor: float) -> np.ndarray:
    """(T', 50, 3) the motion (T, 50, 3) `factor` times as fast; at least two frames."""
    frames = max(2, round((len(points) - 1) / factor) + 1)
    return at_places(points, np.linspace(0, len(points) - 1, frames))


def other_person(points: np.ndarray, donor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T', 50, 3) the motion (T, 50, 3) by somebody else, at another speed. Bones keep their lengths.

    donor: (N, 50, 3) another motion, of which an arm may be borrowed.
    """
    points = at_speed(points.astype(float), float(np.exp(rng.uniform(-_SPEED, _SPEED))))
    donor = at_places(donor.astype(float), np.linspace(0, len(donor) - 1, len(points)))
    result = _torso(points, rng)
    factors = np.exp(rng.uniform(-_BONES, _BONES, 3))  # upper arm, forearm, hand
    moved = rng.random() < np.array([_BACKWARDS, _BORROWED])
    chosen = int(rng.integers(2))
    depth = rng.uniform(*_REACH[2])  # most people hold both hands alike
    for side, arm in enumerate(ARMS):
        given = donor if moved[1] and side == chosen else points
        given = given[::-1] if moved[0] and side == chosen else given
        shift = rng.uniform(_REACH[:, 0], _REACH[:, 1])
        shift[2] = (shift[2] + 2 * depth) / 3
        own = factors * np.exp(rng.uniform(-_UNEVEN, _UNEVEN, 3))
        _move_arm(given, result, arm, own, shift, float(rng.normal(0, _SWIVEL)))
    return result


def _torso(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy in which head and shoulders have other places, seen from the neck; arms are not moved along."""
    result = points.copy()
    width = float(np.median(np.linalg.norm(points[:, 2] - points[:, 5], axis=1)))
    for joints, sideways in (((NOSE,), 0.0), ((2, 5), _UNEVEN)):
        factor = np.exp(rng.uniform(-_BONES, _BONES))
        depth = rng.uniform(-_DEPTH, _DEPTH)
        for joint in joints:
            own = np.array([0, rng.uniform(-_UNEVEN, _UNEVEN), depth + rng.uniform(-sideways, sideways)]) * width
            result[:, joint] = points[:, NECK] + (points[:, joint] - points[:, NECK]) * factor + own
    return result


def _move_arm(
    given: np.ndarray,
    result: np.ndarray,
    arm: tuple[int, int, int, Sequence[int]],
    factors: np.ndarray,
    shift: np.ndarray,
    swivel: float,
) -> None:
    """Set an arm and its hand in `result`, from its shoulder there, after the arm of `given`.

    factors: (3,) on the lengths of upper arm, forearm and hand. shift: (3,) of the wrist, in arm's lengths. swivel:
    radians.
    """
    shoulder, elbow, wrist, hand = arm
    upper, fore = given[:, elbow] - given[:, shoulder], given[:, wrist] - given[:, elbow]
    u, f = (float(np.median(np.linalg.norm(bone, axis=1))) for bone in (upper, fore))
    whole = (upper + fore) / (u + f)  # (T, 3) the wrist, in arm's lengths
    u, f = u * factors[0], f * factors[1]
    wanted = whole + shift
    size = np.linalg.norm(wanted, axis=1, keepdims=True)
    axis = wanted / np.maximum(size, _TINY)
    away = np.clip(size * (u + f), 1.1 * abs(u - f) + 0.15 * u, _STRETCHED * (u + f))  # (T, 1)
    along = (u**2 + away**2 - f**2) / (2 * away)
    beside = np.sqrt(np.maximum(u**2 - along**2, 0))
    out = _turned(_perpendicular(upper, whole), axis, swivel)
    result[:, elbow] = result[:, shoulder] + along * axis + beside * _unit(out - (out * axis).sum(1)[:, None] * axis)
    result[:, wrist] = result[:, shoulder] + away * axis
    turn = rotations(fore, result[:, wrist] - result[:, elbow])  # (T, 3, 3)
    shape = (given[:, hand] - given[:, wrist, None]) * factors[2]
    result[:, hand] = np.einsum("tij,tkj->tki", turn, shape) + result[:, wrist, None]


def _perpendicular(upper: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """(T, 3) where the elbow points, at right angles to the line from shoulder to wrist.

    Of a stretched arm the elbow points nowhere; a little weight on down and back keeps it from jumping.
    """
    axis = _unit(whole)
    hanging = np.array([0, 0.05, -0.05]) * np.linalg.norm(upper, axis=1, keepdims=True)
    out = upper + hanging
    return _unit(out - (out * axis).sum(1)[:, None] * axis)


def _turned(vectors: np.ndarray, axes: np.ndarray, angle: float) -> np.ndarray:
    """(T, 3) vectors turned about unit axes (T, 3) by one angle (Rodrigues' formula)."""
    c, s = np.cos(angle), np.sin(angle)
    along = (vectors * axes).sum(1)[:, None] * axes
    return np.asarray(vectors * c + np.cross(axes, vectors) * s + along * (1 - c))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY))
