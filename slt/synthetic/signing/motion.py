"""From glosses to a moving skeleton: 50 joints, metres, constant bone lengths.

Axes as in the whole house: x to the right of the picture, y down, z towards the camera; origin about the neck;
the signer faces the camera. Here the hands are moved; `body` makes a whole body of them.

Movements and transitions follow the minimum-jerk profile (Flash and Hogan, J. Neurosci. 5(7), 1985).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from slt.synthetic.signing.body import ARMS, Track, embody, join, minimum_jerk
from slt.synthetic.signing.handshapes import HANDSHAPES
from slt.synthetic.signing.lexicon import HANDS, LEXICON, LOCATIONS, MOVEMENTS, ORIENTATIONS, Sign
from slt.synthetic.signing.rotation import from_directions, from_vector, multiply
from slt.synthetic.signing.signers import Signer

UNKNOWN = "<unknown>"
_CENTRE = np.array([-0.18, 0.05, 0.21])  # of the signing space; the amplitude scales about it
_BASE_HAND = np.array([-0.17, 0.17, 0.23])  # where a base hand is held (its own side has negative x)
_EXCURSION = 0.10  # metres, length of a straight movement
_SLOW = frozenset({"zigzag", "shake", "tap", "twist", "nod", "wiggle", "circle"})


@dataclass(frozen=True)
class Performance:
    """A signed sentence. pose: (T, 50, 3) metres. spans: (start, stop, gloss) of each sign's own frames."""

    pose: PoseSequence
    spans: tuple[tuple[int, int, str], ...]


def perform(glosses: Sequence[str], signer: Signer, rng: np.random.Generator, fps: float = 25.0) -> Performance:
    """Sign a gloss sequence, from rest to rest: a pose (T, 50, 3) in metres at `fps` frames per second.

    Raises InputError if there is no gloss, or one is not in the lexicon.
    """
    unknown = [g for g in glosses if g not in LEXICON]
    if unknown or not glosses:
        raise InputError(f"gloss {unknown[0]!r} is not in the lexicon" if unknown else "no gloss to sign")
    signs = [LEXICON[g] for g in glosses]
    accents = [_accents(signer)[g] for g in glosses]
    return _perform(list(glosses), signs, accents, signer, rng, fps)


def perform_unknown(
    signer: Signer,
    rng: np.random.Generator,
    n: int,
    fps: float = 25.0,
    known: Collection[Sign] = tuple(LEXICON.values()),
) -> Performance:
    """Sign n random signs, each of which differs from every known sign in two parameters or more.

    Gives a pose (T, 50, 3) in metres at `fps` frames per second.
    """
    signs: list[Sign] = []
    while len(signs) < n:
        sign = _random_sign(rng)
        if all(len(sign.differences(other)) >= 2 for other in known):
            signs.append(sign)
    return _perform([UNKNOWN] * n, signs, [np.zeros(4)] * n, signer, rng, fps)


def perform_idle(signer: Signer, rng: np.random.Generator, seconds: float, fps: float = 25.0) -> Performance:
    """Stand and fidget without signing for `seconds`: hands stay low, shift, open and close. No spans.

    Gives a pose (T, 50, 3) in metres at `fps` frames per second.
    """
    rate = fps / 25.0
    frames = max(2, round(seconds * fps))
    tracks, gaps, used = [rest_track(signer, max(1, round(5 * rate)))], [], max(1, round(5 * rate))
    while used < frames:
        stay, gap = (round(float(rng.uniform(*span)) * rate) for span in ((4, 25), (8, 20)))
        tracks.append(_fidget(signer, rng, max(1, stay)))
        gaps.append(max(2, gap))
        used += len(tracks[-1]) + gaps[-1]
    track = join(tracks, gaps)
    track = Track(track.palm[:, :frames], track.turn[:, :frames], track.fingers[:, :frames])
    return Performance(embody(track, signer, rng, fps, "idle", sway=2.0), ())


def _perform(
    names: list[str],
    signs: list[Sign],
    accents: list[np.ndarray],
    signer: Signer,
    rng: np.random.Generator,
    fps: float,
) -> Performance:
    rate = fps / 25.0
    rest = [rest_track(signer, max(1, round(float(rng.uniform(1.0, 3.4)) * rate))) for _ in range(2)]
    tracks = [rest[0], *(_signed(s, a, signer, rng, rate) for s, a in zip(signs, accents, strict=True)), rest[1]]
    gaps = [gap_frames(a, b, signer, rng, rate) for a, b in pairwise(tracks)]
    starts = np.cumsum([0, *(len(t) + g for t, g in zip(tracks, gaps, strict=False))])
    spans = tuple((int(starts[k]), int(starts[k] + len(tracks[k])), names[k - 1]) for k in range(1, len(names) + 1))
    return Performance(embody(join(tracks, gaps), signer, rng, fps, "perform"), spans)


# --- one sign ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _accents(signer: Signer) -> dict[str, np.ndarray]:
    """A signer's own way of each sign: offset of the place (3, metres) and log factor on the duration (1)."""
    drawn = np.random.default_rng([signer.seed, 71]).normal(size=(len(LEXICON), 4))
    scale = np.array([0.007, 0.007, 0.007, 0.06])
    return dict(zip(LEXICON, drawn * scale, strict=True))


def _move(movement: str, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A movement at times s in [0, 1]: offset (n, 3) in units of the excursion, local turn (n, 4)."""
    u, wave = minimum_jerk(s), np.sin(3.0 * np.pi * s)
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


@dataclass(frozen=True)
class Placed:
    """A sign as it is made this time: all that is random about it is drawn.

    frames: natural duration, at 25 fps as drawn. place, base: (3,) metres, centre of the movement and of a base hand.
    reach: metres, length of a straight movement. tilt: (3,) rotation vector. looseness: (2, 5, 4) radians.
    """

    sign: Sign
    frames: float
    place: np.ndarray
    base: np.ndarray
    reach: float
    tilt: np.ndarray
    looseness: np.ndarray


def place_sign(sign: Sign, accent: np.ndarray, signer: Signer, rng: np.random.Generator) -> Placed:
    """Draw how a signer makes a sign this time. accent: (4,), see `_accents`."""
    pace = np.exp(np.clip(rng.normal(0, 0.08), -0.16, 0.16) + accent[3]) / signer.speed
    frames = {"hold": 7.0}.get(sign.movement, 9.5 if sign.movement in _SLOW else 8.0)
    place = np.array(LOCATIONS[sign.location]) + accent[:3] + rng.normal(0, 0.010 * signer.care, 3)
    if sign.hands in ("symmetric", "alternating"):
        place[0] -= 0.03 + 0.05 * (sign.orientation in ("side", "up", "down"))
    place = (_CENTRE + (place - _CENTRE) * signer.amplitude) * signer.size
    reach = _EXCURSION * signer.amplitude * signer.size * np.exp(rng.normal(0, 0.08))
    tilt = rng.normal(0, np.radians(4.0 * signer.care), 3)
    looseness = rng.normal(0, 0.05 * signer.care, (2, 5, 4)) * np.array([0.5, 1, 1, 0.7])
    base = (_CENTRE + (_BASE_HAND - _CENTRE) * signer.amplitude) * signer.size
    if sign.hands == "base":
        base = base + rng.normal(0, 0.008, 3)
    return Placed(sign, frames * pace, place, base, reach, tilt, looseness)


def natural_times(n: int) -> np.ndarray:
    """(n,) times in [0, 1] of a movement over n frames, with a short hold at both ends."""
    s = (np.arange(n) + 0.5) / n
    return np.clip((s - 0.08) / 0.84, 0, 1)


def play(placed: Placed, s: np.ndarray, signer: Signer) -> Track:
    """One sign at times s (n,) in [0, 1] of its movement, as a track of n frames in metres.

    The other hand rests unless the sign needs it.
    """
    sign = placed.sign
    rest = rest_track(signer, len(s))
    palm, turn, fingers = rest.palm.copy(), rest.turn.copy(), rest.fingers.copy()
    for arm in range(1 if sign.hands == "one" else ARMS):
        shape, movement, at, times = sign.shape, sign.movement, placed.place, s
        if arm == 1 and sign.hands == "base":
            at, shape, movement = placed.base, (sign.base, sign.base), "hold"
        elif arm == 1 and sign.hands == "alternating":
            times = 1.0 - s
        offset, local = _move(movement, times)
        palm[arm] = at + placed.reach * offset
        turn[arm] = _turned(sign.orientation, placed.tilt, local)
        share = minimum_jerk(np.clip(1.5 * s - 0.25, 0, 1))[:, None, None]
        fingers[arm] = HANDSHAPES[shape[0]] * (1 - share) + HANDSHAPES[shape[1]] * share + placed.looseness[arm]
        if movement == "wiggle":
            phase = np.arange(4) * 1.3
            fingers[arm, :, 1:, 1] += 0.38 * (1 + np.sin(4.0 * np.pi * times[:, None] + phase))
    return Track(palm, turn, fingers)


def _signed(sign: Sign, accent: np.ndarray, signer: Signer, rng: np.random.Generator, rate: float) -> Track:
    placed = place_sign(sign, accent, signer, rng)
    return play(placed, natural_times(max(2, round(placed.frames * rate))), signer)


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


def rest_track(signer: Signer, n: int) -> Track:
    """n frames of both hands at rest, palm (2, n, 3) in metres.

    They lie low in front of the belly, fingers down, backs to the camera.
    """
    return Track(
        np.broadcast_to(np.array(signer.rest), (ARMS, n, 3)),
        np.broadcast_to(_rest_turn(), (ARMS, n, 4)),
        np.broadcast_to(HANDSHAPES["relaxed"], (ARMS, n, 5, 4)),
    )


def _fidget(signer: Signer, rng: np.random.Generator, n: int) -> Track:
    """Hands somewhere near rest, somewhat turned and somewhat opened or closed."""
    place = np.array(signer.rest) + rng.uniform([-0.07, -0.07, -0.01], [0.04, 0.03, 0.06], (ARMS, 3))
    turn = multiply(_rest_turn(), from_vector(rng.normal(0, 0.2, (ARMS, 3))))
    towards = HANDSHAPES[("flat", "fist", "relaxed")[rng.integers(3)]]
    fingers = HANDSHAPES["relaxed"] + rng.uniform(0, 0.5, (ARMS, 1, 1)) * (towards - HANDSHAPES["relaxed"])
    return Track(np.repeat(place[:, None], n, 1), np.repeat(turn[:, None], n, 1), np.repeat(fingers[:, None], n, 1))


def gap_frames(before: Track, after: Track, signer: Signer, rng: np.random.Generator, rate: float) -> int:
    """Frames of the transition between two tracks, at least 1; a longer way takes longer.

    rate: frame rate as a multiple of 25 frames per second.
    """
    way = np.linalg.norm(after.palm[:, 0] - before.palm[:, -1], axis=-1).max()
    frames = (2.3 + 7.5 * way) / signer.speed * np.exp(np.clip(rng.normal(0, 0.08), -0.15, 0.15))
    return max(1, round(float(np.clip(frames, 2.5, 6.4)) * rate))


@lru_cache(maxsize=32)
def _orientation(name: str) -> np.ndarray:
    fingers, palm = ORIENTATIONS[name]
    return from_directions(np.array(fingers), np.array(palm))


def _turned(orientation: str, tilt: np.ndarray, local: np.ndarray) -> np.ndarray:
    """(n, 4) quaternions of a hand in an orientation, off by the rotation vector `tilt`, turned by `local`."""
    return multiply(multiply(_orientation(orientation), from_vector(tilt)), local)
