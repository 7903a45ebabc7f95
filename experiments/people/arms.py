"""`python -m experiments arms`: what inverse kinematics believes of arms and trunks, fitted to captured people.

The fit sees people who do not sign (CMU's gestures), from three sides and with a detector's errors, one option after
the other. Each activity is also left out of a fit and judged by it. Captured signing, and rendered signing with real
detections, judge what was fitted to all; no option is chosen on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter1d

from experiments.people.captured import HANDS, arm_errors, read_captured, truth_of
from experiments.report import markdown, number, write_files
from experiments.request import Request
from skeletor.io.store import open_store
from skeletor.lifters.fast_lifter import FastLifter
from skeletor.lifters.kinematic.fast import PRIOR, Prior
from skeletor.lifters.learned.mocap import read_mocap, turned, views
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.synthetic.build import open_truth

LEFT, RIGHT = SIGNING_50.index("left_shoulder"), SIGNING_50.index("right_shoulder")
ANGLES = ("flexion", "flexion_spread")  # in degrees here
TRUNK = {
    "reach": "reach",
    "spread": "spread",
    "width_error": "width_error",
    "turn_step": "step",
}  # ours -> TrunkPrior's
PIECE = 150  # frames of a clip


class ArmsConfig(Config):
    """mocap: npz of the CMU gestures; activities: parts of its sequences' names. judge: npz of captured signing; clips:
    of each signer. begin: what is known before the fit, and options: what is tried, in this order; names as in
    `skeletor.lifters.kinematic`, angles in degrees. sweeps: how often all options are gone through. least: what the
    error must fall by for another value, in shoulder widths. turns: degrees from which the people are seen. jitter,
    drift: errors of the detector that are new in each frame, and that last about `lasting` frames; shoulder widths.
    """

    seed: int = Field(0, ge=0)
    mocap: str
    activities: list[str] = Field(min_length=2)
    judge: str
    clips: int = Field(1000, ge=1)
    begin: dict[str, float]
    options: dict[str, list[float]]
    sweeps: int = Field(2, ge=1)
    least: float = Field(0.0005, ge=0)
    turns: list[float] = Field(default_factory=lambda: [-15.0, 0.0, 15.0])
    jitter: float = Field(0.004, ge=0)
    drift: float = Field(0.015, ge=0)
    lasting: float = Field(8.0, gt=0)


@dataclass(frozen=True)
class Clips:
    """Motion with known depth, and what a lifter sees of it."""

    truths: list[PoseSequence]
    seen: list[PoseSequence]

    def errors(self, prior: Prior) -> dict[str, float]:
        """See `experiments.people.captured.arm_errors`."""
        return arm_errors(FastLifter(prior=prior).batch(self.seen), self.truths)


def make(request: Request, config: ArmsConfig) -> None:
    """Fit, judge, write."""
    rng = np.random.default_rng(config.seed)
    train = {activity: captured(config, activity, rng) for activity in config.activities}
    judges = {f"LSF {hands}, {name}": clips for hands in HANDS for name, clips in signing(config, hands).items()}
    if request.run is not None:
        judges["rendered, real detections"] = rendered(request.run)
    chosen = fit(list(train.values()), config)
    priors = {"before": prior_of(config.begin), "fitted to all": prior_of(chosen)}
    result = {name: {n: c.errors(prior) for n, c in {**train, **judges}.items()} for name, prior in priors.items()}
    others = {left: fit([c for n, c in train.items() if n != left], config) for left in train}
    left_out = {name: train[name].errors(prior_of(values)) for name, values in others.items()}
    values = {
        **request.about(config, config.seed), "chosen": chosen, "chosen without": others, "errors": result,
        "left out of the fit": left_out,
    }  # fmt: skip
    page = page_of(result, left_out, chosen, request.command)
    write_files(request.results, request.name, page, values)


def page_of(
    result: Mapping[str, Mapping[str, Mapping[str, float]]],
    left_out: Mapping[str, Mapping[str, float]],
    chosen: Mapping[str, float],
    command: str,
) -> str:
    """The table."""
    rows = []
    for name in next(iter(result.values())):
        cells = [
            f"{number(errors[name]['arms'])} ({number(errors[name]['wrist depth'])})" for errors in result.values()
        ]
        rows.append([name, *cells, number(left_out[name]["arms"]) if name in left_out else ""])
    note = (
        "Mean distance of shoulders, elbows and wrists, after the best scale of each clip; in brackets of wrists in "
        "depth. Shoulder widths. Last column: the fit to the other activities. Chosen, one option after the other: "
        + ", ".join(f"{name} {value:g}" for name, value in chosen.items())
        + f".\n\nMade by `{command}`."
    )
    return markdown("Arms and trunk by inverse kinematics", ["judged on", *result, "left out of the fit"], rows, note)


def prior_of(values: Mapping[str, float]) -> Prior:
    """The package's prior with these values. InputError if it has no such one."""
    trunk = {TRUNK[name]: value for name, value in values.items() if name in TRUNK}
    arms = {n: float(np.radians(v)) if n in ANGLES else v for n, v in values.items() if n not in TRUNK}
    try:
        return replace(PRIOR, trunk=replace(PRIOR.trunk, **trunk), **arms)
    except TypeError as error:
        raise InputError(f"arms: no such option of inverse kinematics ({error})") from error


def fit(train: Sequence[Clips], config: ArmsConfig) -> dict[str, float]:
    """The values with the least mean error of the arms over the activities, changed one at a time."""

    def error(values: Mapping[str, float]) -> float:
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


def rendered(run: Path) -> Clips:
    """The dev clips of a finished run: rendered motion, and what was detected in its video."""
    found, truth = open_store(run / "estimated" / "dev"), open_truth(run / "corpus", "dev")
    seen, truths = [], []
    for name in sorted(set(found) & set(truth)):
        frames = min(len(found[name]), len(truth[name]))
        seen.append(found[name].frames(0, frames))
        truths.append(normalise(truth[name].frames(0, frames)))
    return Clips(truths, seen)
