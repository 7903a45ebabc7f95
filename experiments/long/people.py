"""Segmenters on recordings of real people, who sign all the time or never: how much of them is taken for signing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from experiments.report import markdown
from skeletor.io.formats import read_poses
from skeletor.lifters.learned.mocap import read_mocap
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config
from skeletor.support.progress import log
from slt.segment.rule import Segment

Cut = Callable[[PoseSequence], list[Segment]]


class PeopleConfig(Config):
    """A file of poses. captured: of 3D motion capture, as `skeletor.lifters.learned.mocap` reads it. size: [width,
    height] of the picture, for shares of it. every: one clip in so many. signs: whether they sign."""

    name: str
    file: str
    signs: bool
    captured: bool = False
    size: list[int] | None = Field(None, min_length=2, max_length=2)
    fps: float | None = Field(None, ge=1, le=240)
    every: int = Field(1, ge=1)


def read_people(config: PeopleConfig) -> list[PoseSequence]:
    """The clips of a file on SIGNING_50."""
    if config.captured:
        return list(read_mocap(config.file).sequences.values())
    size = None if config.size is None else (config.size[0], config.size[1])
    poses = list(read_poses(config.file, config.fps, None, size).values())[:: config.every]
    return [pose.to_skeleton(SIGNING_50) for pose in poses]


def judge_people(sets: Sequence[PeopleConfig], cuts: Mapping[str, Cut]) -> dict[str, dict[str, float]]:
    """Of each set its seconds, and the share of them (per cent) that each way to cut takes for signing."""
    found: dict[str, dict[str, float]] = {}
    for one in sets:
        if not Path(one.file).is_file():
            log.warning("%s: no file %s; left out", one.name, one.file)
            continue
        poses = read_people(one)
        seconds = float(sum(pose.seconds for pose in poses))
        found[one.name] = {"clips": len(poses), "seconds": seconds, "signs": float(one.signs)}
        for name, cut in cuts.items():
            kept = [piece.end_s - piece.start_s for pose in poses for piece in cut(pose)]
            found[one.name][name] = 100 * float(np.sum(kept)) / seconds
        log.info("%s: %s", one.name, found[one.name])
    return found


def people_table(found: Mapping[str, Mapping[str, float]], cuts: Sequence[str]) -> str:
    """Markdown: a row a set."""
    rows = [
        [name, "yes" if values["signs"] else "no", f"{values['clips']:.0f}", f"{values['seconds']:.0f}",
         *(f"{values[cut]:.1f}" for cut in cuts)]
        for name, values in found.items()
    ]  # fmt: skip
    head = ["real people", "they sign", "clips", "seconds", *(f"{cut}: % taken for signing" for cut in cuts)]
    note = (
        "Clips of signing begin and end with some rest, and the rule keeps rests of up to 0.6 s: 100 % is not the goal."
    )
    return markdown("Real people", head, rows, note)
