"""How the defaults of the smoothers were found: grids of their options on simulated detections.

The best by one score is the default: the mean of position error and acceleration error against the lift of the true
2D, each as a share of linear interpolation's. Sentences, signers' motion and errors are of other seeds and sizes than
those of any table. The errors are made here, by other code than `skeletor.learning.corrupt`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from pydantic import Field

from experiments.report import Result, markdown, write_result
from experiments.request import Request
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.metrics import pose_errors
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.registry import REFINERS, build_refiner
from skeletor.support.config import Config
from slt.synthetic.signing.lexicon import LEXICON
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS

PIXELS = 100.0  # a shoulder width in the simulated picture
HANDS = {"left_hand": 7, "right_hand": 4}
NOISE = tuple(float(f"{v:.2g}") for v in 10 ** np.arange(-0.5, 4.1, 0.25))
GRIDS: dict[str, list[dict[str, Any]]] = {
    "savgol": [{"window": w, "order": o} for w, o in product((3, 5, 7, 9, 11), (1, 2, 3)) if w > o],
    "gaussian": [{"sigma": s} for s in (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5)],
    "one-euro": [
        {"min_cutoff": c, "beta": b} for c, b in product((0.5, 1, 2, 3, 4, 6, 8, 12), (0.0, 0.5, 1, 2, 4, 8, 16))
    ],
    "kalman velocity": [{"motion": "velocity", "process_noise": q} for q in NOISE],
    "kalman acceleration": [{"motion": "acceleration", "process_noise": q} for q in NOISE],
}


class SmoothersConfig(Config):
    """clips: sentences that are smoothed. seed: of them; their errors have the next one. only: names of grids."""

    clips: int = Field(30, ge=1)
    seed: int = Field(11, ge=0)
    only: list[str] = Field(list(GRIDS))


@dataclass(frozen=True)
class DetectorErrors:
    """Shares of frames, and noise in shoulder widths (at rest, and per shoulder width of motion in a frame)."""

    drop: float
    freeze: float
    swap: float
    rest: float
    motion: float


def detect(pose: PoseSequence, errors: DetectorErrors | None, rng: np.random.Generator) -> PoseSequence:
    """2D detections in pixels of a pose in metres seen from the front; None: the true 2D."""
    truth = pose.keypoints[:, :, :2] / normalise_scale(pose)  # (T, J, 2) shoulder widths
    points, confidence = truth.copy(), np.full(truth.shape[:2], 0.9, np.float32)
    if errors is not None:
        points, confidence = _spoil(truth, errors, rng)
    points = points * PIXELS + np.array([300.0, 200.0])
    points[confidence == 0] = np.nan
    return PoseSequence(points, confidence, pose.fps, SIGNING_50, Provenance(units="pixel", estimator="simulated"))


def normalise_scale(pose: PoseSequence) -> float:
    """Shoulder width in the pose's units."""
    record = normalise(pose).provenance.stage("normalise")
    assert record is not None
    return float(record.config["scale"])


def _spoil(truth: np.ndarray, errors: DetectorErrors, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    frames, joints, _ = truth.shape
    speed = np.zeros((frames, joints))
    speed[1:] = np.linalg.norm(np.diff(truth, axis=0), axis=2)
    deviation = errors.rest + errors.motion * speed
    deviation[:, :8] *= 0.5  # the body is found better
    white = rng.standard_t(3, size=truth.shape) / 3**0.5
    noise = (white + np.roll(white, 1, 0)) / 2**0.5
    points = truth + noise * deviation[..., None]
    confidence = np.clip(rng.normal(0.8, 0.1, (frames, joints)) - 2 * deviation, 0.1, 1)
    for name, wrist in HANDS.items():
        hand = list(SIGNING_50.group(name))
        common = rng.standard_t(3, size=(frames, 1, 2)) / 3**0.5
        points[:, hand] += common * deviation[:, [wrist], None]
        confidence[:, hand] = np.clip(rng.normal(0.65, 0.15, (frames, 1)) - 2 * deviation[:, [wrist]], 0.1, 1)
        moving = speed[:, wrist] > 0.08
        for start in np.flatnonzero(rng.random(frames) < errors.freeze / 3):
            points[start : start + rng.geometric(1 / 3) + 1, hand] = points[start, hand]
        other = list(SIGNING_50.group(next(n for n in HANDS if n != name)))
        near = np.linalg.norm(truth[:, 4] - truth[:, 7], axis=1) < 0.8
        for start in np.flatnonzero(rng.random(frames) < np.where(near, 1.5, 0.5) * errors.swap / 2):
            stop = start + rng.geometric(1 / 2)
            points[start:stop, hand] = points[start:stop, other]
        for start in np.flatnonzero(rng.random(frames) < np.where(moving, 2.5, 0.5) * errors.drop / 3):
            confidence[start : start + rng.geometric(1 / 3), hand] = 0
    return points, confidence.astype(np.float32)


def motion(count: int, seed: int) -> list[PoseSequence]:
    """Signed sentences in metres."""
    rng = np.random.default_rng(seed)
    glosses = list(LEXICON)

    def one() -> PoseSequence:
        signer = SIGNERS[rng.integers(len(SIGNERS))]
        return perform([glosses[g] for g in rng.integers(len(glosses), size=rng.integers(3, 9))], signer, rng).pose

    return [one() for _ in range(count)]


MEDIUM = DetectorErrors(drop=0.08, freeze=0.02, swap=0.04, rest=0.015, motion=0.06)


def make(request: Request, config: SmoothersConfig) -> None:
    """Score every set of options, and write the best of each grid."""
    rng = np.random.default_rng(config.seed + 1)
    clips, lifter = motion(config.clips, config.seed), build_lifter(FastOptions(absent="filled"))
    lifts = lifter.many([detect(pose, None, rng) for pose in clips])
    raw = lifter.many([detect(pose, MEDIUM, rng) for pose in clips])
    base = figures(raw, lifts, {"name": "linear"})
    rows: dict[str, list[dict[str, Any]]] = {}
    for label in config.only:
        rows[label] = []
        for options in GRIDS[label]:
            position, acceleration = figures(raw, lifts, {"name": label.split()[0], **options})
            score = (position / base[0] + acceleration / base[1]) / 2
            rows[label].append({"options": options, "score": score, "mpjpe": position, "acceleration": acceleration})
    best = {label: min(found, key=lambda row: float(row["score"])) for label, found in rows.items()}
    body = [
        [label, json.dumps(row["options"]), *(f"{row[key]:.4f}" for key in ("score", "mpjpe", "acceleration"))]
        for label, row in best.items()
    ]
    note = (
        "Against the lift of the true 2D, shoulder widths (acceleration: per squared frame). Score: mean of both as "
        f"shares of linear interpolation's, {base[0]:.4f} and {base[1]:.4f}."
    )
    text = markdown("The best options", ["", "options", "score", "position", "acceleration"], body, note)
    result = Result([text], {"linear": base, "grids": rows})
    write_result(result, request.results, request.name, "Smoothers", request.about(config, config.seed))


def figures(raw: list[PoseSequence], lifts: list[PoseSequence], options: dict[str, Any]) -> tuple[float, float]:
    """Position error and acceleration error of a smoother, over all joints."""
    errors = pose_errors(build_refiner(REFINERS.parse(options)).many(raw), lifts)
    return errors.mpjpe["all"], errors.acceleration["all"]
