"""Weights that a training leaves on its way."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from skeletor.learning.checkpoint import snapshot_path
from skeletor.refiners.training.train import train_refiner
from skeletor.refiners.weights import load_refiner
from tests.skeletor.refiners.tiny import clips, config


def test_snapshots_change_nothing_and_end_at_the_weights(tmp_path: Path) -> None:
    plain = train_refiner(clips(4), config(), tmp_path / "plain")
    watched = train_refiner(clips(4), config(), tmp_path / "watched", snapshots=(4, 12))
    assert watched.train_loss == pytest.approx(plain.train_loss)
    final = load_refiner(watched.weights).model.state_dict()
    early, last = (load_file(snapshot_path(tmp_path / "watched", "refiner", step)) for step in (4, 12))
    assert early.keys() == last.keys() == final.keys()
    assert all(torch.equal(last[name], final[name]) for name in final)
    assert any(not torch.equal(early[name], final[name]) for name in final)
    assert not list((tmp_path / "plain").glob("*step*"))
