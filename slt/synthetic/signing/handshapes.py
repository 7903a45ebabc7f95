"""Hand shapes as joint angles, and the forward kinematics that turns angles into 21 hand joints.

Local axes of a hand: x radial (towards the thumb), y along the fingers, z out of the palm. The same
local coordinates serve a left and a right hand; only the basis they are placed with differs.

Angles of a hand are a (5, 4) array in radians, fingers in the order thumb, index, middle, ring, little:
- finger: abduction (positive to the radial side), flexion of the knuckle (MCP), of the middle (PIP) and
  of the end joint (DIP);
- thumb: azimuth of its metacarpal (0 along the fingers, 90 degrees to the radial side), elevation out of
  the palm's plane, flexion of MCP and of IP (both across the palm).

Segment lengths are those of an adult hand with a palm of 9.5 cm (wrist to middle knuckle); proportions
after Buryanov and Kotiuk, "Proportions of hand segments", Int. J. Morphol. 28(3), 2010, rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

PALM = 0.095  # metres, wrist to middle knuckle

# Place of the first joint of thumb (CMC), index, middle, ring, little (MCP) in the hand's axes, metres.
BASES = np.array(
    [[0.022, 0.024, 0.006], [0.025, 0.090, 0.0], [0.004, 0.095, 0.0], [-0.015, 0.090, 0.0], [-0.032, 0.081, 0.0]]
)  # (5, 3)
# The three segments beyond it, metres.
SEGMENTS = np.array(
    [
        [0.044, 0.033, 0.027],
        [0.042, 0.025, 0.022],
        [0.046, 0.029, 0.023],
        [0.043, 0.028, 0.023],
        [0.034, 0.020, 0.020],
    ]
)  # (5, 3)
_THUMB_BEND = np.array([-0.90, 0.0, 0.43])  # where thumb flexion leads: across the palm, a little out of it

# Fingers: (abduction is added per finger) straight, curled and so on: MCP, PIP, DIP in degrees.
_STRAIGHT, _CURLED, _BENT = (2, 4, 3), (82, 100, 62), (78, 8, 5)
_HOOK, _CLAW, _CURVE, _RING, _RELAXED = (8, 95, 60), (22, 55, 40), (32, 40, 25), (48, 58, 34), (22, 28, 16)
# Thumb: azimuth, elevation, MCP, IP in degrees.
_BESIDE, _OUT, _WIDE, _OVER = (32, 6, 20, 12), (52, 14, 2, 0), (74, 8, -4, -8), (26, 36, 52, 48)
_ACROSS, _OPPOSED, _TOUCH, _EASY = (14, 30, 42, 34), (46, 52, 6, 14), (34, 50, 28, 30), (38, 24, 14, 16)
_SPREAD, _CLOSED = (16, 3, -9, -20), (3, 0, -2, -6)  # abduction of index, middle, ring, little, degrees

_TABLE: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]] = {
    # name: thumb, abductions, flexions of index, middle, ring, little
    "flat": (_BESIDE, _CLOSED, (_STRAIGHT,) * 4),
    "five": (_OUT, _SPREAD, (_STRAIGHT,) * 4),
    "four": (_ACROSS, _SPREAD, (_STRAIGHT,) * 4),
    "bent": (_BESIDE, _CLOSED, (_BENT,) * 4),
    "claw": (_OUT, _SPREAD, (_CLAW,) * 4),
    "C": (_OPPOSED, _CLOSED, (_CURVE,) * 4),
    "O": (_TOUCH, _CLOSED, (_RING,) * 4),
    "fist": (_OVER, _CLOSED, (_CURLED,) * 4),
    "thumb": (_WIDE, _CLOSED, (_CURLED,) * 4),
    "index": (_OVER, _CLOSED, (_STRAIGHT, _CURLED, _CURLED, _CURLED)),
    "hook": (_OVER, _CLOSED, (_HOOK, _CURLED, _CURLED, _CURLED)),
    "L": (_WIDE, _CLOSED, (_STRAIGHT, _CURLED, _CURLED, _CURLED)),
    "V": (_OVER, (17, -11, -9, -10), (_STRAIGHT, _STRAIGHT, _CURLED, _CURLED)),
    "U": (_OVER, (-3, 1, -2, -6), (_STRAIGHT, _STRAIGHT, _CURLED, _CURLED)),
    "three": (_WIDE, (17, -11, -9, -10), (_STRAIGHT, _STRAIGHT, _CURLED, _CURLED)),
    "W": (_ACROSS, (15, 0, -15, -8), (_STRAIGHT, _STRAIGHT, _STRAIGHT, _CURLED)),
    "I": (_OVER, (0, 0, 0, -10), (_CURLED, _CURLED, _CURLED, _STRAIGHT)),
    "Y": (_WIDE, (0, 0, 0, -24), (_CURLED, _CURLED, _CURLED, _STRAIGHT)),
    "horns": (_OVER, (8, 0, 0, -14), (_STRAIGHT, _CURLED, _CURLED, _STRAIGHT)),
    "F": ((34, 52, 26, 28), (6, 4, -8, -20), ((56, 58, 30), _STRAIGHT, _STRAIGHT, _STRAIGHT)),
    "pinch": ((34, 52, 26, 28), _CLOSED, ((56, 58, 30), _CURLED, _CURLED, _CURLED)),
    "relaxed": (_EASY, (8, 1, -5, -11), (_RELAXED,) * 4),
}


def _angles(thumb: tuple[int, ...], spread: tuple[int, ...], flexion: tuple[tuple[int, ...], ...]) -> np.ndarray:
    fingers = np.concatenate([np.array(spread, float)[:, None], np.array(flexion, float)], 1)  # (4, 4)
    angles: np.ndarray = np.radians(np.concatenate([np.array([thumb], float), fingers]))  # (5, 4)
    angles.setflags(write=False)
    return angles


# Every shape's angles, (5, 4) radians. "relaxed" is the hand at rest and part of no sign.
HANDSHAPES: Mapping[str, np.ndarray] = MappingProxyType({name: _angles(*row) for name, row in _TABLE.items()})


def hand_joints(angles: np.ndarray, scale: float | np.ndarray = 1.0) -> np.ndarray:
    """Joints of a hand from its angles.

    angles: (..., 5, 4) radians. scale: factor on all lengths, one for all or broadcastable to the leading axes.
    Returns (..., 21, 3) metres in the hand's axes, order root, thumb x 4, index x 4, middle x 4, ring x 4,
    little x 4; the root is at 0. Bone lengths do not depend on the angles.
    """
    assert angles.shape[-2:] == (5, 4), angles.shape
    bend = np.cumsum(angles[..., 1:, 1:], -1)  # (..., 4, 3) fingers
    side = np.sin(angles[..., 1:, :1])  # (..., 4, 1)
    along = np.cos(angles[..., 1:, :1])
    fingers = np.stack([np.cos(bend) * side, np.cos(bend) * along, np.sin(bend)], -1)  # (..., 4, 3, 3)

    azimuth, elevation = angles[..., 0, 0], angles[..., 0, 1]
    flat = np.cos(elevation)
    first = np.stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation)], -1)  # (..., 3)
    across = _THUMB_BEND - (first @ _THUMB_BEND)[..., None] * first
    across = across / np.linalg.norm(across, axis=-1, keepdims=True)
    turn = np.stack([np.zeros_like(azimuth), angles[..., 0, 2], angles[..., 0, 2] + angles[..., 0, 3]], -1)  # (..., 3)
    thumb = np.cos(turn)[..., None] * first[..., None, :] + np.sin(turn)[..., None] * across[..., None, :]

    directions = np.concatenate([thumb[..., None, :, :], fingers], -3)  # (..., 5, 3, 3)
    chain = np.cumsum(directions * SEGMENTS[:, :, None], -2) + BASES[:, None, :]
    start = np.broadcast_to(BASES[:, None, :], (*chain.shape[:-2], 1, 3))
    joints = np.concatenate([start, chain], -2).reshape(*angles.shape[:-2], 20, 3)
    joints = np.concatenate([np.zeros((*angles.shape[:-2], 1, 3)), joints], -2)  # (..., 21, 3)
    scaled: np.ndarray = joints * np.asarray(scale)[..., None, None]
    return scaled
