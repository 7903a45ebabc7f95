"""Long takes of one signer: clips of a finished demo run, with pauses, idleness and gestures between them.

Every clip was filmed by a camera of its own; here each is put where the same camera would see it: the neck in one
place, one width of shoulders. What lies between the clips is motion of the same signer, seen by a camera and by the
detector that was simulated for the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from experiments.long.config import JoinKind, TakeConfig
from skeletor.io.store import open_store
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import check_config
from skeletor.support.errors import InputError
from slt.pipeline.cache.stage import read_json
from slt.synthetic.build import CorpusConfig, Plan, clip_rng, plan_corpus
from slt.synthetic.detector.noise import DetectorNoise
from slt.synthetic.lift_clips import make_view
from slt.synthetic.signing.gestures import Part, perform_gestures
from slt.synthetic.signing.motion import perform, perform_idle
from slt.synthetic.signing.signers import Signer

FPS = 25.0
SIZE = (640, 640)  # of the picture, in pixels
_NECK, _WIDTH = np.array([320.0, 220.0]), 110.0  # where the neck is, and how wide the shoulders are


@dataclass(frozen=True)
class Piece:
    """One clip: its poses (T, 50, 2) in the take's picture; signs: (start, stop, gloss), frames of each sign."""

    name: str
    text: str
    pose: PoseSequence
    signs: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class Said:
    """A sentence of a take: frames start <= t < stop; signs: (start, stop) of each, frames of the take."""

    name: str
    text: str
    start: int
    stop: int
    signs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Take:
    """A long take: poses (T, 50, 2) in pixels as an estimator gives them, and what is signed when."""

    name: str
    pose: PoseSequence
    said: tuple[Said, ...]
    joins: tuple[JoinKind, ...]


@dataclass(frozen=True, eq=False)
class Material:
    """What takes are made of: a finished demo run."""

    run: Path

    @cached_property
    def corpus(self) -> CorpusConfig:
        """How the run's corpus was rendered. InputError if it was not."""
        stored = read_json(self.run / "config.json")
        if not isinstance(stored, Mapping) or not isinstance(stored.get("corpus"), Mapping):
            raise InputError(f"{self.run}: no run on a rendered corpus; give --run DIR, of configs/demo.yaml")
        return check_config(dict(stored["corpus"]), CorpusConfig, f"{self.run}/config.json")

    @cached_property
    def plans(self) -> list[Plan]:
        """All clips of the corpus."""
        return plan_corpus(self.corpus)

    @cached_property
    def noise(self) -> DetectorNoise:
        """The detector's errors, as they were simulated for the training clips."""
        return DetectorNoise.load(self.run / "poses" / "noise_broadcast.safetensors")

    def by_signer(self, part: str, most: int) -> dict[Signer, list[Plan]]:
        """The clips of a part by signer, at most so many of each, in order of their number."""
        found: dict[Signer, list[Plan]] = {}
        for plan in self.plans:
            if plan.part == part and plan.sentence is not None:
                found.setdefault(plan.signer, []).append(plan)
        return {signer: plans[:most] for signer, plans in found.items()}

    def detected(self, part: str) -> Mapping[str, PoseSequence]:
        """2D of the clips of a part by name: detected in test clips, simulated in training clips."""
        folder = self.run / ("poses" if part == "train" else "estimated") / part
        found = open_store(folder)
        if not found:
            raise InputError(f"{folder}: no poses; give --run DIR, of a finished run of configs/demo.yaml")
        return found

    def piece(self, plan: Plan, poses: Mapping[str, PoseSequence]) -> Piece:
        """A clip with the times of its signs, which are those of the motion that was filmed."""
        assert plan.sentence is not None
        spans = perform(plan.sentence.glosses, plan.signer, clip_rng(plan, self.corpus.seed), self.corpus.fps).spans
        return Piece(plan.name, plan.sentence.text, placed(poses[plan.name]), spans)


def placed(pose: PoseSequence) -> PoseSequence:
    """2D poses where the take's camera would see them; shoulders and neck as they are on median."""
    flat = normalise(pose)
    where = Provenance("take", "", "mediapipe", "", SIZE, "pixel")
    return PoseSequence(flat.keypoints * _WIDTH + _NECK, flat.confidence, flat.fps, SIGNING_50, where)


def make_take(
    name: str, pieces: Sequence[Piece], signer: Signer, config: TakeConfig, noise: DetectorNoise, part: Part,
    rng: np.random.Generator,
) -> Take:  # fmt: skip
    """All pieces one after the other, with something between each two, and before the first and behind the last.

    part: whose gestures are made between.
    """
    shares = config.kinds
    roll = _Roll(config, rng)
    joins: list[JoinKind] = []
    said: list[Said] = []
    roll.add(_between("idle", signer, config, noise, part, rng))
    for k, piece in enumerate(pieces):
        kind: JoinKind = list(shares)[int(rng.choice(len(shares), p=list(shares.values())))]
        first = piece.signs[0][0] if k and joins[-1] == "run-on" else 0
        last = piece.signs[-1][1] if kind == "run-on" and k + 1 < len(pieces) else len(piece.pose)
        start = roll.add(piece.pose.frames(first, last), must_be_smooth=first > 0)
        signs = tuple((max(a, first) + start - first, min(b, last) + start - first) for a, b, _ in piece.signs)
        said.append(Said(piece.name, piece.text, start, start + last - first, signs))
        joins.append(kind)
        if kind in ("pause", "idle", "gesture"):
            roll.add(_between(kind, signer, config, noise, part, rng))
    roll.add(_between("idle", signer, config, noise, part, rng))
    return Take(name, roll.pose(name), tuple(said), tuple(joins[:-1]))


def _between(
    kind: JoinKind, signer: Signer, config: TakeConfig, noise: DetectorNoise, part: Part, rng: np.random.Generator
) -> PoseSequence:
    """What a signer does who does not sign, as the detector sees it."""
    if kind == "gesture":
        motion = perform_gestures(signer, rng, part, int(rng.integers(1, config.gestures + 1)), FPS)
    else:
        low, high = config.pause_s if kind == "pause" else config.idle_s
        motion = perform_idle(signer, rng, float(rng.uniform(low, high)), FPS)
    return placed(make_view(motion.pose, rng, noise).seen)


class _Roll:
    """A take that grows by pieces."""

    def __init__(self, config: TakeConfig, rng: np.random.Generator) -> None:
        self._config, self._rng = config, rng
        self._points: list[np.ndarray] = []
        self._confidence: list[np.ndarray] = []
        self._frames = 0

    def add(self, pose: PoseSequence, must_be_smooth: bool = False) -> int:
        """Put a piece behind what is there; gives the frame where it begins."""
        if self._points and (must_be_smooth or self._rng.random() >= self._config.cut):
            low, high = self._config.smooth_s
            frames = max(1, round(float(self._rng.uniform(low, high)) * FPS))
            self._append(*_way(self._points[-1][-1], pose.keypoints[0], frames),
                         _way(self._confidence[-1][-1], pose.confidence[0], frames)[0])  # fmt: skip
        start = self._frames
        self._append(pose.keypoints, pose.confidence)
        return start

    def _append(self, points: np.ndarray, confidence: np.ndarray) -> None:
        confidence = np.where(np.isnan(points[..., 0]), 0, confidence)
        self._points.append(points)
        self._confidence.append(confidence)
        self._frames += len(points)

    def pose(self, name: str) -> PoseSequence:
        """All of it."""
        where = Provenance(name, "", "mediapipe", "", SIZE, "pixel")
        return PoseSequence(np.concatenate(self._points), np.concatenate(self._confidence), FPS, SIGNING_50, where)


def _way(before: np.ndarray, after: np.ndarray, frames: int) -> tuple[np.ndarray]:
    """`frames` values between two, slow at both ends; NaN where one of them is."""
    share = (np.arange(frames, dtype=np.float32) + 1) / (frames + 1)
    share = share * share * (3 - 2 * share)
    share = share.reshape(-1, *[1] * before.ndim)
    return (before * (1 - share) + after * share,)
