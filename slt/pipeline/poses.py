"""From a corpus to 2D poses: the real estimator on every clip with pixels, simulated detections for the others."""

from __future__ import annotations

import json
import shutil
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
from slt.estimate import EstimateConfig, Job, estimate_jobs
from slt.pipeline.mapping import worker_pool
from slt.sparse import STRIDE, only_key_frames, pose_stride, spread

FAILED = "failed.json"


def estimate_corpus(
    sources: Mapping[str, Mapping[str, Path]],
    y_scale: float,
    config: EstimateConfig,
    cache: Path,
    folder: Path,
    workers: int,
) -> None:
    """Estimate every clip of `sources` (part -> clip -> video or folder of frames) into shards in `folder/<part>/`.

    cache: what is estimated lies here, one file a clip, until it is put into shards: a run that was stopped, or that
    has a few new pictures, estimates only what is not there. y_scale undoes squeezed pictures
    (`slt.corpus.layout.Description`). Clips that fail are logged and listed in `folder/failed.json` (part -> clip ->
    reason); InputError if all of them do.
    """
    jobs = {
        f"{part}/{name}": Job(source, cache / part / f"{name}.safetensors")
        for part, videos in sources.items()
        for name, source in videos.items()
    }
    for left_over in cache.glob("*/.*.tmp*"):  # of workers that were killed
        left_over.unlink()
    report = estimate_jobs(jobs, config, workers)
    failed = {
        part: {name: report.failed[key] for name in videos if (key := f"{part}/{name}") in report.failed}
        for part, videos in sources.items()
    }
    for part, videos in sources.items():
        files = {name: jobs[f"{part}/{name}"].target for name in videos if name not in failed[part]}
        shutil.rmtree(folder / part, ignore_errors=True)  # an attempt that was stopped may have had more clips
        write_store(folder / part, ((name, stretch(native.read_pose(f), y_scale)) for name, f in files.items()))
    write_text(folder / FAILED, json.dumps(failed, indent=1, ensure_ascii=False))
    if jobs and len(report.failed) == len(jobs):
        raise InputError(f"no clip could be read, the first because: {next(iter(report.failed.values()))}")


def list_bad_clips(corpus: layout.Corpus, sources: Mapping[str, Mapping[str, Path]], folder: Path, file: Path) -> int:
    """Write `file`, tab-separated: each clip without a pose, its source and why; gives how many there are.

    folder: of `estimate_corpus`. Annotated clips without pictures belong to them, but in a rendered corpus, where
    they are meant to have none.
    """
    failed = json.loads((folder / FAILED).read_text(encoding="utf-8"))
    rows = [
        (part, name, str(sources.get(part, {}).get(name, "")), reason)
        for part, reasons in failed.items()
        for name, reason in reasons.items()
    ]
    if not corpus.description.synthetic:
        rows += [(clip.split, clip.name, "", "it has no pictures") for clip in corpus.clips if clip.source is None]
    lines = ["\t".join(" ".join(field.split()) for field in row) for row in [("part", "clip", "source", "why"), *rows]]
    write_text(file, "\n".join(lines) + "\n")
    if rows:
        log.warning("poses: %d clips are left out, listed in %s", len(rows), file)
    return len(rows)


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
        part: {file.stem: file for file in sorted(layout.features_path(corpus.root, part).glob("[!.]*.mp4"))}
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
    Where a clip of `train` has real detections they are kept. If the detections are sparse (`slt.sparse`), the noise is
    fitted to and simulated on key frames, and the others are missing. A resynthesised corpus also gets `dev` and
    `test` (broadcast), without real detections, so that all their clips are alike. A shard that is there is kept.
    """
    noise = {}
    for quality, part in (("broadcast", "train"), ("studio", "studio")):
        noise[quality] = folder / f"noise_{quality}.safetensors"
        if not noise[quality].exists():
            real = open_store(detected / part)
            truth = build.open_truth(corpus.root, part, planar=True)
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
