"""The invented signs of the re-synthesised PHOENIX14T: a seeded lexicon for any set of glosses, and 60 hand shapes.

The hand-shape classes of the annotation have numbers but no pictures, so which of our hand shapes a class gets is
ours: the classes in order of frequency get the shapes of `CLASS_SHAPES` in its order, in which each is as unlike those
before it as the inventory allows. The default shape of a gloss is its most frequent class.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from slt.data.alignments import GESTURE, Alignment, core
from slt.synthetic.signing.handshapes import HANDSHAPES, hand_joints
from slt.synthetic.signing.lexicon import LOCATIONS, MOVEMENTS, ORIENTATIONS, Hands, Sign

CLASSES = 60  # hand-shape classes 1 to 60
_HANDS: Mapping[Hands, float] = {"one": 0.50, "symmetric": 0.25, "base": 0.15, "alternating": 0.10}
_CROSSING = ("chest", "centre", "contra", "contra_high")  # two hands would collide there
_STRAIGHT = np.radians(40)  # a finger whose joints bend less in sum is straight
_LEAST = np.radians(2)  # fingers do not bend backwards
_TOGETHER, _OUT = HANDSHAPES["fist"][0], HANDSHAPES["L"][0]  # thumbs


@dataclass(frozen=True)
class Entry:
    """How a gloss is signed. shape: number of its default hand shape in `class_shapes`. repeats: of the movement."""

    sign: Sign
    shape: int
    repeats: int


@dataclass(frozen=True)
class ResynthLexicon:
    """entries by gloss. ranks: (61,) number of each hand-shape class in `class_shapes`."""

    entries: Mapping[str, Entry]
    ranks: tuple[int, ...]


@cache
def class_shapes() -> tuple[tuple[str, ...], np.ndarray]:
    """Names (60) and angles (60, 5, 4) of hand shapes, each as unlike those before it as the inventory allows.

    The inventory: the hand shapes of `handshapes`; each with its straight fingers bent at the knuckles ("-bent"); and
    each with the thumb out where it lay over the fingers or the other way round ("-thumb"), with straight fingers
    hooked. Unlike: mean distance of the 21 joints.
    """
    found: dict[str, np.ndarray] = {}
    for name, angles in HANDSHAPES.items():
        if name == "relaxed":
            continue
        straight = angles[1:, 1:].sum(1) < _STRAIGHT  # (4,) fingers
        bent, other = angles.copy(), angles.copy()
        bent[1:, 1] += np.where(straight, np.radians(42), np.radians(-25))
        other[1:, 2] += np.where(straight, np.radians(48), np.radians(-30))
        for shape in (bent, other):
            shape[1:, 1:] = np.maximum(shape[1:, 1:], _LEAST)
        out = np.abs(angles[0] - _OUT).sum() < np.abs(angles[0] - _TOGETHER).sum()
        other[0] = _TOGETHER if out else _OUT
        found |= {name: angles, f"{name}-bent": bent, f"{name}-thumb": other}
    names, angles = list(found), np.stack(list(found.values()))
    joints = hand_joints(angles)  # (N, 21, 3)
    apart = np.linalg.norm(joints[:, None] - joints[None], axis=-1).mean(-1)  # (N, N)
    order = [names.index("flat")]
    while len(order) < CLASSES:
        nearest = apart[order].min(0)
        order.append(int(nearest.argmax()))
    return tuple(names[k] for k in order), angles[order]


def make_lexicon(glosses: Collection[str], clips: Collection[Alignment], seed: int) -> ResynthLexicon:
    """A lexicon for all glosses; no two entries are the same in all parameters. Deterministic by `seed`.

    clips: the training clips' alignments, for the frequencies of hand-shape classes (T,) and each gloss's most frequent
    one. A gloss with marks (loc-X, neg-X, X-PLUSPLUS) shares with X what the mark does not change: a mark of place
    changes the place, another one the movement, and repetition repeats the movement.
    """
    counts = np.bincount(np.concatenate([c.hands for c in clips]), minlength=CLASSES + 1)[: CLASSES + 1]
    ranks = np.zeros(CLASSES + 1, int)
    ranks[1 + np.argsort(-counts[1:], kind="stable")] = np.arange(CLASSES)
    shapes = _default_classes(clips)
    entries: dict[str, Entry] = {}
    taken: set[Entry] = set()
    everything = set(glosses) | {core(g) for g in glosses} | {GESTURE}
    for gloss in sorted(everything, key=lambda g: (g != core(g), g)):
        rng = np.random.default_rng([seed, zlib.crc32(gloss.encode())])
        plain = core(gloss)
        usual = shapes.get(gloss, shapes.get(plain, 0))
        shape = int(ranks[usual]) if usual else int(rng.integers(CLASSES))
        if gloss != plain:
            shape = entries[plain].shape if gloss not in shapes else shape
        for attempt in range(1000):
            entry = _draw(rng, shape) if gloss == plain else _variant(gloss, entries[plain], shape, rng, attempt)
            if entry not in taken:
                break
        else:
            raise AssertionError(f"no sign is left for {gloss}")
        entries[gloss] = entry
        taken.add(entry)
    return ResynthLexicon(entries, tuple(ranks.tolist()))


def frame_shapes(hands: np.ndarray, entry: Entry, ranks: Sequence[int]) -> np.ndarray:
    """(n, 5, 4) angles in radians for the n frames of one sign with hand-shape classes `hands` (n,), 0 for none.

    A frame without a class takes that of the last frame with one, else of the first; a sign without any class has its
    default shape. Raises IndexError for classes above 60.
    """
    known = np.flatnonzero(hands)
    number = np.full(len(hands), entry.shape)
    if len(known):
        latest = np.searchsorted(known, np.arange(len(hands)), side="right") - 1
        number = np.asarray(ranks)[hands[known[np.maximum(latest, 0)]]]
    return np.asarray(class_shapes()[1][number])


def _default_classes(clips: Collection[Alignment]) -> dict[str, int]:
    """The most frequent hand-shape class of each gloss, and of each gloss without its marks, if it has any."""
    counts: dict[str, Counter[int]] = {}
    for clip in clips:
        for span in clip.spans:
            seen = clip.hands[span.start : span.stop]
            for gloss in {span.gloss, core(span.gloss)} - {""}:
                counts.setdefault(gloss, Counter()).update(seen[seen > 0].tolist())
    return {g: max(c.items(), key=lambda item: (item[1], -item[0]))[0] for g, c in counts.items() if c}


def _draw(rng: np.random.Generator, shape: int) -> Entry:
    hands = list(_HANDS)[int(rng.choice(len(_HANDS), p=list(_HANDS.values())))]
    base = _pick(rng, [n for n in HANDSHAPES if n != "relaxed"]) if hands == "base" else ""
    sign = Sign(_names(shape), _place(rng, hands), _pick(rng, MOVEMENTS), _pick(rng, ORIENTATIONS), hands, base)
    return Entry(sign, shape, 1)


def _variant(gloss: str, plain: Entry, shape: int, rng: np.random.Generator, attempt: int) -> Entry:
    sign, repeats = plain.sign, plain.repeats
    place, movement, orientation = sign.location, sign.movement, sign.orientation
    if gloss.endswith("PLUSPLUS"):
        repeats = 2
    if gloss.startswith("loc-") or gloss.endswith("RAUM"):
        place = _place(rng, sign.hands)
    elif "-" in gloss and gloss.split("-")[0].islower():
        movement = _pick(rng, MOVEMENTS)
    if attempt > 20:  # all of these are taken
        orientation, place = _pick(rng, ORIENTATIONS), _place(rng, sign.hands)
    return Entry(Sign(_names(shape), place, movement, orientation, sign.hands, sign.base), shape, repeats)


def _names(shape: int) -> tuple[str, str]:
    """The shape of `handshapes` that a shape of ours was made of, at start and end."""
    name = class_shapes()[0][shape].partition("-")[0]
    return name, name


def _place(rng: np.random.Generator, hands: Hands) -> str:
    return _pick(rng, [p for p in LOCATIONS if hands == "one" or p not in _CROSSING])


def _pick(rng: np.random.Generator, options: Collection[str]) -> str:
    return list(options)[int(rng.integers(len(options)))]
