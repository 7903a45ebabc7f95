"""Ablations of the refiner's network: the YAML files, one in its smallest form, and the two extra losses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.__main__ import main
from experiments.ablations.network import train
from experiments.tables.config import AblationTable, MotionConfig, load_table
from experiments.tables.data import motion_clips
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.weights import load_refiner

pytestmark = pytest.mark.usefixtures("forked_workers")

ABLATIONS = Path(__file__).parents[3] / "experiments" / "ablations"


@pytest.mark.parametrize("name", ["ablations", "candidates", "candidates_more"])
def test_an_ablation_has_a_training_for_every_change(name: str) -> None:
    config = load_table(ABLATIONS / f"{name}.yaml")
    assert isinstance(config, AblationTable)
    trains = [(config.train_of(variant).digest(), variant.pretext) for variant in config.variants]
    assert len(set(trains)) == len(trains)
    base = config.train_of(config.variants[0])
    assert base == train_preset("small", max_steps=base.max_steps)


def test_an_ablation_is_made(tmp_path: Path) -> None:
    where = ["--work", str(tmp_path), "--results", str(tmp_path / "results"), "--quick"]
    assert main(["ablations", *where, "--set", "smoothers=[linear]", "--set", "workers=1"]) == 0
    rows = json.loads((tmp_path / "results" / "ablations.json").read_text())["numbers"]["rows"]
    assert set(rows) == {"linear", "default", "gaps filled joint by joint"} and rows["linear"]["sound"] == 0
    assert all(value > 0 for value in rows["default"].values())


@pytest.mark.parametrize("pretext", ["nothing", "order", "adversarial"])
def test_a_second_loss_trains_and_gives_usable_weights(tmp_path: Path, pretext: Any) -> None:
    data = MotionConfig(train=4, dev=1, test=1)
    tiny = {"d_model": 16, "d_ff": 16, "heads": 2, "layers": 1}
    config = train_preset("small", model=tiny, window=16, margin=2, batch_size=4, max_steps=4, warmup_steps=1)
    clips = motion_clips(data, "train")
    files = [train(clips, config, tmp_path / name, 1, how) for name, how in (("a", pretext), ("b", "nothing"))]
    again = train(clips, config, tmp_path / "again", 1, pretext)
    weights = [load_refiner(file).model.state_dict() for file in (*files, again)]
    assert all(torch.isfinite(value).all() for value in weights[0].values())
    same = all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert same is (pretext == "nothing")
    assert all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
