"""What people do with their hands when they do not sign: scratch, drink, point, fold their arms.

A gesture goes from rest to a place, stays there or moves to and fro, and comes back to rest. Two kinds of them
(`PARTS`) have no gesture in common, so that a test can show what a training has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from slt.synthetic.signing.body import ARMS, Track, embody, join
from slt.synthetic.signing.handshapes import HANDSHAPES
from slt.synthetic.signing.lexicon import ORIENTATIONS
from slt.synthetic.signing.motion import Performance, rest_track
from slt.synthetic.signing.rotation import from_directions, from_vector, multiply
from slt.synthetic.signing.signers import Signer, Vector

Hands = Literal["one", "other", "both"]
Part = Literal["train", "test"]


@dataclass(frozen=True)
class Gesture:
    """place: (3,) metres from the neck, of the palm of a right hand. hands: the dominant one, the other, or both.

    stay: shortest and longest time there, in seconds. sway: (3,) metres, how far it moves to and fro there, `rate`
    times a second; 0 for a hand that is held. shape, orientation: of the hand, as in the lexicon.
    """

    place: Vector
    hands: Hands
    stay: tuple[float, float]
    sway: Vector = (0.0, 0.0, 0.0)
    rate: float = 0.0
    shape: str = "relaxed"
    orientation: str = "self"


GESTURES: Mapping[Part, Mapping[str, Gesture]] = MappingProxyType(
    {
        "train": {
            "scratch head": Gesture((-0.08, -0.28, 0.12), "one", (0.5, 2.0), (0.01, 0.02, 0.0), 3.0, "claw"),
            "drink": Gesture((-0.05, -0.06, 0.18), "one", (0.6, 2.0), (0.0, 0.01, 0.0), 0.5, "C", "side"),
            "fold arms": Gesture((0.07, 0.17, 0.17), "both", (1.0, 5.0), orientation="side"),
            "wave": Gesture((-0.30, -0.12, 0.22), "one", (0.8, 2.5), (0.08, 0.0, 0.0), 2.0, "five", "camera"),
            "rub hands": Gesture((-0.04, 0.22, 0.22), "both", (0.8, 3.0), (0.0, 0.03, 0.02), 2.5, "flat", "side"),
            "adjust glasses": Gesture((-0.08, -0.19, 0.16), "both", (0.3, 1.0), (0.0, 0.01, 0.0), 1.0, "pinch"),
            "scratch arm": Gesture((0.14, 0.16, 0.17), "one", (0.6, 2.5), (0.01, 0.04, 0.0), 2.5, "claw", "side"),
            "other hand at the face": Gesture((-0.04, -0.12, 0.15), "other", (0.6, 3.0), (0.0, 0.01, 0.0), 1.0),
        },
        "test": {
            "chin in hand": Gesture((-0.03, -0.06, 0.15), "one", (0.8, 4.0), (0.0, 0.004, 0.0), 0.7, "fist"),
            "telephone": Gesture((-0.14, -0.16, 0.09), "one", (1.5, 5.0), (0.005, 0.005, 0.0), 0.5, "fist"),
            "point": Gesture((-0.24, 0.04, 0.38), "one", (0.5, 1.5), shape="index", orientation="down"),
            "shrug": Gesture((-0.29, 0.15, 0.24), "both", (0.3, 0.8), (0.0, 0.02, 0.0), 1.0, "five", "up"),
            "collar": Gesture((-0.05, 0.05, 0.14), "both", (0.8, 2.5), (0.015, 0.015, 0.0), 1.5, "pinch"),
            "hair": Gesture((-0.11, -0.22, 0.08), "one", (0.5, 1.5), (0.02, 0.06, 0.02), 1.2, "five"),
            "other hand scratches": Gesture((0.10, 0.10, 0.17), "other", (0.6, 2.0), (0.01, 0.03, 0.0), 3.0, "claw"),
        },
    }
)
_EASY = "relaxed"


def perform_gestures(
    signer: Signer, rng: np.random.Generator, part: Part, count: int, fps: float = 25.0
) -> Performance:
    """`count` gestures of a part, each from rest to rest, with up to two seconds of rest between them. No spans.

    Gives a pose (T, 50, 3) in metres at `fps` frames per second.
    """
    known = list(GESTURES[part].values())
    tracks, gaps = [rest_track(signer, _frames(rng, (0.1, 0.6), fps))], []
    for _ in range(count):
        tracks += [
            _stay(known[int(rng.integers(len(known)))], signer, rng, fps),
            rest_track(signer, _frames(rng, (0.1, 2.0), fps)),
        ]
        gaps += [_frames(rng, (0.25, 0.8), fps) for _ in range(2)]
    return Performance(embody(join(tracks, gaps), signer, rng, fps, "gesture", sway=1.5), ())


def _frames(rng: np.random.Generator, seconds: tuple[float, float], fps: float) -> int:
    return max(2, round(float(rng.uniform(*seconds)) * fps))


def _stay(gesture: Gesture, signer: Signer, rng: np.random.Generator, fps: float) -> Track:
    """The hands while they are where the gesture takes them; a hand that it does not need rests."""
    n = _frames(rng, gesture.stay, fps)
    rest = rest_track(signer, n)
    palm, turn, fingers = rest.palm.copy(), rest.turn.copy(), rest.fingers.copy()
    wave = np.sin(2 * np.pi * (gesture.rate * rng.uniform(0.7, 1.3) * np.arange(n) / fps + rng.random()))
    arms = {"one": [0], "other": [1], "both": list(range(ARMS))}[gesture.hands]
    for arm in arms:
        place = (np.array(gesture.place) + rng.normal(0, 0.015, 3)) * signer.size
        palm[arm] = place + wave[:, None] * np.array(gesture.sway) * rng.uniform(0.6, 1.4)
        held = from_directions(*(np.array(vector) for vector in ORIENTATIONS[gesture.orientation]))
        turn[arm] = multiply(held, from_vector(rng.normal(0, 0.15, 3)))
        share = rng.uniform(0.6, 1.0)
        fingers[arm] = HANDSHAPES[_EASY] + share * (HANDSHAPES[gesture.shape] - HANDSHAPES[_EASY])
    return Track(palm, turn, fingers)
