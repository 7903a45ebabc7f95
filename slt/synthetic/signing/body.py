"""The whole body from the tracks of both hands: 50 joints, metres, constant bone lengths.

Both arms are computed as right arms (the left one in a mirrored world), and mirrored at the end; a left-handed
signer is the mirror image of a right-handed one. The arm is a two-bone chain solved in closed form with a given
swivel of the elbow. The short bone from wrist to hand root goes on in the direction of the forearm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from slt.synthetic.signing.handshapes import hand_joints
from slt.synthetic.signing.rotation import cross, from_vector, small_angles, to_matrix
from slt.synthetic.signing.signers import Signer

WRIST_BONE = 0.012  # metres, wrist to hand root
WRIST_LIMIT = np.radians(58)  # between forearm and hand
ARMS = 2  # arm 0 is the dominant one
_HALF_PALM = 0.055  # metres, hand root to the palm's centre
_SMOOTH = 0.7  # frames at 25 fps: rounds the corners between movements


@dataclass(frozen=True)
class Track:
    """What both hands do over n frames, each as a right hand.

    palm: (2, n, 3) centre of the palm, metres. turn: (2, n, 4) unit quaternions (w, x, y, z) of the hand.
    fingers: (2, n, 5, 4) angles of the hand shape.
    """

    palm: np.ndarray
    turn: np.ndarray
    fingers: np.ndarray

    def __len__(self) -> int:
        frames: int = self.palm.shape[1]
        return frames


def minimum_jerk(s: np.ndarray) -> np.ndarray:
    """Share of the way done at times `s` in [0, 1], any shape: 10 s^3 - 15 s^4 + 6 s^5 (Flash and Hogan 1985)."""
    share: np.ndarray = s * s * s * (10.0 + s * (6.0 * s - 15.0))
    return share


def join(tracks: Sequence[Track], gaps: Sequence[int]) -> Track:
    """Lay tracks of n_i frames one after another, with minimum-jerk transitions between them.

    gaps: frames of each transition, one fewer than there are tracks. The result has sum(n_i) + sum(gaps) frames.
    """
    ends = np.cumsum([len(t) for t in tracks])[:-1]
    where = np.repeat(ends, gaps)  # (G,) index of the frame after each transition frame, before insertion
    share = np.concatenate([(np.arange(g) + 1.0) / (g + 1.0) for g in gaps]) if gaps else np.zeros(0)
    share = minimum_jerk(share)

    def insert(parts: list[np.ndarray], shortest: bool = False) -> np.ndarray:
        whole = np.concatenate(parts, 1)
        if shortest:  # the same rotation has two quaternions: keep neighbours on one side
            sign = np.where((whole[:, 1:] * whole[:, :-1]).sum(-1) < 0, -1.0, 1.0)
            whole[:, 1:] *= np.cumprod(sign, 1)[..., None]
        u = share.reshape(-1, *[1] * (whole.ndim - 2))
        between = whole[:, where - 1] * (1 - u) + whole[:, where] * u
        return np.insert(whole, where, between, axis=1)

    return Track(
        insert([t.palm for t in tracks]), insert([t.turn for t in tracks], True), insert([t.fingers for t in tracks])
    )


def embody(
    track: Track, signer: Signer, rng: np.random.Generator, fps: float, name: str, sway: float = 1.0
) -> PoseSequence:
    """Arms, hands, head and sway for a track; (T, 50, 3) metres with constant bone lengths."""
    frames, rate = len(track), fps / 25.0
    seconds = np.arange(frames) / fps

    def smooth(values: np.ndarray) -> np.ndarray:
        smoothed: np.ndarray = gaussian_filter1d(values, _SMOOTH * rate, axis=1, mode="nearest", truncate=3.0)
        return smoothed

    palm = smooth(track.palm) + 0.003 * _drift(rng, seconds, (ARMS, 3), 0.6, 2.0)
    fingers = smooth(track.fingers) + 0.03 * _drift(rng, seconds, (ARMS, 5, 4), 0.6, 2.0)
    turn = smooth(track.turn)
    basis = to_matrix(turn / np.linalg.norm(turn, axis=-1, keepdims=True))  # (2, T, 3, 3): rows -radial, fingers, palm
    length = _HALF_PALM * signer.hand
    shoulder = np.array([-signer.shoulders / 2, 0.0, 0.0])
    root = palm - length * basis[:, :, 1]
    elbow, wrist, root, forearm = _solve_arm(shoulder, root, signer)
    basis = _limit_wrist(basis, forearm)
    local = hand_joints(fingers, signer.hand) * np.array([-1.0, 1.0, 1.0])
    hands = root[:, :, None] + local @ basis  # (2, T, 21, 3)

    mirror = np.array([-1.0, 1.0, 1.0])
    body = np.zeros((frames, 50, 3))
    body[:, 2], body[:, 3], body[:, 4], body[:, 29:] = shoulder, elbow[0], wrist[0], hands[0]
    body[:, 5], body[:, 6] = shoulder * mirror, elbow[1] * mirror
    body[:, 7], body[:, 8:29] = wrist[1] * mirror, hands[1] * mirror
    if signer.left_handed:
        body = body[:, SIGNING_50.mirror] * mirror
    amount = signer.sway * sway
    nod, tilt, yaw = np.radians([3.5, 3.0, 6.0])[:, None] * amount * _drift(rng, seconds, (3,), 0.25, 1.1).T
    head = signer.head * np.array([0.0, -0.93, 0.37])
    body[:, 0] = small_angles(nod, yaw, tilt) @ head
    lean, roll, pivot = np.radians([1.0, 1.3, 2.2])[:, None] * amount * _drift(rng, seconds, (3,), 0.1, 0.5).T
    shift = np.array([0.008, 0.003, 0.006]) * amount * _drift(rng, seconds, (3,), 0.1, 0.4)
    body = body @ small_angles(lean, pivot, roll).swapaxes(1, 2) + shift[:, None]
    record = StageRecord(name, config={"signer": signer.name})
    return PoseSequence(
        body.astype(np.float32),
        np.ones((frames, 50), np.float32),
        fps,
        SIGNING_50,
        Provenance(units="metre", stages=(record,)),
    )


def _solve_arm(
    shoulder: np.ndarray, root: np.ndarray, signer: Signer
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Elbow, wrist, reached hand root and direction of the forearm, each (2, T, 3), of right arms.

    shoulder: (3,). root: (2, T, 3) wanted hand root; drawn in where it is out of reach. Law of cosines in the
    plane through shoulder and root in which the elbow points to the signer's swivel direction.
    """
    upper, lower = signer.upper_arm, signer.forearm + WRIST_BONE
    way = root - shoulder
    distance = np.linalg.norm(way, axis=-1, keepdims=True)
    ahead = way / distance
    distance = np.clip(distance, 0.25 * (upper + lower), 0.985 * (upper + lower))
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    height = np.sqrt(np.maximum(upper**2 - along**2, 1e-9))
    pole = np.array([-signer.elbow, 1.0, -0.35])
    pole = pole - (ahead @ pole)[..., None] * ahead
    pole /= np.linalg.norm(pole, axis=-1, keepdims=True)
    elbow = shoulder + along * ahead + height * pole
    reached = shoulder + distance * ahead
    forearm = (reached - elbow) / lower
    return elbow, elbow + signer.forearm * forearm, reached, forearm


def _limit_wrist(basis: np.ndarray, forearm: np.ndarray) -> np.ndarray:
    """Turn hands back towards the forearm where the wrist would bend more than WRIST_LIMIT."""
    fingers = basis[:, :, 1]
    axis = cross(fingers, forearm)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    bend = np.arctan2(sine, (fingers * forearm).sum(-1, keepdims=True))
    excess = np.maximum(bend - WRIST_LIMIT, 0.0)
    turn = to_matrix(from_vector(axis / np.maximum(sine, 1e-9) * excess))
    turned: np.ndarray = basis @ turn  # rows are directions: each is rotated
    return turned


def _drift(
    rng: np.random.Generator, seconds: np.ndarray, shape: tuple[int, ...], low: float, high: float
) -> np.ndarray:
    """Slow random motion of unit variance: three sines per channel, `low` to `high` Hz.

    Returns (T, *shape), or (2, T, *rest) if shape starts with the number of arms and has more axes.
    """
    frequency = rng.uniform(low, high, (3, *shape))
    phase = rng.uniform(0, 2 * np.pi, (3, *shape))
    time = seconds.reshape(-1, *[1] * (len(shape) + 1))
    waves = np.sin(2 * np.pi * frequency * time + phase).sum(1) * np.sqrt(2.0 / 3.0)  # (T, *shape)
    return np.moveaxis(waves, 1, 0) if len(shape) > 1 else waves
