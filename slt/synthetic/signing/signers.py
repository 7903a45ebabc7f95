"""The signers of the rendered corpus: how each is built and how each moves. Looks are the renderer's."""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Signer:
    """A person. Lengths in metres; factors are 1 for the standard person.

    size: scales the signing space. head: neck to nose. shoulders: distance between them. hand: factor on
    all lengths of the hand. speed: factor on the pace. amplitude: of movements and of the distance of places
    from the centre. care: 1 is precise, larger is sloppier (scatter of places, hand shapes, directions).
    elbow: how far elbows stick out (0 close to the body, 1 far). sway: of body and head. rest: where the palm
    of the resting right hand is, from the neck. left_handed: signs are mirrored. seed: of the personal accent.
    """

    name: str
    size: float
    head: float
    shoulders: float
    upper_arm: float
    forearm: float
    hand: float
    speed: float
    amplitude: float
    care: float
    elbow: float
    sway: float
    rest: Vector
    left_handed: bool
    seed: int


SIGNERS: tuple[Signer, ...] = (
    Signer("anna", 0.97, 0.205, 0.350, 0.280, 0.242, 0.95, 1.05, 1.00, 0.9, 0.50, 1.0, (-0.15, 0.37, 0.19), False, 11),
    Signer("bruno", 1.06, 0.225, 0.400, 0.310, 0.270, 1.08, 0.92, 1.08, 1.1, 0.70, 1.2, (-0.18, 0.41, 0.18), False, 12),
    Signer("clara", 0.94, 0.200, 0.340, 0.272, 0.234, 0.93, 1.12, 0.93, 1.0, 0.40, 0.8, (-0.12, 0.33, 0.21), False, 13),
    Signer("deniz", 1.02, 0.215, 0.378, 0.298, 0.256, 1.03, 1.00, 1.05, 0.8, 0.60, 0.9, (-0.16, 0.39, 0.19), True, 14),
    Signer("emil", 1.08, 0.228, 0.392, 0.318, 0.276, 1.07, 0.95, 0.95, 1.2, 0.45, 1.1, (-0.14, 0.38, 0.21), False, 15),
    Signer("farah", 0.96, 0.203, 0.346, 0.276, 0.244, 0.96, 1.08, 1.07, 1.0, 0.65, 1.3, (-0.13, 0.35, 0.20), False, 16),
    Signer("georg", 1.03, 0.220, 0.385, 0.300, 0.262, 1.05, 0.90, 1.00, 0.9, 0.55, 0.7, (-0.17, 0.40, 0.18), False, 17),
    Signer("hanna", 0.98, 0.208, 0.356, 0.286, 0.246, 0.98, 1.03, 0.90, 1.1, 0.35, 1.0, (-0.12, 0.36, 0.21), True, 18),
    Signer("ivo", 1.01, 0.212, 0.370, 0.292, 0.254, 1.00, 1.00, 1.10, 1.0, 0.75, 1.2, (-0.16, 0.38, 0.19), False, 19),
    Signer("jana", 0.95, 0.202, 0.352, 0.274, 0.238, 0.94, 1.10, 1.03, 1.1, 0.50, 0.9, (-0.14, 0.34, 0.20), False, 20),
)  # fmt: skip

_HELD_OUT = ("georg", "hanna")


def split_signers(disjoint: bool) -> dict[str, tuple[Signer, ...]]:
    """The signers of `train`, `dev` and `test`, by split.

    disjoint: dev and test are signed by two people (one left-handed) who are not in train; otherwise all
    sign everywhere, as in PHOENIX14T.
    """
    if not disjoint:
        return dict.fromkeys(("train", "dev", "test"), SIGNERS)
    unseen = tuple(s for s in SIGNERS if s.name in _HELD_OUT)
    seen = tuple(s for s in SIGNERS if s.name not in _HELD_OUT)
    return {"train": seen, "dev": unseen, "test": unseen}


def signer(name: str) -> Signer:
    """A signer by name. Raises KeyError if there is none of that name."""
    return {s.name: s for s in SIGNERS}[name]
