"""Stages that train leave the process as it was: a resumed run has to end with the bytes of an undisturbed one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skeletor.io.store import write_store
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.training import train
from skeletor.refiners.training.config import RefinerTrainConfig
from skeletor.refiners2d import fit, weights
from skeletor.refiners2d.gaussian import GaussianOptions
from slt.pipeline.work.poses.fit_refiner2d import fit_2d
from slt.pipeline.work.poses.train_refiner import train_on_motion


def test_later_stages_compute_with_as_many_threads_as_without_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pose = PoseSequence(np.random.default_rng(0).random((9, 50, 3)), np.ones((9, 50)), 25.0, SIGNING_50)
    write_store(tmp_path / "clips", [("a", pose)])
    before, other = torch.get_num_threads(), torch.get_num_threads() + 1
    within: list[int] = []

    def noted(result: Any) -> Callable[..., Any]:
        def note(*_: object) -> Any:
            within.append(torch.get_num_threads())
            return result

        return note

    monkeypatch.setattr(train, "train_refiner", noted(None))
    monkeypatch.setattr(fit, "fit_refiner_2d", noted((None, None)))
    monkeypatch.setattr(weights, "save_refiner_2d", lambda *_: None)
    clips = tmp_path / "clips"
    train_on_motion(clips, clips, RefinerTrainConfig(), 0, other, tmp_path)
    fit_2d(clips, clips, GaussianOptions(), 0, ("", ""), other, tmp_path)
    assert within == [other, other] and torch.get_num_threads() == before
