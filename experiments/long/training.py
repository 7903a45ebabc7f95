"""`python -m experiments segmenter`: the network of segments, trained on long takes of training clips.

Rendered motion alone: its weights come with the package. Tempo, frame rate and where hands rest vary from take to take.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from pydantic import Field

from experiments.long.config import TakeConfig
from experiments.long.takes import FPS, Material, Take, make_take
from experiments.request import Request
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.progress import log, progress
from slt.segment import features as own
from slt.segment.features import features
from slt.segment.learned import labels
from slt.segment.network import SHIPPED
from slt.segment.train import Labelled, SegmentTrainConfig, train_segmenter

_NECK = SIGNING_50.index("neck")
_ARMS = [[SIGNING_50.index(f"{side}_wrist"), *SIGNING_50.group(f"{side}_hand")] for side in ("right", "left")]


class SegmenterConfig(Config):
    """takes: how training clips are joined. signers' clips: `clips` of each at most, in any order, `length` to a take.
    held_out: share of the takes, for the figures. tempo: most by which a take is slowed or sped up.
    weights: where they go.
    """

    takes: TakeConfig = Field(default_factory=lambda: TakeConfig(pause_s=[0.3, 3.0], idle_s=[2.0, 8.0]))
    train: SegmentTrainConfig = Field(default_factory=SegmentTrainConfig)
    clips: int = Field(700, ge=2)
    length: int = Field(8, ge=1)
    held_out: float = Field(0.05, gt=0, lt=1)
    tempo: float = Field(0.25, ge=0, lt=1)
    seed: int = Field(2, ge=0)
    weights: str = str(SHIPPED)


def make(request: Request, config: SegmenterConfig) -> None:
    """Put the takes together, train, and write the weights."""
    takes = labelled_takes(Material(request.finished), config)
    count = max(1, round(config.held_out * len(takes)))
    rng = np.random.default_rng([config.seed, 0x5E6])
    order = rng.permutation(len(takes))
    held_out, learned = [takes[k] for k in order[:count]], [takes[k] for k in order[count:]]
    frames = sum(len(one.features) for one in learned)
    log.info("segmenter: %d takes, %.1f minutes; %d held out", len(learned), frames / FPS / 60, count)
    segmenter, figures = train_segmenter(learned, held_out, config.train, config.seed, request.work)
    log.info("segmenter: %s", figures)
    about = {"about": f"rendered motion, {frames} frames, seed {config.seed}", "command": request.command,
             **{name: f"{value:.4f}" for name, value in figures.items()}}  # fmt: skip
    segmenter.save(Path(config.weights), about)


def labelled_takes(material: Material, config: SegmenterConfig) -> list[Labelled]:
    """Takes of training clips, with gestures that the test has not."""
    poses = material.detected("train")
    found = []
    for signer, plans in progress(material.by_signer("train", config.clips).items(), "takes", unit="signer"):
        chance = [config.seed, 0x7A6E, zlib.crc32(signer.name.encode())]
        order = np.random.default_rng(chance).permutation(len(plans))
        for number, first in enumerate(range(0, len(plans) - config.length + 1, config.length)):
            pieces = [material.piece(plans[k], poses) for k in order[first : first + config.length]]
            rng = np.random.default_rng([*chance, number])
            take = make_take(signer.name, pieces, signer, config.takes, material.noise, "train", rng)
            found.append(labelled(take, config.tempo, rng))
    return found


def labelled(take: Take, tempo: float, rng: np.random.Generator) -> Labelled:
    """Features and labels of a take, varied: tempo, frame rate of the camera, where hands rest and whether they are
    seen there."""
    factor = float(rng.uniform(1 - tempo, 1 + tempo))
    pose = rested(take.pose, rng).replace(fps=FPS * factor)
    rate = float(rng.choice([12.5, 25.0, 30.0, 50.0]))
    found = features(pose.resample(rate) if rate < FPS else pose)
    scale = own.FPS / (FPS * factor)
    sentences = [(round(one.start * scale), round(one.stop * scale)) for one in take.said]
    signs = [(round(a * scale), round(b * scale)) for one in take.said for a, b in one.signs]
    both = np.stack([labels(len(found), sentences), labels(len(found), signs, 0.08)], 1)
    return Labelled(found, both)


def rested(pose: PoseSequence, rng: np.random.Generator) -> PoseSequence:
    """The pose (T, 50, 2) with hands that rest lower, or are not seen where they rest; signing stays as it is."""
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    shoulders = [SIGNING_50.index(f"{side}_shoulder") for side in ("right", "left")]
    width = float(np.nanmedian(np.linalg.norm(points[:, shoulders[0]] - points[:, shoulders[1]], axis=1)))
    lower = float(rng.choice([0.0, rng.uniform(-0.1, 0.3), rng.uniform(0.2, 1.0)]))
    hidden = str(rng.choice(["", "", "hand", "arm"]))
    for arm in _ARMS:
        height = (points[:, arm[0], 1] - points[:, _NECK, 1]) / width  # y is down
        share = np.clip((np.nan_to_num(height) - 0.45) / 0.3, 0, 1)
        share = share * share * (3 - 2 * share)
        points[:, arm, 1] += (lower * width * share)[:, None]
        if hidden:
            gone = np.ix_(share > 0.7, arm if hidden == "arm" else arm[1:])
            points[gone], confidence[gone] = np.nan, 0
    return pose.replace(points, confidence)
