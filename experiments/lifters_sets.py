"""The table of lifters: its options, and the clips with known 3D that it is made on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from skeletor.io.store import open_store
from skeletor.lifters.learned.clips import View
from skeletor.lifters.learned.config import LifterDataConfig
from skeletor.lifters.learned.mocap import read_mocap, views
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from slt.synthetic.build import open_truth
from slt.synthetic.lift_clips import detector, held_out_motion, make_view
from slt.synthetic.signing.signers import split_signers

HELD_OUT = str(LifterDataConfig.model_fields["mocap_held_out"].default)
PIECE = 100  # frames of captured arms


class LiftersTable(Config):
    """Options of the table. lifters: name -> config of its training. changes: dotted keys of those configs and other
    values for all of them, for instance {"data.clips": 200}. mocap: npz of captured arms. activities: parts of its
    sequences' names, each left out of a training of the lifter `across`. turns: degrees. pretraining: lifters that
    begin with a training of their own, what it changes in their configs. See experiments/lifters.yaml.
    """

    seed: int = Field(ge=0)
    clips: int = Field(ge=1)
    reference_clips: int = Field(ge=1)
    threads: int = Field(2, ge=1)
    lifters: dict[str, str]
    changes: dict[str, Any] = Field(default_factory=dict)
    mocap: str | None = None
    across: str | None = None
    activities: list[str] = Field(default_factory=list)
    turns: list[float] = Field([0.0], min_length=1)
    pretraining: dict[str, dict[str, Any]] = Field(default_factory=dict)


def test_sets(config: LiftersTable, noise: str | None, run: Path | None) -> dict[str, list[View]]:
    """The clips of each part of the table."""
    motions = held_out_motion(config.clips, config.seed)
    sets = {}
    for name, model in (("true 2D", None), ("simulated detections", detector(noise))):
        rngs = [np.random.default_rng([config.seed, 0x7E58, k]) for k in range(len(motions))]  # the same cameras
        sets[f"rendered motion, {name}"] = [make_view(m[1], g, model) for m, g in zip(motions, rngs, strict=True)]
    if run is not None:
        sets["rendered video, real detections"] = _detected(run)
    if config.mocap is not None:
        sets["captured arms (CMU), an activity that was not trained on"] = captured(config, HELD_OUT)
    return sets


def captured(config: LiftersTable, activity: str) -> list[View]:
    """Real arms, seen without perspective from all `turns`: pieces of the sequences whose name has `activity` in it."""
    assert config.mocap is not None
    _, chosen = read_mocap(config.mocap).split(activity)
    pieces = views(chosen, np.radians(config.turns).tolist(), PIECE)
    provenance = Provenance(source=activity, units="pixel")
    return [
        View(PoseSequence(p.keypoints[..., :2] * 400, p.confidence, p.fps, SIGNING_50, provenance), p) for p in pieces
    ]


def _detected(run: Path) -> list[View]:
    """Dev and test clips of a finished run by the two signers that no lifter has seen."""
    unseen = {signer.name for signer in split_signers(disjoint=True)["test"]}
    views = []
    for part in ("dev", "test"):
        found, truth = open_store(run / "estimated" / part), open_truth(run / "corpus", part)
        for name in sorted(set(found) & set(truth)):
            made = truth[name].provenance.stage("perform")
            if made is not None and made.config["signer"] in unseen:
                views.append(View(found[name], truth[name]))
    return views
