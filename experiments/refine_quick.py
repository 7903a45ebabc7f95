"""Does refinement help? Known motion, simulated detections, lift, refine, compare with the truth.

    .venv/bin/python -m experiments.refine_quick [--clips 300] [--minutes 4] [--weights FILE]

Training clips are lifts of *studio* detections (few errors); the network never sees the truth. Tests are lifts of
*broadcast* detections of other sentences by the same signers. The errors are made here, by other code than
`skeletor.learning.corrupt`. But the degraded versions of the training clips are made by the same code as the test's
errors, at other rates: only `--no-degraded` shows what the network does about errors of a kind that it was not shown.
Prints errors against the truth and against the lift of the true 2D, so that errors of lifting and of detection are told
apart.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.metrics import PoseErrors, pose_errors
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.registry import REFINERS, build_refiner
from skeletor.refiners.training.train import train_preset, train_refiner

PIXELS = 100.0  # a shoulder width in the simulated picture
HANDS = {"left_hand": 7, "right_hand": 4}


@dataclass(frozen=True)
class DetectorErrors:
    """Shares of frames, and noise in shoulder widths (at rest, and per shoulder width of motion in a frame)."""

    drop: float
    freeze: float
    swap: float
    rest: float
    motion: float


STUDIO = DetectorErrors(drop=0.02, freeze=0.003, swap=0.01, rest=0.005, motion=0.03)
MEDIUM = DetectorErrors(drop=0.08, freeze=0.02, swap=0.04, rest=0.015, motion=0.06)  # not the test's
BROADCAST = DetectorErrors(drop=0.12, freeze=0.015, swap=0.08, rest=0.010, motion=0.10)


def detect(pose: PoseSequence, errors: DetectorErrors | None, rng: np.random.Generator) -> PoseSequence:
    """2D detections in pixels of a pose in metres seen from the front; None: the true 2D."""
    truth = pose.keypoints[:, :, :2] / normalise_scale(pose)  # (T, J, 2) shoulder widths
    points, confidence = truth.copy(), np.full(truth.shape[:2], 0.9, np.float32)
    if errors is not None:
        points, confidence = _spoil(truth, errors, rng)
    points = points * PIXELS + np.array([300.0, 200.0])
    points[confidence == 0] = np.nan
    return PoseSequence(points, confidence, pose.fps, SIGNING_50, Provenance(units="pixel", estimator="simulated"))


def degrade(pose: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """A worse version of studio detections, as a training may make it: no truth is used."""
    truth = pose.keypoints / PIXELS
    points, confidence = _spoil(np.nan_to_num(truth), MEDIUM, rng)
    gone = (confidence == 0) | pose.missing
    points[gone] = np.nan
    return pose.replace(points * PIXELS, np.where(gone, 0, confidence))


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
    from slt.synthetic.signing.lexicon import LEXICON
    from slt.synthetic.signing.motion import perform
    from slt.synthetic.signing.signers import SIGNERS

    rng = np.random.default_rng(seed)
    glosses = list(LEXICON)

    def one() -> PoseSequence:
        signer = SIGNERS[rng.integers(len(SIGNERS))]
        return perform([glosses[g] for g in rng.integers(len(glosses), size=rng.integers(3, 9))], signer, rng).pose

    return [one() for _ in range(count)]


def row(
    name: str, poses: list[PoseSequence], lifts: list[PoseSequence], truths: list[PoseSequence]
) -> dict[str, float]:
    """Print and return one line of the table."""
    against_lift, against_truth = pose_errors(poses, lifts), pose_errors(poses, truths)

    def values(errors: PoseErrors) -> list[float]:
        m = errors.mpjpe
        return [m["all"], m["body"], m["hands"], m["hands_relative"], errors.acceleration["all"], errors.bone_jitter]

    numbers = values(against_lift) + values(against_truth)
    print(f"{name:28}" + " ".join(f"{v:7.4f}" for v in numbers), flush=True)
    return dict(zip([f"{w}_{k}" for w in ("lift", "truth") for k in COLUMNS], numbers, strict=True))


COLUMNS = ("all", "body", "hands", "hands_relative", "acceleration", "bone_jitter")


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument(
        "--steps", type=int, default=1_000_000, help="upper limit, for a budget that load cannot change"
    )
    parser.add_argument("--no-degraded", action="store_true", help="without simulated bad versions of the clips")
    parser.add_argument("--weights", type=Path, help="use these instead of training")
    parser.add_argument("--out", type=Path, default=Path("runs/refine_quick"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    lifter = build_lifter(FastOptions())
    test = motion(30, seed=1)
    truths = [normalise(p) for p in test]
    lifts = lifter.many([detect(p, None, rng) for p in test])
    raw = lifter.many([detect(p, BROADCAST, rng) for p in test])
    weights = options.weights
    if weights is None:
        seen = [detect(p, STUDIO, rng) for p in motion(options.clips, seed=2)]
        clips = lifter.many(seen)
        worse = None if options.no_degraded else lifter.many([degrade(p, rng) for p in seen])
        config = train_preset("small", max_minutes=options.minutes, max_steps=options.steps)
        began = time.process_time()
        result = train_refiner(clips, config, options.out, degraded=worse, data="simulated studio detections")
        print(f"{result}\n{time.process_time() - began:.0f} s of CPU time")
        weights = result.weights
    print(f"{'':28}{'against the lift of true 2D':48}against the truth")
    print(f"{'':28}" + " ".join(f"{c[:7]:>7}" for c in COLUMNS + COLUMNS))
    table = {"raw": row("raw", raw, lifts, truths)}
    for name in ("linear", "savgol"):
        table[name] = row(name, build_refiner(REFINERS.parse({"name": name})).many(raw), lifts, truths)
    for radius, stride in ((8, 1), (16, 8), (24, 16), (24, 32)):
        refiner = build_refiner(REFINERS.parse({"weights": str(weights), "radius": radius, "stride": stride}))
        began = time.process_time()
        refined = refiner.many(raw)
        speed = sum(map(len, raw)) / (time.process_time() - began)
        label = f"skeletor r{radius} s{stride}"
        table[label] = row(f"{label} {speed:.0f}/s", refined, lifts, truths)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.json").write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
