"""The smoothers: how their defaults were found, and how they compare.

    .venv/bin/python -m experiments.smoothers tune
    .venv/bin/python -m experiments.smoothers train [--preset smoothnet] [--minutes 2] [--out FOLDER]
    .venv/bin/python -m experiments.smoothers table [--weights NAME=FILE ...]

`tune` tries grids of options on sentences and errors that are not the tables' test data (other seeds, MEDIUM errors)
and prints the best by one score: the mean of position error and acceleration error against the lift of the true 2D,
each as a share of linear interpolation's. `table` measures all smoothers with their defaults on the test data of
`experiments.refine_quick` (30 clips, BROADCAST errors), with frames per second of CPU time (one thread); networks
too, if weights are given: `train` trains a preset as refine_quick does. Two rows are no refiners: gaps filled with
hands carried by their wrists (`skeletor.refiners.fill`, how Skeletor's gaps are filled), and `kalman` of wrists and of
hands as seen from their wrists. They tell what of a network's gain is the network's.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from experiments.refine_quick import BROADCAST, COLUMNS, MEDIUM, STUDIO, DetectorErrors, degrade, detect, motion, row
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.hands import carriers
from skeletor.poses.metrics import pose_errors
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.fill import fill_carried
from skeletor.refiners.kalman import kalman
from skeletor.refiners.registry import REFINERS, RefineOptions, build_refiner, smoother_names
from skeletor.refiners.smooth import evidence, linear
from skeletor.refiners.training.train import train_preset, train_refiner

Poses = list[PoseSequence]
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


class Data(NamedTuple):
    """What is measured on: seed of the sentences, seed of the errors, the errors."""

    sentences: int
    noise: int
    errors: DetectorErrors


TUNE = Data(sentences=11, noise=12, errors=MEDIUM)
TEST = Data(sentences=1, noise=0, errors=BROADCAST)  # as in refine_quick


def data(plan: Data) -> tuple[Poses, Poses, Poses]:
    """Truth, lift of the true 2D, and lift of simulated detections, of 30 clips."""
    rng = np.random.default_rng(plan.noise)
    clips, lifter = motion(30, seed=plan.sentences), build_lifter(FastOptions())
    lifts = lifter.many([detect(p, None, rng) for p in clips])
    return [normalise(p) for p in clips], lifts, lifter.many([detect(p, plan.errors, rng) for p in clips])


def tune() -> None:
    """See the module's text."""
    _, lifts, raw = data(TUNE)

    def figures(**options: Any) -> tuple[float, float]:
        errors = pose_errors(build_refiner(REFINERS.parse(options)).many(raw), lifts)
        return errors.mpjpe["all"], errors.acceleration["all"]

    base = figures(name="linear")
    print(f"linear: position {base[0]:.4f}, acceleration {base[1]:.4f}")
    for label, grid in GRIDS.items():
        found = []
        for options in grid:
            position, acceleration = figures(name=label.split()[0], **options)
            score = (position / base[0] + acceleration / base[1]) / 2
            found.append((score, position, acceleration, json.dumps(options)))
        for name, key in (("score", 0), ("position", 1)):
            best = min(found, key=lambda f, k=key: f[k])  # type: ignore[misc]
            print(f"{label:20} best {name:8}: {best[0]:.4f} = {best[1]:.4f}, {best[2]:.4f} with {best[3]}", flush=True)


def train(preset: str, changes: dict[str, Any], minutes: float, clips: int, out: Path) -> Path:
    """Weights of a preset trained on studio clips and degraded versions of them, as refine_quick does."""
    rng = np.random.default_rng(0)
    lifter = build_lifter(FastOptions())
    seen = [detect(p, STUDIO, rng) for p in motion(clips, seed=2)]
    config = train_preset(preset, max_minutes=minutes, max_steps=1_000_000, **changes)  # type: ignore[arg-type]
    worse = lifter.many([degrade(p, rng) for p in seen])
    result = train_refiner(lifter.many(seen), config, out, degraded=worse, data="simulated studio detections")
    print(result)
    return result.weights


def carried(pose: PoseSequence) -> PoseSequence:
    """Gaps filled, hands with their wrists."""
    known = torch.from_numpy(evidence(pose, 0.3))[None]
    return pose.replace(fill_carried(torch.from_numpy(pose.keypoints)[None], known, pose.skeleton)[0].numpy())


def carried_kalman(pose: PoseSequence) -> PoseSequence:
    """`kalman` of hands as seen from their (filled, then smoothed) wrists, and of all other joints as they are."""
    wrists = linear(pose).keypoints[:, carriers(pose.skeleton)]
    is_hand = (np.array(carriers(pose.skeleton)) != np.arange(len(pose.skeleton)))[:, None]
    smooth = kalman(pose.replace(pose.keypoints - np.where(is_hand, wrists, 0))).keypoints
    return pose.replace(smooth + np.where(is_hand, smooth[:, carriers(pose.skeleton)], 0))


def table(weights: dict[str, Path]) -> None:
    """See the module's text."""
    truths, lifts, raw = data(TEST)
    frames = sum(map(len, raw))
    print(f"{'':28}{'against the lift of true 2D':48}against the truth")
    print(f"{'':28}" + " ".join(f"{c[:7]:>7}" for c in COLUMNS + COLUMNS))
    row("raw", raw, lifts, truths)
    configs: dict[str, RefineOptions] = {name: REFINERS.parse({"name": name}) for name in smoother_names()}
    configs["kalman acceleration"] = REFINERS.parse({"name": "kalman", "motion": "acceleration"})
    for label, file in weights.items():
        kind = "temporal-mlp" if label.startswith("temporal-mlp") else "skeletor"
        configs[label] = REFINERS.parse({"name": kind, "weights": str(file)})
    for label, config in configs.items():
        refiner = build_refiner(config)
        refiner.many(raw[:1])
        began = time.process_time()
        refined = refiner.many(raw)
        speed = frames / (time.process_time() - began)
        row(f"{label} {speed:.0f}/s", refined, lifts, truths)
    row("(carried fill)", [carried(pose) for pose in raw], lifts, truths)
    row("(carried kalman)", [carried_kalman(pose) for pose in raw], lifts, truths)


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("tune", "table", "train"))
    parser.add_argument("--minutes", type=float, default=2.0, help="of each training")
    parser.add_argument("--clips", type=int, default=300, help="to train on")
    parser.add_argument("--preset", default="smoothnet", help="to train")
    parser.add_argument("--changes", default="{}", help="JSON: top-level values of the preset to change")
    parser.add_argument("--weights", nargs="*", default=[], help="NAME=FILE; NAME begins with skeletor or temporal-mlp")
    parser.add_argument("--out", type=Path, default=Path("runs/smoothers"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "tune":
        tune()
    elif options.what == "train":
        train(options.preset, json.loads(options.changes), options.minutes, options.clips, options.out)
    else:
        table({name: Path(file) for name, file in (pair.split("=", 1) for pair in options.weights)})


if __name__ == "__main__":
    main()
