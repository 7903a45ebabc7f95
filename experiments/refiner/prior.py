"""`skeletor.refiners.networks.spatial_prior` alone, as a refiner: a row to compare networks with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from skeletor.io.store import open_store
from skeletor.learning.windows import clip_store
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.fill import fill_carried
from skeletor.refiners.networks.spatial_prior import conditional_mean, fit_prior


class PriorRefiner:
    """Fills gaps with the conditional mean, around hands that go on with their wrists; keeps what is seen."""

    name = "gaussian-prior"
    version = "1"

    def __init__(self, store: Path) -> None:
        """store: folder of training clips of one skeleton, to fit the prior to."""
        clips = list(open_store(store).values())
        self._covariance = fit_prior(clip_store(clips), len(clips[0].skeleton), seed=1)

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """The filled pose; a joint that is never seen gets 0."""
        seen = torch.from_numpy(~pose.missing)[None]
        filled = fill_carried(torch.from_numpy(pose.keypoints).nan_to_num()[None], seen, pose.skeleton)
        return pose.replace(conditional_mean(filled, seen, self._covariance)[0].numpy())

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """One by one."""
        return [self(pose) for pose in poses]
