"""From a corpus to 2D poses: the real estimator on every clip with pixels, simulated detections for the others."""

from __future__ import annotations

import json
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


def simulate_rest(corpus: layout.Corpus, detected: Path, folder: Path, seed: int) -> dict[str, DetectorNoise]:
    """Simulated detections for the clips without pixels, by noise fitted to those that have them.

    Fitted on the training clips with pixels for `train` (broadcast quality), on the studio clips for
    `studio_motion`; never on dev or test. Writes `folder/train` and `folder/studio_motion`; in `train` the real
    detections stay where there are any.
    """
    models = {}
    for number, (target, fitted_on) in enumerate((("train", "train"), ("studio_motion", "studio"))):
        real = open_store(detected / fitted_on)
        truth = build.open_truth(corpus.root, fitted_on, planar=True)
        names = sorted(real)
        noise = fit_noise([truth[n] for n in names], [real[n] for n in names])
        noise.save(folder / f"noise_{fitted_on}.json")
        write_store(folder / target, _simulated(corpus, target, noise, real, (seed, number)))
        models[target] = noise
    return models


def _simulated(
    corpus: layout.Corpus,
    part: str,
    noise: DetectorNoise,
    real: Mapping[str, PoseSequence],
    seed: tuple[int, int],
) -> Iterator[tuple[str, PoseSequence]]:
    truth = build.open_truth(corpus.root, part, planar=True)
    for index, name in enumerate(sorted(truth)):
        if name in real:
            yield name, real[name]
        else:
            yield name, noise.simulate(truth[name], np.random.default_rng([*seed, index]))
