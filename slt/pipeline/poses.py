"""From a corpus to 2D poses: the real estimator on every clip with pixels, simulated detections for the others."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from skeletor.atomic import write_text
from skeletor.errors import InputError
from skeletor.io import native
from skeletor.io.store import open_store, write_store
from skeletor.pose import PoseSequence, StageRecord
from skeletor.progress import log
from slt.corpus import build, layout
from slt.corpus.noise import DetectorNoise, fit_noise
from slt.estimate import EstimateConfig, estimate_many


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


def simulate_rest(corpus: layout.Corpus, detected: Path, folder: Path, seed: int) -> None:
    """Simulated detections for the clips without pixels, by noise fitted to those that have them.

    The broadcast noise is fitted on the training clips with pixels, the studio noise on the studio clips; neither
    on dev or test. Writes three parts into `folder`: `train` (broadcast), `studio_motion` (studio), and
    `studio_degraded`: all studio clips, with and without video, as a broadcast detector would have seen them.
    Where a clip of `train` has real detections they are kept.
    """
    noise = {}
    for quality, part in (("broadcast", "train"), ("studio", "studio")):
        real = open_store(detected / part)
        truth = build.open_truth(corpus.root, part, planar=True)
        names = sorted(real)
        noise[quality] = fit_noise([truth[n] for n in names], [real[n] for n in names])
        noise[quality].save(folder / f"noise_{quality}.safetensors")
    nothing: Mapping[str, PoseSequence] = {}
    plans = (
        ("train", ("train",), noise["broadcast"], open_store(detected / "train")),
        ("studio_motion", ("studio_motion",), noise["studio"], nothing),
        ("studio_degraded", ("studio", "studio_motion"), noise["broadcast"], nothing),
    )
    for number, (target, parts, model, kept) in enumerate(plans):
        truth = ChainMap(*(dict(build.open_truth(corpus.root, part, planar=True)) for part in parts))
        write_store(folder / target, _simulated(truth, model, kept, (seed, number)))


def _simulated(
    truth: Mapping[str, PoseSequence], noise: DetectorNoise, kept: Mapping[str, PoseSequence], seed: tuple[int, int]
) -> Iterator[tuple[str, PoseSequence]]:
    for index, name in enumerate(sorted(truth)):
        if name in kept:
            yield name, kept[name]
        else:
            yield name, noise.simulate(truth[name], np.random.default_rng([*seed, index]))
