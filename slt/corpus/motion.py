"""From glosses to a moving skeleton: 50 joints, metres, constant bone lengths.

Axes as in the whole house: x to the right of the picture, y down, z towards the camera; origin about the neck;
the signer faces the camera. Both arms are computed as right arms (the left one in a mirrored world), and
mirrored at the end; a left-handed signer is the mirror image of a right-handed one.

Movements and transitions follow the minimum-jerk profile (Flash and Hogan, J. Neurosci. 5(7), 1985). The arm is
a two-bone chain solved in closed form with a given swivel of the elbow. The short bone from wrist to hand root
goes on in the direction of the forearm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from skeletor.errors import InputError
from skeletor.pose import PoseSequence, Provenance, StageRecord
from skeletor.skeleton import SIGNING_50
from slt.corpus.handshapes import HANDSHAPES, hand_joints
from slt.corpus.lexicon import HANDS, LEXICON, LOCATIONS, MOVEMENTS, ORIENTATIONS, Sign
from slt.corpus.rotation import cross, from_directions, from_vector, multiply, small_angles, to_matrix
from slt.corpus.signers import Signer

UNKNOWN = "<unknown>"
WRIST_BONE = 0.012  # metres, wrist to hand root
WRIST_LIMIT = np.radians(58)  # between forearm and hand
_CENTRE = np.array([-0.18, 0.05, 0.21])  # of the signing space; the amplitude scales about it
_BASE_HAND = np.array([-0.17, 0.17, 0.23])  # where a base hand is held (its own side has negative x)
_EXCURSION = 0.10  # metres, length of a straight movement
_HALF_PALM = 0.055  # metres, hand root to the palm's centre
_SMOOTH = 0.7  # frames at 25 fps: rounds the corners between movements
_SLOW = frozenset({"zigzag", "shake", "tap", "twist", "nod", "wiggle", "circle"})
_ARMS = 2  # arm 0 is the dominant one


@dataclass(frozen=True)
class Performance:
    """A signed sentence. pose: (T, 50, 3) metres. spans: (start, stop, gloss) of each sign's own frames."""

    pose: PoseSequence
    spans: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class _Track:
    """What both hands do over n frames, each as a right hand.

    palm: (2, n, 3) centre of the palm, metres. turn: (2, n, 4) unit quaternions (w, x, y, z) of the hand.
    fingers: (2, n, 5, 4) angles of the hand shape.
    """

    palm: np.ndarray
    turn: np.ndarray
    fingers: np.ndarray

    def __len__(self) -> int:
        return self.palm.shape[1]


def perform(glosses: Sequence[str], signer: Signer, rng: np.random.Generator, fps: float = 25.0) -> Performance:
    """Sign a gloss sequence, from rest to rest.

    InputError if a gloss is not in the lexicon or there is none.
    """
    unknown = [g for g in glosses if g not in LEXICON]
    if unknown or not glosses:
        raise InputError(f"gloss {unknown[0]!r} is not in the lexicon" if unknown else "no gloss to sign")
    signs = [LEXICON[g] for g in glosses]
    accents = [_accents(signer)[g] for g in glosses]
    return _perform(list(glosses), signs, accents, signer, rng, fps)


def perform_unknown(signer: Signer, rng: np.random.Generator, n: int, fps: float = 25.0) -> Performance:
    """Sign n random signs, each of which differs from every sign of the lexicon in two parameters or more."""
    signs: list[Sign] = []
    while len(signs) < n:
        sign = _random_sign(rng)
        if all(len(sign.differences(known)) >= 2 for known in LEXICON.values()):
            signs.append(sign)
    return _perform([UNKNOWN] * n, signs, [np.zeros(4)] * n, signer, rng, fps)


def perform_idle(signer: Signer, rng: np.random.Generator, seconds: float, fps: float = 25.0) -> Performance:
    """Stand and fidget without signing: hands stay low, shift, open and close; no spans."""
    rate = fps / 25.0
    frames = max(2, round(seconds * fps))
    tracks, gaps, used = [_rest(signer, max(1, round(5 * rate)))], [], max(1, round(5 * rate))
    while used < frames:
        stay, gap = (round(float(rng.uniform(*span)) * rate) for span in ((4, 25), (8, 20)))
        tracks.append(_fidget(signer, rng, max(1, stay)))
        gaps.append(max(2, gap))
        used += len(tracks[-1]) + gaps[-1]
    track = _join(tracks, gaps)
    track = _Track(track.palm[:, :frames], track.turn[:, :frames], track.fingers[:, :frames])
    return Performance(_embody(track, signer, rng, fps, "idle", sway=2.0), ())


def _perform(
    names: list[str],
    signs: list[Sign],
    accents: list[np.ndarray],
    signer: Signer,
    rng: np.random.Generator,
    fps: float,
) -> Performance:
    rate = fps / 25.0
    rest = [_rest(signer, max(1, round(float(rng.uniform(1.0, 3.4)) * rate))) for _ in range(2)]
    tracks = [rest[0], *(_signed(s, a, signer, rng, rate) for s, a in zip(signs, accents, strict=True)), rest[1]]
    gaps = [_gap(a, b, signer, rng, rate) for a, b in pairwise(tracks)]
    starts = np.cumsum([0, *(len(t) + g for t, g in zip(tracks, gaps, strict=False))])
    spans = tuple((int(starts[k]), int(starts[k] + len(tracks[k])), names[k - 1]) for k in range(1, len(names) + 1))
    return Performance(_embody(_join(tracks, gaps), signer, rng, fps, "perform"), spans)


# --- one sign ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _accents(signer: Signer) -> dict[str, np.ndarray]:
    """A signer's own way of each sign: offset of the place (3, metres) and log factor on the duration (1)."""
    drawn = np.random.default_rng([signer.seed, 71]).normal(size=(len(LEXICON), 4))
    scale = np.array([0.007, 0.007, 0.007, 0.06])
    return dict(zip(LEXICON, drawn * scale, strict=True))


def _minimum_jerk(s: np.ndarray) -> np.ndarray:
    return s * s * s * (10.0 + s * (6.0 * s - 15.0))


def _move(movement: str, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A movement at times s in [0, 1]: offset (n, 3) in units of the excursion, local turn (n, 4)."""
    u, wave = _minimum_jerk(s), np.sin(3.0 * np.pi * s)
    angle, zero = 2.0 * np.pi * u, np.zeros_like(s)
    x, y = {
        "up": (zero, 0.5 - u),
        "down": (zero, u - 0.5),
        "in": (u - 0.5, zero),
        "out": (0.5 - u, zero),
        "arc": (0.6 * np.cos(np.pi * u), -0.6 * np.sin(np.pi * u) + 0.3),
        "dip": (0.6 * np.cos(np.pi * u), 0.6 * np.sin(np.pi * u) - 0.3),
        "circle": (0.5 * np.sin(angle), -0.5 * np.cos(angle)),
        "zigzag": (0.35 * wave, 1.1 * (u - 0.5)),
        "shake": (0.35 * wave, zero),
        "tap": (zero, 0.45 * (0.5 - np.cos(4.0 * np.pi * s)) - 0.2),
    }.get(movement, (zero, zero))
    half = 0.5 * np.radians(38) * wave if movement == "twist" else zero  # about the fingers
    if movement == "nod":
        half = 0.5 * np.radians(34) * np.sin(2.0 * np.pi * s) ** 2  # about the wrist
    turn = np.zeros((len(s), 4))
    turn[:, 0], turn[:, 1 if movement == "nod" else 2] = np.cos(half), np.sin(half)
    return np.stack([x, y, zero], -1), turn


def _signed(sign: Sign, accent: np.ndarray, signer: Signer, rng: np.random.Generator, rate: float) -> _Track:
    """The frames of one sign; the other hand rests unless the sign needs it."""
    pace = np.exp(np.clip(rng.normal(0, 0.08), -0.16, 0.16) + accent[3]) / signer.speed
    base = {"hold": 7.0}.get(sign.movement, 9.5 if sign.movement in _SLOW else 8.0)
    n = max(2, round(base * pace * rate))
    s = (np.arange(n) + 0.5) / n
    s = np.clip((s - 0.08) / 0.84, 0, 1)  # a short hold at both ends
    place = np.array(LOCATIONS[sign.location]) + accent[:3] + rng.normal(0, 0.010 * signer.care, 3)
    if sign.hands in ("symmetric", "alternating"):
        place[0] -= 0.03 + 0.05 * (sign.orientation in ("side", "up", "down"))
    place = (_CENTRE + (place - _CENTRE) * signer.amplitude) * signer.size
    reach = _EXCURSION * signer.amplitude * signer.size * np.exp(rng.normal(0, 0.08))
    tilt = rng.normal(0, np.radians(4.0 * signer.care), 3)
    looseness = rng.normal(0, 0.05 * signer.care, (2, 5, 4)) * np.array([0.5, 1, 1, 0.7])
    rest = _rest(signer, n)
    palm, turn, fingers = rest.palm.copy(), rest.turn.copy(), rest.fingers.copy()
    for arm in range(1 if sign.hands == "one" else _ARMS):
        shape, movement, at, times = sign.shape, sign.movement, place, s
        if arm == 1 and sign.hands == "base":
            at = (_CENTRE + (_BASE_HAND - _CENTRE) * signer.amplitude) * signer.size + rng.normal(0, 0.008, 3)
            shape, movement = (sign.base, sign.base), "hold"
        elif arm == 1 and sign.hands == "alternating":
            times = 1.0 - s
        offset, local = _move(movement, times)
        palm[arm] = at + reach * offset
        turn[arm] = _turned(sign.orientation, tilt, local)
        share = _minimum_jerk(np.clip(1.5 * s - 0.25, 0, 1))[:, None, None]
        fingers[arm] = HANDSHAPES[shape[0]] * (1 - share) + HANDSHAPES[shape[1]] * share + looseness[arm]
        if movement == "wiggle":
            phase = np.arange(4) * 1.3
            fingers[arm, :, 1:, 1] += 0.38 * (1 + np.sin(4.0 * np.pi * times[:, None] + phase))
    return _Track(palm, turn, fingers)


def _random_sign(rng: np.random.Generator) -> Sign:
    def pick(options: Sequence[str]) -> str:
        return options[int(rng.integers(len(options)))]

    shapes = [name for name in HANDSHAPES if name != "relaxed"]
    shape, hands = pick(shapes), HANDS[rng.integers(len(HANDS))]
    crossing = ("chest", "centre", "contra", "contra_high")  # two hands would collide there
    places = [p for p in LOCATIONS if hands == "one" or p not in crossing]
    base = pick(shapes) if hands == "base" else ""
    return Sign((shape, shape), pick(places), pick(list(MOVEMENTS)), pick(list(ORIENTATIONS)), hands, base)


# --- rest, fidgeting, transitions -------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _rest_turn() -> np.ndarray:
    return from_directions(np.array([0.3, 0.9, 0.3]), np.array([0.1, 0.3, -1.0]))


def _rest(signer: Signer, n: int) -> _Track:
    """Both hands at rest: low before the belly, fingers down, backs to the camera."""
    return _Track(
        np.broadcast_to(np.array(signer.rest), (_ARMS, n, 3)),
        np.broadcast_to(_rest_turn(), (_ARMS, n, 4)),
        np.broadcast_to(HANDSHAPES["relaxed"], (_ARMS, n, 5, 4)),
    )


def _fidget(signer: Signer, rng: np.random.Generator, n: int) -> _Track:
    """Hands somewhere near rest, somewhat turned and somewhat opened or closed."""
    place = np.array(signer.rest) + rng.uniform([-0.07, -0.07, -0.01], [0.04, 0.03, 0.06], (_ARMS, 3))
    turn = multiply(_rest_turn(), from_vector(rng.normal(0, 0.2, (_ARMS, 3))))
    towards = HANDSHAPES[("flat", "fist", "relaxed")[rng.integers(3)]]
    fingers = HANDSHAPES["relaxed"] + rng.uniform(0, 0.5, (_ARMS, 1, 1)) * (towards - HANDSHAPES["relaxed"])
    return _Track(np.repeat(place[:, None], n, 1), np.repeat(turn[:, None], n, 1), np.repeat(fingers[:, None], n, 1))


def _gap(before: _Track, after: _Track, signer: Signer, rng: np.random.Generator, rate: float) -> int:
    """Frames of the transition between two tracks: longer for a longer way, as in speech."""
    way = np.linalg.norm(after.palm[:, 0] - before.palm[:, -1], axis=-1).max()
    frames = (2.3 + 7.5 * way) / signer.speed * np.exp(np.clip(rng.normal(0, 0.08), -0.15, 0.15))
    return max(1, round(float(np.clip(frames, 2.5, 6.4)) * rate))


def _join(tracks: Sequence[_Track], gaps: Sequence[int]) -> _Track:
    """Lay tracks one after another, with minimum-jerk transitions of the given numbers of frames between."""
    ends = np.cumsum([len(t) for t in tracks])[:-1]
    where = np.repeat(ends, gaps)  # (G,) index of the frame after each transition frame, before insertion
    share = np.concatenate([(np.arange(g) + 1.0) / (g + 1.0) for g in gaps]) if gaps else np.zeros(0)
    share = _minimum_jerk(share)

    def insert(parts: list[np.ndarray], shortest: bool = False) -> np.ndarray:
        whole = np.concatenate(parts, 1)
        if shortest:  # the same rotation has two quaternions: keep neighbours on one side
            sign = np.where((whole[:, 1:] * whole[:, :-1]).sum(-1) < 0, -1.0, 1.0)
            whole[:, 1:] *= np.cumprod(sign, 1)[..., None]
        u = share.reshape(-1, *[1] * (whole.ndim - 2))
        between = whole[:, where - 1] * (1 - u) + whole[:, where] * u
        return np.insert(whole, where, between, axis=1)

    return _Track(
        insert([t.palm for t in tracks]), insert([t.turn for t in tracks], True), insert([t.fingers for t in tracks])
    )


# --- from hands to a body ---------------------------------------------------------------------------------


def _embody(
    track: _Track, signer: Signer, rng: np.random.Generator, fps: float, name: str, sway: float = 1.0
) -> PoseSequence:
    """Arms, hands, head and sway for a track; (T, 50, 3) metres with constant bone lengths."""
    frames, rate = len(track), fps / 25.0
    seconds = np.arange(frames) / fps

    def smooth(values: np.ndarray) -> np.ndarray:
        return gaussian_filter1d(values, _SMOOTH * rate, axis=1, mode="nearest", truncate=3.0)

    palm = smooth(track.palm) + 0.003 * _drift(rng, seconds, (_ARMS, 3), 0.6, 2.0)
    fingers = smooth(track.fingers) + 0.03 * _drift(rng, seconds, (_ARMS, 5, 4), 0.6, 2.0)
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
    return basis @ turn  # rows are directions: each is rotated


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


@lru_cache(maxsize=32)
def _orientation(name: str) -> np.ndarray:
    fingers, palm = ORIENTATIONS[name]
    return from_directions(np.array(fingers), np.array(palm))


def _turned(orientation: str, tilt: np.ndarray, local: np.ndarray) -> np.ndarray:
    """(n, 4) quaternions of a hand in an orientation, off by the rotation vector `tilt`, turned by `local`."""
    return multiply(multiply(_orientation(orientation), from_vector(tilt)), local)
