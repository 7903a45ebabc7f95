"""What a 2D refiner does in the chain: 2D and lifted 3D errors on the real detections of a finished run's test clips.

    python -m experiments.refine2d [--run runs/demo] [--only none gaussian port]

Each refiner is fitted as `slt run` does it: to the training clips' detections and true 2D. Writes
experiments/results/refine2d.md and refine2d.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.metrics import pose_errors
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.registry import Refiner
from skeletor.refiners2d.fit import fit_refiner_2d
from skeletor.refiners2d.registry import REFINERS_2D, FittedOptions, Refiner2D
from skeletor.support.config import load_config
from skeletor.support.errors import InputError, SkeletorError
from skeletor.support.progress import log, log_to
from slt.pipeline.config import RunConfig

RESULTS = Path("experiments/results")
GROUPS_3D = ("all", "body", "left_hand", "right_hand", "hands_relative")


def fitted(name: str, run: Path, seed: int) -> Refiner | None:
    """The refiner, fitted to a run's training clips; None for `none`."""
    if name == "none":
        return None
    config = REFINERS_2D.parse({"name": name})
    if not isinstance(config, FittedOptions):
        raise InputError(f"{name}: is not fitted; leave it out")
    truth, detected = open_store(run / "corpus" / "truth2d" / "train"), open_store(run / "poses" / "train")
    return Refiner2D(fit_refiner_2d(truth, detected, config, seed)[0])


def planar_errors(poses: Sequence[PoseSequence], truth: Sequence[PoseSequence]) -> dict[str, float]:
    """Mean and median errors of hand joints in palm lengths, as they are and relative to the hand's root, and the
    mean error of body joints in shoulder widths.

    A palm is as long as the clip ever shows it (95 % quantile): seen end-on it is no measure.
    """
    hands, relative, body = [], [], []
    for pose, true in zip(poses, truth, strict=True):
        p, t = pose.keypoints.astype(np.float64), true.keypoints.astype(np.float64)
        width = np.median(np.linalg.norm(t[:, 5] - t[:, 2], axis=1))
        body.append(np.linalg.norm(p[:, :8] - t[:, :8], axis=2).ravel() / width)
        for side in ("left_hand", "right_hand"):
            joints = list(SIGNING_50.group(side))
            palm = np.quantile(np.linalg.norm(t[:, joints[9]] - t[:, joints[0]], axis=1), 0.95)
            error = p[:, joints] - t[:, joints]
            hands.append(np.linalg.norm(error, axis=2).ravel() / palm)
            relative.append(np.linalg.norm(error - error[:, :1], axis=2).ravel() / palm)
    every, own, rest = (np.concatenate(x) for x in (hands, relative, body))
    return {
        "hands": float(np.nanmean(every)),
        "hands_median": float(np.nanmedian(every)),
        "hands_relative": float(np.nanmean(own)),
        "body": float(np.nanmean(rest)),
    }


def measure(name: str, run: Path, seed: int, raw: Mapping[str, PoseSequence]) -> dict[str, Any]:
    """One row."""
    start = time.process_time()
    refiner = fitted(name, run, seed)
    fitting = time.process_time() - start
    names = sorted(raw)
    poses = [raw[n] for n in names]
    start = time.process_time()
    refined = poses if refiner is None else refiner.many(poses)
    speed = sum(map(len, poses)) / max(time.process_time() - start, 1e-9)
    flat, deep = open_store(run / "corpus" / "truth2d" / "test"), open_store(run / "corpus" / "truth" / "test")
    lifted = build_lifter(FastOptions()).many(refined)
    errors = pose_errors(lifted, [normalise(deep[n]) for n in names])
    return {
        "name": name,
        "planar": planar_errors(refined, [flat[n] for n in names]),
        "lifted": {group: errors.mpjpe[group] for group in GROUPS_3D},
        "fit_seconds": fitting,
        "frames_per_second": speed if refiner else None,
        "clips": len(names),
    }


def markdown(rows: Sequence[Mapping[str, Any]], run: Path) -> str:
    """The table as Markdown."""
    head = (
        "| 2D refiner | hands, mean | median | from the root | body | lifted: all | body | left hand | right hand "
        "| hands from their wrists | CPU s to fit | frames/CPU s |"
    )
    lines = [
        f"Real detections of the {rows[0]['clips']} test clips of {run}; refiners fitted to its training clips. "
        "2D: hands in palm lengths, body in shoulder widths; lifted (`fast`): MPJPE in shoulder widths against the "
        "true motion.",
        "",
        head,
        "|---" + "|---:" * (head.count("|") - 2) + "|",
    ]
    for row in rows:
        cells = [f"{v:.4f}" for v in (*row["planar"].values(), *row["lifted"].values())]
        speed = "-" if row["frames_per_second"] is None else f"{row['frames_per_second']:,.0f}"
        lines.append("| " + " | ".join([row["name"], *cells, f"{row['fit_seconds']:.0f}", speed]) + " |")
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Make and print the table; 2 if the run is not there or not finished."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="folder of a finished `slt run`, rendered")
    parser.add_argument("--only", nargs="+", choices=REFINERS_2D.names(), default=REFINERS_2D.names())
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    log_to()
    torch.set_num_threads(1)
    try:
        raw = open_store(args.run / "estimated" / "test")
        if not raw or not (args.run / "corpus" / "truth2d").is_dir():
            raise InputError(f"{args.run}: no finished run of a rendered corpus; run `make pipeline`, or give --run")
        seed = load_config(args.run / "config.json", RunConfig).seed
        rows = []
        for name in args.only:
            rows.append(measure(name, args.run, seed, raw))
            log.info("%s: %s", name, rows[-1])
    except SkeletorError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    text = markdown(rows, args.run)
    print(text)
    write_text(args.results / "refine2d.md", f"{text}\nMade by `make port RUN=<folder of a run>`.\n")
    write_text(args.results / "refine2d.json", json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
