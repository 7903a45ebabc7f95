"""Work of a stage: detections simulated for clips without pixels, by noise fitted to those that have them."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.io import native
from skeletor.io.store import CHUNK, open_store
from skeletor.poses.key_frames import STRIDE, only_key_frames, pose_stride, spread
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.support.progress import progress
from slt.data import layout
from slt.pipeline.mapping import worker_pool
from slt.synthetic.detector.noise import DetectorNoise, fit_noise


@dataclass(frozen=True)
class _Shard:
    """One shard of simulated detections to write: clips and their numbers, truth, noise model, kept detections."""

    clips: tuple[tuple[int, str], ...]
    truth: tuple[Path, ...]
    noise: Path
    kept: Path | None
    seed: tuple[int, int]
    target: Path


def simulate_rest(corpus: layout.Corpus, detected: Path, folder: Path, seed: int, workers: int) -> None:
    """Simulated detections for the clips without pixels, by noise fitted to those that have them.

    The broadcast noise is fitted on the training clips with pixels, the studio noise on the studio clips; neither
    on dev or test. Writes three parts into `folder`: `train` (broadcast), `studio_motion` (studio), and
    `studio_degraded`: all studio clips, with and without video, as a broadcast detector would have seen them.
    Where a clip of `train` has real detections they are kept. If the detections are sparse
    (`skeletor.poses.key_frames`), the noise is fitted to and simulated on key frames, and the others are missing. A
    resynthesised corpus also gets `dev` and `test` (broadcast), without real detections, so that all their clips are
    alike. A shard that is there is kept.
    """
    noise = {}
    for quality, part in (("broadcast", "train"), ("studio", "studio")):
        noise[quality] = folder / f"noise_{quality}.safetensors"
        if not noise[quality].exists():
            real = open_store(detected / part)
            truth = open_store(corpus.root / "truth2d" / part)
            names = sorted(real)
            found = [real[n] for n in names]
            true = [_every(truth[n], pose_stride(pose)) for n, pose in zip(names, found, strict=True)]
            fit_noise(true, [only_key_frames(pose) for pose in found]).save(noise[quality])
    plans: tuple[tuple[str, tuple[str, ...], Path, Path | None], ...] = (
        ("train", ("train",), noise["broadcast"], detected / "train"),
        ("studio_motion", ("studio_motion",), noise["studio"], None),
        ("studio_degraded", ("studio", "studio_motion"), noise["broadcast"], None),
    )
    if corpus.description.kind == "resynthesised":  # dev and test have no pixels but a sample, which is kept apart
        plans += tuple((part, (part,), noise["broadcast"], None) for part in ("dev", "test"))
    shards: list[_Shard] = []
    for number, (target, parts, model, kept) in enumerate(plans):
        stores = tuple(corpus.root / "truth2d" / part for part in parts)
        clips = tuple(enumerate(sorted(name for store in stores for name in open_store(store))))
        for k in range(0, len(clips), CHUNK):
            path = folder / target / f"{k // CHUNK:05d}.safetensors"
            if not path.exists():
                shards.append(_Shard(clips[k : k + CHUNK], stores, model, kept, (seed, number), path))
    if shards:
        with worker_pool(min(workers, len(shards))) as pool:
            for _ in progress(pool.map(_simulate_shard, shards), "simulate", total=len(shards), unit="shard"):
                pass


def _simulate_shard(shard: _Shard) -> None:
    noise = DetectorNoise.load(shard.noise)
    truth = ChainMap(*(dict(open_store(store)) for store in shard.truth))
    kept = open_store(shard.kept) if shard.kept else {}
    poses = {
        name: kept[name] if name in kept else _simulate(noise, truth[name], np.random.default_rng([*shard.seed, index]))
        for index, name in shard.clips
    }
    native.write_shard(poses, shard.target)


def _simulate(noise: DetectorNoise, truth: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """A simulated detection; a sparse one if the noise is that of key frames, which shows in its frame rate."""
    stride = max(1, round(truth.fps / noise.fps))
    found = noise.simulate(_every(truth, stride), rng)
    if stride == 1:
        return found
    return spread(found, stride, len(truth)).replace(stage=StageRecord("sparse", config={STRIDE: stride}))


def _every(pose: PoseSequence, stride: int) -> PoseSequence:
    """Every `stride`-th frame, at their own frame rate."""
    return pose.replace(pose.keypoints[::stride], pose.confidence[::stride], pose.fps / stride)
