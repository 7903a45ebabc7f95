"""What training and refining cost: windows/s, waiting for data, frames/s, memory.

    taskset -c 2,3 python -m experiments.bench_refiner [--weights FILE] [--only training refining memory]
        [--frames 2000000] [--steps 60] [--clip 1536] [--folder DIR]

Prints tables and writes `DIR/bench_refiner.json`; what --only leaves out keeps what stands there. Clips are random
smooth motions: the cost does not depend on what is signed. Every memory figure is of a process of its own. "One pass
per frame" is the network run once for every frame, on the window around it, without averaging: what the average over
2r+1 windows may cost 1.3 times as much as.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skeletor.io.piecewise import ClipForm, write_pieces
from skeletor.learning.frame_store import open_frames
from skeletor.learning.pack import FrameWriter
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.fill import fill_missing
from skeletor.refiners.registry import REFINERS
from skeletor.refiners.stream import HORIZON, StreamingRefiner
from skeletor.refiners.stream_file import refine_file
from skeletor.refiners.training.train import load_refiner, train_preset, train_refiner
from skeletor.refiners.weights import LoadedRefiner
from skeletor.refiners.windowed import SkeletorRefiner

BASELINES = ("linear", "savgol", "kalman")
PARTS = ("training", "refining", "memory")
LENGTHS = {"1 s": 25, "1 min": 1500, "1 h": 90_000}


def motion(frames: int, seed: int = 0) -> PoseSequence:
    """Smooth random motion in shoulder widths, a tenth of the joints missing."""
    rng = np.random.default_rng(seed)
    shape = rng.normal(size=(50, 3)) * 0.3
    rate, phase = rng.uniform(0.3, 1, (2, 50, 3))
    keypoints = np.empty((frames, 50, 3), np.float32)
    for k in range(0, frames, 4096):
        t = np.arange(k, min(frames, k + 4096))[:, None, None] / 25
        keypoints[k : k + 4096] = shape + 0.2 * np.sin(2 * np.pi * (t * rate + phase))
    confidence = rng.random((frames, 50), np.float32)
    gone = confidence < 0.1
    keypoints[gone], confidence[gone] = np.nan, 0
    return PoseSequence(keypoints, confidence, 25, SIGNING_50, Provenance(units="shoulder"))


def seconds(functions: dict[str, Callable[[], Any]], repeat: int = 3) -> dict[str, float]:
    """Best of some runs of each, in wall time; they take turns, so that a disturbance does not hit one alone."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeat):
        for name, function in functions.items():
            began = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - began)
    return {name: min(each) for name, each in times.items()}


@torch.inference_mode()
def one_pass_per_frame(loaded: LoadedRefiner, pose: PoseSequence, batch: int = 64) -> None:
    """The network alone: the window around each frame, gaps and all, no averaging."""
    model, info = loaded.model, loaded.info
    points, sure = (torch.from_numpy(x)[None] for x in (pose.keypoints, pose.confidence))
    points, sure = fill_missing(points, sure, info.fill, info.minimum_confidence, info.skeleton, model.rest, HORIZON)
    around = torch.arange(len(pose))[:, None] + torch.arange(model.window) - model.window // 2
    for part in around.clamp(0, len(pose) - 1).split(batch):  # (W, n1)
        model(points[0, part], sure[0, part])


def streamed(loaded: LoadedRefiner, pose: PoseSequence, size: int) -> None:
    """Refine frames that come `size` at a time."""
    stream = StreamingRefiner(loaded)
    for k in range(0, len(pose), size):
        stream.push(pose.keypoints[k : k + size], pose.confidence[k : k + size])
    stream.finish()


def refinement(loaded: LoadedRefiner, frames: int) -> dict[str, float]:
    """Frames per second of everything, and the ratio to one pass per frame."""
    pose = motion(frames)
    every, default = SkeletorRefiner(loaded, stride=1), SkeletorRefiner(loaded)
    alone, averaged = "network, one pass per frame", "skeletor, averaged over 2r+1 windows, stride 1"
    functions: dict[str, Callable[[], Any]] = {
        alone: lambda: one_pass_per_frame(loaded, pose),
        averaged: lambda: every(pose),
        "skeletor, default stride": lambda: default(pose),
        **{f"streaming, {n} at a time": partial(streamed, loaded, pose, n) for n in (1, 25)},
    }
    for name in BASELINES:
        functions[name] = partial(REFINERS.build(REFINERS.parse({"name": name})), pose)
    spent = seconds(functions)
    table = {name: round(frames / each, 1) for name, each in spent.items()}
    return {**table, "cost of stride 1 / one pass per frame": round(spent[averaged] / spent[alone], 3)}


def memory(weights: str, mode: str, frames: int) -> None:
    """In a process of its own: refine a number of frames; print resident bytes before, and the peak."""
    torch.set_num_threads(1)
    loaded = load_refiner(weights)
    pose = motion(min(frames, 1500))
    SkeletorRefiner(loaded)(pose.frames(0, 200))  # libraries are loaded, buffers made
    if mode == "stream":
        before, stream = now(), StreamingRefiner(loaded)
        for k in range(0, frames, 25):
            part = pose.frames(k % len(pose), k % len(pose) + 25)
            stream.push(part.keypoints, part.confidence)
        stream.finish()
    elif mode == "file to file":
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
            form = ClipForm(frames, pose.dims, pose.fps, pose.skeleton, pose.provenance)
            with write_pieces({"clip": form}, source) as writer:
                for k in range(0, frames, 25):
                    part = pose.frames(k % len(pose), min(k % len(pose) + 25, k % len(pose) + frames - k))
                    writer.append("clip", part.keypoints, part.confidence)
            before = now()
            refine_file(source, target, SkeletorRefiner(loaded))
    else:
        pose = motion(frames)
        before = now()
        SkeletorRefiner(loaded)(pose)
    print(json.dumps([before, peak()]))


def now() -> int:
    """Resident bytes; the peak is counted from here on."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def peak() -> int:
    """Most resident bytes since `now` (getrusage would give those of the process that started this one, too)."""
    return status("VmHWM")


def memory_table(weights: Path) -> dict[str, dict[str, float]]:
    """MB above what the process had before, by mode and length."""
    table: dict[str, dict[str, float]] = {}
    for mode in ("stream", "file to file", "whole clip"):
        table[mode] = {}
        for name, frames in LENGTHS.items():
            command = [sys.executable, "-m", "experiments.bench_refiner", "--memory", mode, str(frames)]
            out = subprocess.run([*command, "--weights", str(weights)], capture_output=True, text=True, check=True)
            before, after = json.loads(out.stdout.splitlines()[-1])
            table[mode][name] = round((after - before) / 1e6, 1)
    return table


def big_store(folder: Path, frames: int) -> dict[str, float]:
    """Write a store in a loop (unless it is there), and train on it: bytes, times, memory."""
    clip = motion(500)
    began = time.perf_counter()
    if not (folder / "frames.json").exists():
        writer = FrameWriter(folder, f"bench {frames}")
        for _ in range(frames // 500 - writer.clips_done):
            writer.add(clip)
        writer.finish()
    spent = time.perf_counter() - began
    size = sum(f.stat().st_size for f in folder.iterdir())
    return {"frames": frames, "bytes": size, "bytes_per_frame": round(size / frames, 2), "seconds": round(spent, 1)}


def training(folder: Path, out: Path, preset: str, steps: int) -> dict[str, float]:
    """Train for some steps on the store; windows/s and share of waiting from the last line of the log."""
    config = train_preset(
        preset,  # type: ignore[arg-type]
        max_steps=steps, log_every=max(1, steps // 3), validate_every=10**6, checkpoint_every=10**6,
    )  # fmt: skip
    (out / "refiner.checkpoint.pt").unlink(missing_ok=True)
    now()
    before = status("RssAnon"), status("RssFile")
    train_refiner(open_frames(folder), config, out)
    line = json.loads((out / "refiner.jsonl").read_text().splitlines()[-2])
    after = status("RssAnon"), status("RssFile")
    return {
        **{k: line[k] for k in ("windows_per_second", "data_wait_share")},
        "peak_MB": round(peak() / 1e6),
        "grown_anonymous_MB": round((after[0] - before[0]) / 1e6),
        "grown_mapped_MB": round((after[1] - before[1]) / 1e6),
    }


def drawing(folder: Path) -> dict[str, float]:
    """The draws of a long training without the network: windows/s, and how far the memory grew."""
    store = open_frames(folder)
    rng = np.random.default_rng(0)
    store.draw(64, 80, 0.5, rng)
    before, most, began = status("VmRSS"), 0, time.perf_counter()
    for _ in range(2000):
        store.draw(64, 80, 0.5, rng).on(torch.device("cpu"))
        most = max(most, status("VmRSS"))
    rate = 2000 * 64 / (time.perf_counter() - began)
    return {"windows_per_second": round(rate), "grown_MB": round((most - before) / 1e6)}


def status(key: str) -> int:
    """Bytes of a line of /proc/self/status."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text.split(f"{key}:")[1].split()[0])


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="of a trained refiner; default: the one that is trained here")
    parser.add_argument("--frames", type=int, default=2_000_000)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--clip", type=int, default=1536, help="frames of the clip that is refined")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("runs/bench_refiner"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory:
        memory(str(args.weights), args.memory[0], int(args.memory[1]))
        return
    torch.set_num_threads(args.threads)
    store, file = args.folder / f"store{args.frames}", args.folder / "bench_refiner.json"
    result: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    result |= {"cores": len(os.sched_getaffinity(0)), "threads": args.threads}

    def show(name: str, value: Any) -> None:
        result[name] = value
        print(f"{name}: {json.dumps(value, indent=1)}", flush=True)

    if "training" in args.only:
        show("store", big_store(store, args.frames))
        show("draws alone", drawing(store))
        show("training, small", training(store, args.folder / "small", "small", args.steps))
        show("training, paper", training(store, args.folder / "paper", "paper", 3))
    weights = args.weights or args.folder / "small" / "refiner.safetensors"
    if "refining" in args.only:
        show("frames per second", refinement(load_refiner(weights), args.clip))
    if "memory" in args.only:
        show("memory above the process's own, MB", memory_table(weights))
    args.folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
