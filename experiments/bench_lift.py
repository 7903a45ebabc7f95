"""How fast is lifting, fast beside reference, in one run? CPU seconds of one thread, so other load matters little.

1. The same objective (Zelinka's), from the same start: plain descent (1000 cycles) and `skeletor.lifters.solve`.
2. The stage as the pipeline calls it: many short clips, fast and reference.

    OMP_NUM_THREADS=1 .venv/bin/python experiments/bench_lift.py [--clips 60]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from skeletor.lifters import reference, solve
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.synthetic.language.grammar import draw_glosses
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS

ORACLE = Path(__file__).parents[2] / "shared" / "oracles" / "uplift_ik" / "oracle_demo.npz"
R = TypeVar("R")


def timed(run: Callable[[], R], repeat: int = 1) -> tuple[R, float]:
    """The result and the least CPU seconds."""
    best = np.inf
    for _ in range(repeat):
        start = time.process_time()
        result = run()
        best = min(best, time.process_time() - start)
    return result, best


def signed(count: int) -> list[PoseSequence]:
    """Sentences of the rendered corpus as 2D pixels with a little noise."""
    poses = []
    for k in range(count):
        rng = np.random.default_rng((9, k))
        pose = perform(draw_glosses(rng), SIGNERS[k % len(SIGNERS)], rng).pose
        pixels = pose.keypoints[..., :2] * 400 + rng.normal(0, 1, (len(pose), 50, 2)) + 250
        poses.append(PoseSequence(pixels, pose.confidence * 0.8, pose.fps, SIGNING_50, Provenance(units="pixel")))
    return poses


def same_objective(name: str, target: np.ndarray, root: np.ndarray) -> None:
    """Print descent beside L-BFGS; target (T, 50, 3) standardised and without gaps."""
    begin = reference.start(target, reference.median_lengths(target), root)
    end, slow = timed(lambda: reference.descend(begin, target))
    goal = reference.objective(end, target).total
    print(f"\n{name}: {len(target)} frames; objective at the start {reference.objective(begin, target).total:.5f}\n")
    print("| method | CPU s | frames/s | objective | to the reference's | times as fast |\n|---|---|---|---|---|---|")
    print(f"| reference, 1000 cycles | {slow:.2f} | {len(target) / slow:.0f} | {goal:.5f} | 1 | 1 |")
    for iterations in (4, 6, 10, 20, 50):
        end, quick = timed(lambda n=iterations: solve.minimise(begin, target, n), 3)  # type: ignore[misc]
        value = reference.objective(end, target).total
        print(
            f"| L-BFGS, {iterations} iterations | {quick:.3f} | {len(target) / quick:.0f} | {value:.5f} "
            f"| {value / goal:.3f} | {slow / quick:.0f} |"
        )


def stage(poses: list[PoseSequence]) -> None:
    """Print the stage's speed on many clips."""
    frames = sum(map(len, poses))
    print(f"\nThe stage: {len(poses)} clips, {frames} frames\n")
    print("| mode | CPU s | frames/s | times as fast |\n|---|---|---|---|")
    few = poses[:5]
    _, slow = timed(lambda: build_lifter(ReferenceOptions()).many(few))
    slow_rate = sum(map(len, few)) / slow
    print(f"| reference (first {len(few)} clips) | {slow:.2f} | {slow_rate:.0f} | 1 |")
    lifter = build_lifter(FastOptions())
    lifter(poses[0])  # draws the sample of finger poses
    _, quick = timed(lambda: lifter.many(poses), 3)
    print(f"| fast, batched | {quick:.2f} | {frames / quick:.0f} | {frames / quick / slow_rate:.0f} |")
    _, single = timed(lambda: [lifter(pose) for pose in poses], 2)
    print(f"| fast, one by one | {single:.2f} | {frames / single:.0f} | {frames / single / slow_rate:.0f} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--clips", type=int, default=60)
    options = parser.parse_args()
    poses = signed(options.clips)
    raw = np.concatenate([poses[0].keypoints, poses[0].confidence[..., None]], 2)
    target = reference.interpolate(reference.prune(reference.standardise(raw)[0]))
    rng = np.random.default_rng(0)
    root = np.concatenate([target[:, 0, :2], np.zeros((len(target), 1))], 1) + rng.uniform(
        -1e-3, 1e-3, (len(target), 3)
    )
    same_objective("A sentence of the rendered corpus", target, root)
    if ORACLE.exists():
        with np.load(ORACLE, allow_pickle=False) as file:
            same_objective("The original's own sequence", file["target_xyw"].astype(np.float64), file["init_root"])
    stage(poses)


if __name__ == "__main__":
    main()
