"""From a corpus to 2D poses: the real estimator on every clip with pixels, simulated detections for the others."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.atomic import write_text
from skeletor.errors import InputError
from skeletor.io import native
from skeletor.io.store import CHUNK, open_store, write_store
from skeletor.pose import PoseSequence, StageRecord
from skeletor.progress import log, progress
from slt.corpus import build, layout
from slt.corpus.noise import DetectorNoise, fit_noise
from slt.estimate import EstimateConfig, estimate_many
from slt.pipeline.mapping import worker_pool


def estimate_corpus(
    sources: Mapping[str, Mapping[str, Path]], y_scale: float, config: EstimateConfig, folder: Path, workers: int
) -> None:
    """Estimate every clip of `sources` (part -> clip -> video or folder of frames) into `folder/<part>/`.

    y_scale undoes squeezed pictures (`slt.corpus.layout.Description`). Clips that fail are logged and listed in
    `folder/failed.json`; InputError if all of them do.
    """
    failed: dict[str, str] = {}
    for part, videos in sources.items():
        report = estimate_many(videos, config, folder / "clips" / part, workers)
        failed |= {name: str(reason) for name, reason in report.failed.items()}
        found = (name for name in videos if name not in report.failed)
        write_store(folder / part, ((name, stretch(_read(folder, part, name), y_scale)) for name in found))
    for name, reason in failed.items():
        log.warning("poses: %s left out: %s", name, reason)
    write_text(folder / "failed.json", json.dumps(failed, indent=1, ensure_ascii=False))
    if failed and len(failed) == sum(map(len, sources.values())):
        raise InputError(f"no clip could be read, the first because: {next(iter(failed.values()))}")


def _read(folder: Path, part: str, name: str) -> PoseSequence:
    return native.read_pose(folder / "clips" / part / f"{name}.safetensors")


def stretch(pose: PoseSequence, y_scale: float) -> PoseSequence:
    """Multiply y by `y_scale`, to undo pictures that were squeezed."""
    if y_scale == 1:
        return pose
    keypoints = pose.keypoints.copy()
    keypoints[:, :, 1] *= y_scale
    return pose.replace(keypoints, stage=StageRecord("stretch", config={"y_scale": y_scale}))


def rendered_sources(corpus: layout.Corpus) -> dict[str, dict[str, Path]]:
    """Part -> clip -> video of all rendered videos of a corpus."""
    parts = ("train", "dev", "test", "studio", "negatives")
    return {
        part: {file.stem: file for file in sorted(layout.features_path(corpus.root, part).glob("*.mp4"))}
        for part in parts
    }


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
    Where a clip of `train` has real detections they are kept. A shard that is there already is kept.
    """
    noise = {}
    for quality, part in (("broadcast", "train"), ("studio", "studio")):
        noise[quality] = folder / f"noise_{quality}.safetensors"
        if not noise[quality].exists():
            real = open_store(detected / part)
            truth = build.open_truth(corpus.root, part, planar=True)
            names = sorted(real)
            fit_noise([truth[n] for n in names], [real[n] for n in names]).save(noise[quality])
    plans = (
        ("train", ("train",), noise["broadcast"], detected / "train"),
        ("studio_motion", ("studio_motion",), noise["studio"], None),
        ("studio_degraded", ("studio", "studio_motion"), noise["broadcast"], None),
    )
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
        name: kept[name] if name in kept else noise.simulate(truth[name], np.random.default_rng([*shard.seed, index]))
        for index, name in shard.clips
    }
    native.write_shard(poses, shard.target)
