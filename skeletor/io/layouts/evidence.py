"""Evidence for a layout of points, by whether they lie like a person's joints; tells layouts of equal length apart.

A picture's y goes down and signers sit or stand upright, mostly facing the camera. A layout is tried on the data:
under the right one the neck lies between the shoulders, the head above them, elbows and wrists within an arm's
length and at their own side, and the roots of the hands at the wrists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skeletor.io.layouts.tables import Layout, choices
from skeletor.support.errors import InputError

DOUBTFUL, SURE = 0.5, 3.0  # score below and weight above which named points are doubted
SAMPLE = 400  # so many people, over all frames, are looked at
ENOUGH = 1.5  # weight of the checks that could be made
LIKELY = 0.7  # share of the checks that a right layout passes
MOSTLY = 0.9  # of the frames
# Detectors confuse hands for a moment, too: OpenPose in 49 of the 30,019 frames of DGS that show both apart.
_MOMENT, _CONFUSED = 5, 0.05  # frames, and share of them, from which on hands at the other wrists are told
APART = 0.15  # by which it is ahead of the next


@dataclass(frozen=True)
class Evidence:
    """How far data speak for a layout. score: weighted share of checks passed; weight: of all that could be made.

    note: what a user should know of the choice, or "".
    """

    score: float
    weight: float
    note: str = ""

    @property
    def holds(self) -> bool:
        """True if the layout may be right: weight at least `ENOUGH`, score at least `LIKELY`."""
        return self.weight >= ENOUGH and self.score >= LIKELY


class _Body:
    """Joints (R, 2) of R people by name, and the checks on them."""

    def __init__(self, joints: Mapping[str, np.ndarray]) -> None:
        self._joints = joints
        self._none = np.full_like(next(iter(joints.values())), np.nan)
        left, right = self.at("left_shoulder"), self.at("right_shoulder")
        self.middle = (left + right) / 2
        self.facing = left[:, 0] - right[:, 0]  # > 0 for who faces the camera
        width = np.linalg.norm(left - right, axis=1)
        everything = np.stack(list(joints.values()), 1)
        extent = np.ma.ptp(np.ma.masked_invalid(everything), axis=1).max(1).filled(0)
        # Seen from the side the shoulders' distance says nothing.
        self.width = np.where(width > 0.1 * np.asarray(extent), width, np.nan)  # (R,)

    def at(self, joint: str) -> np.ndarray:
        """(R, 2) a joint, NaN where it is not seen."""
        return self._joints.get(joint, self._none)

    def apart(self, a: str, b: str) -> np.ndarray:
        """(R,) distance of two joints in shoulder widths."""
        return self._width(self.at(a) - self.at(b))

    def _width(self, vectors: np.ndarray) -> np.ndarray:
        distance: np.ndarray = np.linalg.norm(vectors, axis=1) / self.width
        return distance

    def checks(self) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """(weight, value, passed), each (R,); a check could be made where its value is a number."""
        neck = self._width(self.at("neck") - self.middle)
        slope = np.abs((self.at("left_shoulder") - self.at("right_shoulder"))[:, 1]) / self.width
        above = (self.middle - self.at("nose"))[:, 1] / self.width
        found = [(1.0, neck, neck < 0.4), (1.0, above, (above > 0.1) & (above < 2)), (1.0, slope, slope < 0.5)]
        found.append(self._same_side(self.facing, 0.5))
        for side, other in (("left", "right"), ("right", "left")):
            upper = self.apart(f"{side}_shoulder", f"{side}_elbow")
            across = self.apart(f"{other}_shoulder", f"{side}_elbow")
            found.append((0.5, upper + across, (upper < 1.8) & (upper < across)))
            lower = self.apart(f"{side}_elbow", f"{side}_wrist")
            found.append((0.5, lower, lower < 1.8))
            root = self.apart(f"{side}_wrist", f"{side}_hand_root")
            found.append((1.5, root, root < 0.5))
            wrong = self.apart(f"{side}_wrist", f"{other}_hand_root")
            told = np.where(np.abs(wrong - root) > 0.4, root, np.nan)  # hands that are not together
            found.append((1.0, told, root < wrong))
        return found + self._lesser()

    def _lesser(self) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """Joints that many tools make up when they do not see them count little."""
        found = []
        for joint, reach in (("eye", 0.6), ("ear", 0.8)):
            for side in ("left", "right"):
                far = self.apart("nose", f"{side}_{joint}")
                found.append((0.25, far, far < reach))
            found.append(self._same_side(self.at(f"left_{joint}")[:, 0] - self.at(f"right_{joint}")[:, 0], 0.25))
        hips = self.at("left_hip"), self.at("right_hip")
        low = ((hips[0] + hips[1]) / 2 - self.middle)[:, 1] / self.width
        found.append((0.25, low, low > 0.5))
        found.append(self._same_side((hips[0] - hips[1])[:, 0], 0.25))
        return found

    def _same_side(self, difference: np.ndarray, weight: float) -> tuple[float, np.ndarray, np.ndarray]:
        """The left one at the left shoulder's side."""
        value = difference / self.width
        return weight, value, (value > 0) == (self.facing > 0) if difference is not self.facing else value > 0


def evidence(joints: Mapping[str, np.ndarray]) -> Evidence:
    """How far people's joints lie as a body's should; our name -> (R, 2) in any unit, NaN where not seen."""
    score = total = 0.0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for weight, value, passed in _Body(joints).checks():
            made = np.isfinite(value)
            if made.any():
                score += weight * float(passed[made].mean())
                total += weight
    return Evidence(score / total if total else 0.0, total)


def doubts(joints: Mapping[str, np.ndarray]) -> str:
    """The checks that speak against joints, our name -> (R, 2), being what they are called; "" if none does."""
    found = evidence(joints)
    if found.weight >= SURE and found.score < DOUBTFUL:
        return "its points do not lie as a person's; are they what it says (--skeleton NAME says otherwise)?"
    if {"left_shoulder", "right_shoulder"} <= joints.keys():
        middle = (joints["left_shoulder"] + joints["right_shoulder"])[:, 1] / 2
        above = middle - joints["nose"][:, 1] if "nose" in joints else np.zeros(0)
        above = above[np.isfinite(above)]
        if len(above) and (above < 0).mean() > MOSTLY:
            return "the signer's head is below the shoulders: y has to go down the picture; is it turned round?"
        facing = (joints["left_shoulder"] - joints["right_shoulder"])[:, 0]
        facing = facing[np.isfinite(facing)]
        if len(facing) and (facing < 0).mean() > MOSTLY:
            return "the signer's left is at the left of the picture: seen from behind, or are left and right exchanged?"
    return _hands_exchanged(joints) or _hands_away(joints)


def _hands_away(joints: Mapping[str, np.ndarray]) -> str:
    """What to say of a hand that lies further from its wrist than an arm is long, in nearly all frames; else ""."""
    for side in ("left", "right"):
        hand = [points for joint, points in joints.items() if joint.startswith(f"{side}_hand_")]
        names = [f"{side}_{joint}" for joint in ("wrist", "elbow", "shoulder")]
        if not hand or not {*names, "left_shoulder", "right_shoulder"} <= joints.keys():
            continue
        wrist, elbow, shoulder = (joints[name] for name in names)
        palm = np.ma.masked_invalid(np.stack(hand)).mean(0).filled(np.nan)  # (R, 2) whose root may lie at 0, 0
        width = np.linalg.norm(joints["left_shoulder"] - joints["right_shoulder"], axis=1)
        arm = np.linalg.norm(shoulder - elbow, axis=1) + np.linalg.norm(elbow - wrist, axis=1)  # (R,)
        far = np.linalg.norm(palm - wrist, axis=1) - np.maximum(arm, width)  # (R,) NaN where something is not seen
        far = far[np.isfinite(far)]
        few = max(_MOMENT, _CONFUSED * np.isfinite(arm).sum())  # a hand out of the picture is found for a moment
        if len(far) >= few and (far > 0).mean() > MOSTLY:
            return (
                f"its {side} hand lies away from its wrist: are hands in coordinates of their own? Give the picture's"
            )
    return ""


def _hands_exchanged(joints: Mapping[str, np.ndarray]) -> str:
    """What to say of hands at the other wrist, where the wrists are well apart: of nearly all or of some; else "".

    Of some it is said where both hands are clearly there, and more often than detectors confuse them for a moment.
    """
    sides = ("left", "right")
    if not {f"{side}_{joint}" for side in sides for joint in ("wrist", "shoulder", "hand_root")} <= joints.keys():
        return ""
    wrists = [joints[f"{side}_wrist"] for side in sides]
    width = np.linalg.norm(joints["left_shoulder"] - joints["right_shoulder"], axis=1)
    apart = np.linalg.norm(wrists[0] - wrists[1], axis=1) > width / 2
    nearer, both, clearly = [], apart, apart
    for side, own, other in zip(sides, wrists, wrists[::-1], strict=True):
        root = joints[f"{side}_hand_root"]
        to_own, to_other = (np.linalg.norm(root - wrist, axis=1) for wrist in (own, other))
        told = apart & np.isfinite(to_own + to_other)
        nearer.append((to_other < to_own)[told])
        both, clearly = both & told, clearly & told & (to_other < to_own / 2)  # (R,)
    if all(len(one) > 0 and one.mean() > MOSTLY for one in nearer):
        return "its hands lie at the other wrists: are left and right hand exchanged?"
    count, of = int(clearly.sum()), int(both.sum())
    if count < max(_MOMENT, _CONFUSED * of):
        return ""
    return f"its hands lie at the other wrists in {count} of {of} frames: are left and right hand exchanged there?"


def choose(
    layouts: Sequence[Layout], points: np.ndarray, hands: Mapping[str, np.ndarray] | None = None
) -> tuple[Layout, Evidence]:
    """The one of `layouts`, all of N points, as which `points` (R, N, 2) make sense; NaN where nothing is seen.

    hands: joints (R, 2) that are known otherwise. Of two that differ in their sides alone, it is the first unless the
    signer faces the camera by the other, which is in its note. Raises InputError, with the names to choose from, if
    none makes sense, if two do alike, or if too little is seen to tell.
    """
    rows = np.isfinite(points[..., 0]).sum(1)
    best = np.sort(np.argsort(-rows, kind="stable")[:SAMPLE])
    known = {name: values[best] for name, values in (hands or {}).items()}
    tried = [(layout, evidence(known | {j: points[best, k] for j, k in layout.columns.items()})) for layout in layouts]
    tried.sort(key=lambda pair: -pair[1].score if pair[1].holds else 1.0)
    names = " or ".join(layout.name for layout in layouts)
    if not any(found.weight >= ENOUGH for _, found in tried):
        raise InputError(
            f"too little of a person is seen to tell whether {points.shape[1]} points are {names}; {choices(layouts)}"
        )
    if not tried[0][1].holds:
        raise InputError(f"{points.shape[1]} points that do not lie as those of {names}; {choices(layouts)}")
    near = [pair for pair in tried if pair[1].holds and tried[0][1].score - pair[1].score < APART]
    if len(near) == 2 and _mirrored(near[0][0], near[1][0]):
        first, other = sorted(near, key=lambda pair: layouts.index(pair[0]))
        near = [first]
        if _faces_us({joint: points[best, k] for joint, k in other[0].columns.items()}):
            note = f"its points are read as {other[0].name}: as {first[0].name}, nobody would face the camera"
            near = [(other[0], replace(other[1], note=note))]
    if len(near) != 1:
        raise InputError(f"{points.shape[1]} points that may be {names}; {choices(layouts)}")
    return near[0]


def _mirrored(one: Layout, other: Layout) -> bool:
    """Whether one layout is the other with left and right exchanged: they pass the same checks but for who faces us."""
    swap = {"left": "right", "right": "left"}
    exchanged = tuple(joint and "_".join(swap.get(word, word) for word in joint.split("_")) for joint in one.order)
    return exchanged == other.order


def _faces_us(joints: Mapping[str, np.ndarray]) -> bool:
    """Whether the signer faces the camera in nearly all frames."""
    facing = (joints["left_shoulder"] - joints["right_shoulder"])[:, 0]
    facing = facing[np.isfinite(facing)]
    return bool((facing > 0).mean() > MOSTLY) if len(facing) else False
