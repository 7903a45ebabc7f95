"""Fits of what inverse kinematics believes: the clips, the errors, and one option changed after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter1d

from experiments.people.captured import arm_errors, read_captured, truth_of
from skeletor.files.atomic import write_text
from skeletor.lifters.fast_lifter import FastLifter
from skeletor.lifters.kinematic.fast import PRIOR, Prior
from skeletor.lifters.learned.mocap import read_mocap, turned, views
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from skeletor.support.workers import worker_pool
from slt.pipeline.cache.stage import run_stage

LEFT, RIGHT = SIGNING_50.index("left_shoulder"), SIGNING_50.index("right_shoulder")
ANGLES = ("flexion", "flexion_spread")  # in degrees here
TRUNK = {
    "reach": "reach",
    "spread": "spread",
    "width_error": "width_error",
    "turn_step": "step",
}  # ours -> TrunkPrior's
PIECE = 150  # frames of a clip
CHOSEN = "chosen.json"


class ArmsConfig(Config):
    """mocap: npz of the CMU gestures; activities: parts of its sequences' names. judge: npz of captured signing; clips:
    of each signer; signer_every: a fit to one signer sees one of his clips in so many. begin: what is known before the
    fit, and options: what is tried, in this order; names as in `skeletor.lifters.kinematic`, angles in degrees. sweeps:
    how often all options are gone through. least: what the error must fall by for another value, in shoulder widths.
    turns: degrees from which the people are seen. jitter, drift: errors of the detector that are new in each frame, and
    that last about `lasting` frames; shoulder widths. workers: fits at a time.
    """

    seed: int = Field(0, ge=0)
    mocap: str
    activities: list[str] = Field(min_length=2)
    judge: str
    clips: int = Field(1000, ge=1)
    signer_every: int = Field(3, ge=1)
    begin: dict[str, float]
    options: dict[str, list[float]]
    sweeps: int = Field(2, ge=1)
    least: float = Field(0.0005, ge=0)
    turns: list[float] = Field(default_factory=lambda: [-15.0, 0.0, 15.0])
    jitter: float = Field(0.004, ge=0)
    drift: float = Field(0.015, ge=0)
    lasting: float = Field(8.0, gt=0)
    workers: int = Field(2, ge=1, le=256)


@dataclass(frozen=True)
class Clips:
    """Motion with known depth, and what a lifter sees of it."""

    truths: list[PoseSequence]
    seen: list[PoseSequence]

    def errors(self, prior: Prior) -> dict[str, float]:
        """See `experiments.people.captured.arm_errors`."""
        return arm_errors(FastLifter(prior=prior).batch(self.seen), self.truths)

    def some(self, every: int) -> Clips:
        """One clip in so many."""
        return Clips(self.truths[::every], self.seen[::every])


Values = Mapping[str, float]


def prior_of(values: Values) -> Prior:
    """The package's prior with these values. InputError if it has no such one."""
    trunk = {TRUNK[name]: value for name, value in values.items() if name in TRUNK}
    arms = {n: float(np.radians(v)) if n in ANGLES else v for n, v in values.items() if n not in TRUNK}
    try:
        return replace(PRIOR, trunk=replace(PRIOR.trunk, **trunk), **arms)
    except TypeError as error:
        raise InputError(f"arms: no such option of inverse kinematics ({error})") from error


def fit(train: Sequence[Clips], config: ArmsConfig) -> dict[str, float]:
    """The values with the least mean error of the arms over `train`, changed one at a time."""

    def error(values: Values) -> float:
        return float(np.mean([clips.errors(prior_of(values))["arms"] for clips in train]))

    chosen = dict(config.begin)
    best = error(chosen)
    for _ in range(config.sweeps):
        before = dict(chosen)
        for name, values in config.options.items():
            for value in values:
                tried = {**chosen, name: value}
                found = best if tried == chosen else error(tried)
                if found < best - config.least:
                    best, chosen = found, tried
                    log.info("%s %g: %.4f", name, value, best)
        if chosen == before:
            break
    return chosen


def fits(config: ArmsConfig, trains: Mapping[str, Sequence[Clips]], folder: Path) -> dict[str, dict[str, float]]:
    """Name -> the values fitted to its clips, in worker processes; each is kept in `folder` until something changes."""
    one = partial(_kept, config, [file_sha256(config.mocap), file_sha256(config.judge)], folder)
    if config.workers == 1:
        return {name: one(name, train) for name, train in trains.items()}
    with worker_pool(min(config.workers, len(trains))) as pool:
        return dict(zip(trains, pool.map(one, trains, trains.values()), strict=True))


def _kept(config: ArmsConfig, files: list[str], folder: Path, name: str, train: Sequence[Clips]) -> dict[str, float]:
    values = {"fit": name, **config.model_dump(exclude={"mocap", "judge", "workers"})}
    done = run_stage(f"fit to {name}", folder / name.replace(" ", "-"), partial(_fit, train, config), values, files)
    found: dict[str, float] = json.loads((done.folder / CHOSEN).read_text(encoding="utf-8"))
    return found


def _fit(train: Sequence[Clips], config: ArmsConfig, out: Path) -> None:
    write_text(out / CHOSEN, json.dumps(fit(train, config)))


def captured(config: ArmsConfig, activity: str, rng: np.random.Generator) -> Clips:
    """Pieces of an activity, seen from some sides of where the person faces in the mean, with jitter."""
    _, chosen = read_mocap(config.mocap).split(activity)
    pieces = views([facing(pose) for pose in chosen], np.radians(config.turns).tolist(), PIECE)
    truths = [normalise(piece) for piece in pieces]
    seen = []
    for truth in truths:
        flat = truth.keypoints[:, :, :2]
        drift = gaussian_filter1d(rng.normal(size=flat.shape), config.lasting, axis=0)
        error = config.drift * drift / drift.std() + rng.normal(0, config.jitter, flat.shape)
        seen.append(truth.replace((flat + error).astype(np.float32)))
    return Clips(truths, seen)


def facing(pose: PoseSequence) -> PoseSequence:
    """The motion turned so that the shoulders are, in the mean, as far from the camera as each other."""
    across = np.nanmean(pose.keypoints[:, LEFT] - pose.keypoints[:, RIGHT], axis=0)
    return turned(pose, float(np.arctan2(across[2], across[0])))


def signing(config: ArmsConfig, hands: str) -> dict[str, Clips]:
    """Signer -> captured signing, without perspective."""
    result = {}
    for signer, bodies in read_captured(Path(config.judge), config.clips).items():
        truths = [truth_of(body, hands) for body in bodies]
        result[signer] = Clips(truths, [truth.replace(truth.keypoints[:, :, :2]) for truth in truths])
    return result
