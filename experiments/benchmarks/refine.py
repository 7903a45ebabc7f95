"""Training and refining: windows/s, frames/s, and memory above what the process had before.

Clips are random smooth motions: the cost does not depend on what is signed. Every memory figure is of a process of its
own. "One pass per frame" is the network run once for every frame, on the window around it, without averaging: what the
average over 2r+1 windows may cost 1.3 times as much as.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.benchmarks.table import MEGABYTES, Row, rate
from skeletor.io.piecewise import ClipForm, write_pieces
from skeletor.learning.data.frame_store import open_frames
from skeletor.learning.data.pack import FrameWriter
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.fill import fill_missing
from skeletor.refiners.inference.stream import HORIZON, StreamingRefiner
from skeletor.refiners.inference.stream_file import refine_file
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.registry import REFINERS
from skeletor.refiners.training.train import load_refiner, train_preset, train_refiner
from skeletor.refiners.weights import LoadedRefiner
from slt.pipeline.mapping import worker_pool

WHOLE = "whole clip"
MODES = ("stream", "file to file")


def training_rows(folder: Path, frames: int, steps: int, draws: int) -> Iterator[Row]:
    """Train the preset `small` on a store of so many frames, beside the drawing of its windows alone."""
    store = folder / f"store{frames}"
    clip = motion(500)
    if not (store / "frames.json").exists():
        writer = FrameWriter(store, f"bench {frames}")
        for _ in range(frames // 500 - writer.clips_done):
            writer.add(clip)
        writer.finish()
    yield Row("train the refiner (small)", "windows/s", training(store, folder, steps), "drawing windows alone",
              drawing(store, draws))  # fmt: skip


def training(store: Path, out: Path, steps: int) -> float:
    """Windows a second of a training, from the last line of its log; its weights stay in `out`."""
    config = train_preset(
        "small", max_steps=steps, log_every=max(1, steps // 3), validate_every=10**6, checkpoint_every=10**6
    )
    (out / "refiner.checkpoint.pt").unlink(missing_ok=True)
    train_refiner(open_frames(store), config, out)
    lines = (out / "refiner.jsonl").read_text(encoding="utf-8").splitlines()
    return float(json.loads(lines[-2])["windows_per_second"])


def drawing(folder: Path, draws: int) -> float:
    """Windows a second of the draws of a training without the network."""
    store, rng = open_frames(folder), np.random.default_rng(0)
    store.draw(64, 80, 0.5, rng)
    began = time.perf_counter()
    for _ in range(draws):
        store.draw(64, 80, 0.5, rng).on(torch.device("cpu"))
    return draws * 64 / (time.perf_counter() - began)


def rows(weights: Path, frames: int, repeats: int) -> Iterator[Row]:
    """Frames a second, beside one pass of the network per frame, the best smoothers, and the whole clip at once."""
    pose, loaded = motion(frames), load_refiner(weights)
    every, default = SkeletorRefiner(loaded, stride=1), SkeletorRefiner(loaded)
    speed: dict[str, float] = {}

    def measured(name: str, work: Callable[[], Any]) -> float:
        speed[name] = rate(work, frames, repeats)
        return speed[name]

    default(pose)
    alone = measured("alone", lambda: one_pass_per_frame(loaded, pose))
    yield Row("refine, all 2r+1 windows", "frames/s", measured("every", lambda: every(pose)), "one pass per frame",
              alone)  # fmt: skip
    ours = measured("default", lambda: default(pose))
    for name, label in (("savgol", "linear + Savitzky-Golay"), ("kalman", "Kalman/RTS")):
        smoother = REFINERS.build(REFINERS.parse({"name": name}))
        yield Row("refine, default stride", "frames/s", ours, label, measured(name, partial(smoother, pose)))
    for size in (1, 25):
        streaming = measured(f"{size}", partial(streamed, loaded, pose, size))
        yield Row(f"refine, stream of {size} at a time", "frames/s", streaming, "refine, default stride", ours)


def memory_rows(weights: Path, lengths: dict[str, int]) -> Iterator[Row]:
    """Memory of streams beside that of whole clips, by length (name -> frames)."""
    for name, frames in lengths.items():
        whole = measured_alone(weights, WHOLE, frames)
        for mode in MODES:
            found = measured_alone(weights, mode, frames)
            yield Row(f"refine, memory, {mode}, {name}", MEGABYTES, found, WHOLE, whole)


def measured_alone(weights: Path, mode: str, frames: int) -> float:
    """Megabytes of one way, in a process of its own."""
    with worker_pool(1) as pool:
        return pool.submit(memory, str(weights), mode, frames).result()


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


@torch.inference_mode()
def one_pass_per_frame(loaded: LoadedRefiner, pose: PoseSequence, batch: int = 64) -> None:
    """The network alone: the window around each frame, gaps and all, no averaging."""
    model, info = loaded.model, loaded.info
    points, sure = (torch.from_numpy(x)[None] for x in (pose.keypoints, pose.confidence))
    points, sure = fill_missing(points, sure, info.fill, info.minimum_confidence, info.skeleton, model.rest, HORIZON)
    around = torch.arange(len(pose))[:, None] + torch.arange(model.window) - model.window // 2
    for part in torch.split(around.clamp(0, len(pose) - 1), batch):  # (W, n1)
        model(points[0, part], sure[0, part])


def streamed(loaded: LoadedRefiner, pose: PoseSequence, size: int) -> None:
    """Refine frames that come `size` at a time."""
    stream = StreamingRefiner(loaded)
    for k in range(0, len(pose), size):
        stream.push(pose.keypoints[k : k + size], pose.confidence[k : k + size])
    stream.finish()


def memory(weights: str, mode: str, frames: int) -> float:
    """In a process of its own: megabytes that refining so many frames takes above what was there."""
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
    return max(0, peak() - before) / 1e6


def now() -> int:
    """Resident bytes; the peak is counted from here on."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def peak() -> int:
    """Most resident bytes since `now` (getrusage would give those of the process that started this one, too)."""
    return status("VmHWM")


def status(key: str) -> int:
    """Bytes of a line of /proc/self/status."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text.split(f"{key}:")[1].split()[0])
