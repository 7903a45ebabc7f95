"""Frames per second of each stage on one core, beside a peer measured in the same run: `make bench`.

    python -m experiments.bench [--frames 600]

CPU time, one thread, after a warm-up; the rendered signer is the input. Ratios above 1 mean that our stage is faster.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from skeletor.io.formats import read_pose, write_pose
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned_lifter import LearnedOptions
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.registry import build_refiner
from skeletor.refiners.smooth import SavgolOptions
from skeletor.refiners.trained import SkeletorOptions
from slt.estimators.mediapipe import MediaPipeOptions
from slt.estimators.registry import build_estimator
from slt.inference.chain import newest_model
from slt.synthetic.build import CorpusConfig, make_clip, plan_corpus
from slt.video import open_video


def main() -> None:
    """Print one line a stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=600)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), args.frames)


def run(folder: Path, frames: int) -> None:
    """All stages on clips with about `frames` frames together."""
    import torch

    torch.set_num_threads(1)
    config = CorpusConfig(train=1, dev=1, test=max(2, frames // 70), negatives=0, studio=2)
    plans = [plan for plan in plan_corpus(config) if plan.part == "test"]
    planar: list[PoseSequence] = []

    def render() -> None:
        planar.extend(make_clip(plan, config, folder)[1] for plan in plans)

    seconds = clock(render)
    count = sum(map(len, planar))
    line("motion + render + encode (broadcast)", count, seconds, "real time, 25 frames/s", count / 25)
    videos = sorted(folder.rglob("*.mp4"))
    few = videos[: max(1, len(videos) // 4)]
    shown = sum(open_video(v).frame_count for v in few)
    ours = build_estimator(MediaPipeOptions())
    ours(few[0])
    line("estimate (MediaPipe, no face mesh)", shown, clock(lambda: [ours(v) for v in few]),
         "mp.solutions Holistic", clock(lambda: holistic(few)))  # fmt: skip
    fast, reference = build_lifter(FastOptions()), build_lifter(ReferenceOptions())
    fast(planar[0])
    lifted: list[PoseSequence] = []
    seconds = clock(lambda: lifted.extend(fast.many(planar)))
    peer = clock(lambda: reference(planar[0])) * count / len(planar[0])
    line("lift (fast)", count, seconds, "reference, 1000 cycles", peer)
    network = build_lifter(LearnedOptions())
    network(planar[0])
    line("lift (the default network)", count, clock(lambda: network.many(planar)), "lift (fast)", seconds)
    model = newest_model()
    savgol = build_refiner(SavgolOptions())
    if model is not None and (model / "refiner.safetensors").exists():
        skeletor = build_refiner(SkeletorOptions(weights=str(model / "refiner.safetensors"), device="cpu"))
        skeletor(lifted[0])
        line("refine (Skeletor)", count, clock(lambda: skeletor.many(lifted)),
             "linear + Savitzky-Golay", clock(lambda: savgol.many(lifted)))  # fmt: skip
        translate(model, lifted, count)
    else:
        print("refine (Skeletor), translate: no trained model under runs/; run `make pipeline` first")
    files(folder, lifted, count)


def translate(model: Path, poses: list[PoseSequence], count: int) -> None:
    """Decoding as the model does it, beside one clip at a time."""
    from slt.inference.model_folder import load_model_folder

    translator = load_model_folder(model, "cpu").translator
    translator.translate(poses[:1])
    line("translate (batched beam search)", count, clock(lambda: translator.translate(poses)),
         "one clip at a time", clock(lambda: [translator.translate([p]) for p in poses]))  # fmt: skip


def files(folder: Path, poses: list[PoseSequence], count: int) -> None:
    """Reading poses back, beside the .pose format."""
    for k, pose in enumerate(poses):
        write_pose(pose, folder / f"{k}.safetensors")
        write_pose(pose, folder / f"{k}.pose")

    def read(suffix: str) -> float:
        return clock(lambda: [np.sum(read_pose(folder / f"{k}{suffix}").confidence) for k in range(len(poses))])

    line("read poses (safetensors)", count, read(".safetensors"), ".pose by pose-format", read(".pose"))


def holistic(videos: Sequence[Path]) -> None:
    """What a user would write with MediaPipe's own solution, a model for each video."""
    import mediapipe as mp

    for video in videos:
        with mp.solutions.holistic.Holistic(model_complexity=1) as model, open_video(video) as frames:
            for frame in frames:
                model.process(frame)


def clock(work: Callable[[], object]) -> float:
    """CPU seconds of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def line(what: str, count: int, seconds: float, peer: str, peer_seconds: float) -> None:
    """One line: ours, the peer, the ratio."""
    ours, theirs = count / max(seconds, 1e-9), count / max(peer_seconds, 1e-9)
    print(f"{what:38} {ours:9.0f} frames/s   {peer:26} {theirs:9.0f} frames/s   {ours / theirs:8.2f}x", flush=True)


if __name__ == "__main__":
    main()
