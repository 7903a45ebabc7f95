"""A model of a real 2D detector's errors, fitted to pairs of true and detected poses, and simulated on new truths.

A conditional block bootstrap (after the nearest-neighbour bootstrap of Lall and Sharma, 1996): the model keeps what
the detector did to each part (body, left hand, right hand) in the fitted clips. A simulation goes through the new
truth in blocks of a few frames. For each block it draws one of the nearest real blocks: the same state before it
(found, missing, swapped, frozen), and alike in speed, nearness of the hands, place and outline of the hand, and in
what happened to the parts drawn before. So run lengths, heavy tails, the way errors of a hand's joints go together
and the link between confidence and error are the real ones, with no formula for any of them. Two things are fitted:
how far the detector lags behind the motion (it smooths, and pictures blur), and how fast, where two blocks meet, the
step between them dies out: as in a first-order autoregression of the residuals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.outside import reading
from skeletor.files.tensors import read_tensors, save_tensors
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.support.errors import InputError
from slt.synthetic.detector.noise_bank import (
    BLOCK,
    PartBank,
    block_heads,
    draw_blocks,
    gather,
    joined,
    last_moving,
    lost,
    profiles,
)
from slt.synthetic.detector.noise_events import (
    JOINTS,
    OTHER,
    PARTS,
    SWAPPED,
    check_2d,
    circumstances,
    events,
    shoulder_width,
    way_back,
)
from slt.synthetic.detector.noise_report import Comparison, compare

__all__ = ["Comparison", "DetectorNoise", "compare", "fit_noise"]

VERSION = "1"


@dataclass(frozen=True, eq=False)
class DetectorNoise:
    """A fitted model; make one with `fit_noise` or `load`.

    banks: one a part. fps of the fitted clips. detector: the estimator's name and version. clips: how many were fitted.
    """

    banks: Mapping[str, PartBank]
    fps: float
    detector: str
    clips: int

    def simulate(self, truth2d: PoseSequence, rng: np.random.Generator) -> PoseSequence:
        """What the detector might have given for this true 2D pose, (T, 50, 2) in the truth's unit.

        A joint that is missing in the truth stays missing. Raises InputError if the truth is not 2D SIGNING_50 or
        its frame rate is not the fitted one (5 % apart at most).
        """
        check_2d(truth2d)
        if abs(truth2d.fps / self.fps - 1) > 0.05:
            raise InputError(f"noise fitted at {self.fps:g} frames/s, but the pose has {truth2d.fps:g}; resample it")
        keypoints, confidence = truth2d.keypoints.copy(), np.zeros(truth2d.confidence.shape, np.float32)
        width = shoulder_width(truth2d)
        around = circumstances(truth2d)
        states: list[np.ndarray] = []
        for part in PARTS:
            bank = self.banks[part]
            heads = block_heads(len(truth2d), rng)
            wanted = profiles(around[part], lost(states, len(truth2d)), heads)
            rows = draw_blocks(bank, wanted, heads, len(truth2d), rng)
            state = bank.state[rows]
            residual = joined(bank, rows, heads)  # (T, J, 2)
            base = _behind(truth2d.keypoints[:, JOINTS[part]], bank.lag)
            if part in OTHER:
                swapped = state == SWAPPED
                base[swapped] = _behind(truth2d.keypoints[:, JOINTS[OTHER[part]]], bank.lag)[swapped]
            held = last_moving(state)
            keypoints[:, JOINTS[part]] = (base + residual * width)[held]
            confidence[:, JOINTS[part]] = bank.confidence[rows][held]
            states.append(state[held])
        gone = np.isnan(keypoints[..., 0]) | truth2d.missing
        keypoints[gone] = np.nan
        confidence[gone] = 0
        record = StageRecord("noise", VERSION, {"detector": self.detector, "clips": self.clips})
        return truth2d.replace(keypoints, confidence, stage=record)

    def save(self, path: Path | str) -> None:
        """Write the model as safetensors, atomically. Raises InputError if it cannot be written."""
        tensors = {f"{part}/{key}": value for part in PARTS for key, value in self._arrays(part)}
        numbers = {part: {"decay": self.banks[part].decay, "limit": self.banks[part].limit} for part in PARTS}
        about = {"fps": self.fps, "detector": self.detector, "clips": self.clips, "parts": numbers}
        save_tensors(tensors, path, {"format": "slt.noise", "version": VERSION, "about": json.dumps(about)})

    def _arrays(self, part: str) -> list[tuple[str, np.ndarray]]:
        """A bank's arrays by name, without what is worked out from them."""
        values = ((field.name, getattr(self.banks[part], field.name)) for field in fields(PartBank))
        return [(name, value) for name, value in values if isinstance(value, np.ndarray)]

    @staticmethod
    def load(path: Path | str) -> DetectorNoise:
        """Read a file that `save` wrote. Raises InputError if it is something else or damaged."""
        path, advice = Path(path), "fit it anew"
        metadata, tensors = read_tensors(path, "slt.noise", "a noise model", advice, "np", finite=False)
        with reading(path, "noise model"):
            if metadata.get("version") != VERSION:
                raise InputError(f"{path}: not a noise model of version {VERSION}; {advice}")
            about = json.loads(metadata["about"])
            arrays: dict[str, dict[str, np.ndarray]] = {part: {} for part in PARTS}
            for key, value in tensors.items():
                part, _, field = key.partition("/")
                arrays[part][field] = value
            values: dict[str, dict[str, Any]] = {part: {**arrays[part], **about["parts"][part]} for part in PARTS}
            banks = {part: PartBank(**values[part]) for part in PARTS}
            return DetectorNoise(banks, float(about["fps"]), str(about["detector"]), int(about["clips"]))


def fit_noise(truth: Sequence[PoseSequence], detected: Sequence[PoseSequence]) -> DetectorNoise:
    """Fit the noise model to clips: `truth[i]` is the true 2D pose of what was detected as `detected[i]`.

    Poses are SIGNING_50, 2D, in pixels, all of one frame rate. Clips shorter than 9 frames are left out.
    Raises InputError if the clips do not fit together or nothing is left.
    """
    if len(truth) != len(detected) or not truth:
        raise InputError(f"noise: {len(truth)} true and {len(detected)} detected clips; need as many of both")
    fps = truth[0].fps
    pairs = []
    for true, found in zip(truth, detected, strict=True):
        if abs(true.fps - fps) > 1e-3 * fps or abs(found.fps - fps) > 1e-3 * fps:
            raise InputError(f"noise: clips of {true.fps:g}, {found.fps:g} and {fps:g} frames/s; resample to one rate")
        if len(true) > BLOCK:
            pairs.append((circumstances(true), events(true, found)))
    if not pairs:
        raise InputError(f"noise: no clip is longer than {BLOCK} frames; give longer clips")
    provenance: Provenance = detected[0].provenance
    detector = f"{provenance.estimator} {provenance.estimator_version}".strip()
    return DetectorNoise({part: gather(part, pairs) for part in PARTS}, fps, detector, len(pairs))


def _behind(points: np.ndarray, lag: np.ndarray) -> np.ndarray:
    """(T, J, 2) points as a detector sees them that lags behind."""
    return np.asarray(points + way_back(points) @ lag.astype(np.float32))
