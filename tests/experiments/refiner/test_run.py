"""The YAML files, and tiny tables and figures from end to end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.refiner import figures
from experiments.refiner.config import AblationTable, MotionConfig, load_table
from experiments.refiner.data import motion_clips, motion_store
from experiments.refiner.methods import smoothers
from experiments.refiner.pretext import train
from experiments.refiner.prior import PriorRefiner
from experiments.refiner.run import main, run
from experiments.refiner.tasks import hidden
from skeletor.refiners.fill import fill_carried
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.weights import load_refiner
from skeletor.support.errors import InputError

TABLES = Path(__file__).parents[3] / "experiments"
MODEL = {"label": "Skeletor (default)", "train": {"preset": "small"}}
TINY: dict[str, Any] = {"smoothers": ["linear", "linear-carried"], "models": [MODEL], "workers": 1}


@pytest.mark.parametrize("number", range(1, 8))
def test_the_tables_files_are_valid(number: int) -> None:
    config = load_table(TABLES / f"table{number}.yaml")
    assert config.number == number
    assert smoothers(config.smoothers)


@pytest.mark.parametrize("name", ["ablations", "candidates", "candidates_more"])
def test_an_ablation_has_a_training_for_every_change(name: str) -> None:
    config = load_table(TABLES / f"{name}.yaml")
    assert isinstance(config, AblationTable)
    trains = [(config.train_of(variant).digest(), variant.pretext) for variant in config.variants]
    assert len(set(trains)) == len(trains)
    base = config.train_of(config.variants[0])
    assert base == train_preset("small", max_steps=base.max_steps)


def test_an_ablation_is_made(tmp_path: Path) -> None:
    run(TABLES / "ablations.yaml", tmp_path, tmp_path / "results", {"smoothers": ["linear"], "workers": 1}, small=True)
    rows = json.loads((tmp_path / "results" / "ablations.json").read_text())["numbers"]["rows"]
    assert set(rows) == {"linear", "default", "gaps filled joint by joint"} and rows["linear"]["sound"] == 0
    assert all(value > 0 for value in rows["default"].values())


def test_a_wrong_kind_or_key_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("kind: nothing\n")
    with pytest.raises(InputError, match="kind is 'nothing'"):
        load_table(file)
    file.write_text("kind: gap\nnumber: 5\ntitle: t\nlenghts: [1]\n")
    with pytest.raises(InputError, match="lenghts"):
        load_table(file)


def test_tables_are_made_kept_and_drawn(tmp_path: Path) -> None:
    for number in (1, 3, 5):
        run(TABLES / f"table{number}.yaml", tmp_path, tmp_path / "results", TINY, small=True)
    numbers = json.loads((tmp_path / "results" / "table1.json").read_text())["numbers"]
    row = numbers["rows"]["Skeletor (default), trained at 10%"]
    assert len(row["dev"]) == 4 and row["test"]["hit cm"]["ave"] > 0
    weights = sorted((tmp_path / "models").rglob("refiner.safetensors"))
    times = [file.stat().st_mtime_ns for file in weights]
    run(TABLES / "table3.yaml", tmp_path, tmp_path / "results", TINY, small=True)
    assert [file.stat().st_mtime_ns for file in weights] == times and len(weights) == 2
    where = ["--results", str(tmp_path / "results"), "--work", str(tmp_path)]
    assert figures.main([*where, "--only", "3", "8"]) == 0
    drawn = {file.name for file in (tmp_path / "results" / "figures").iterdir()}
    assert drawn == {"figure3.png", "figure3.svg", "figure8.png", "figure8.svg"}


def test_what_has_no_data_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(TABLES / "table6.yaml"), "--quick", "--run", "nowhere"]) == 2
    assert figures.main(["--only", "7", "8", "--run", "nowhere"]) == 2


def test_a_carried_hand_follows_its_wrist() -> None:
    truth = motion_clips(MotionConfig(train=2, dev=1, test=1), "test")[0]
    hit = truth.confidence < 0
    hit[10:20, 29:50] = True
    task = hidden([truth], [hit])
    found = smoothers(["linear-carried"])[0].refiner(task.inputs[0]).keypoints
    np.testing.assert_allclose(found[~hit], truth.keypoints[~hit], atol=1e-5)
    # where hand and wrist are both known at the gap's ends, the offset between them goes over linearly
    offset = found[:, 29] - truth.keypoints[:, 4]
    step = offset[10:20] - offset[9:19]
    assert abs(step - step[0]).max() < 1e-5
    points, seen = torch.from_numpy(truth.keypoints)[None], torch.from_numpy(~hit)[None]
    np.testing.assert_allclose(fill_carried(points, seen, truth.skeleton)[0], found, atol=1e-5)


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


def test_the_prior_alone_fills_gaps_and_keeps_what_is_seen(tmp_path: Path) -> None:
    data = MotionConfig(train=6, dev=1, test=1)
    store = motion_store(data, tmp_path)
    truth = motion_clips(data, "test")[0]
    hit = np.random.default_rng(0).random(truth.confidence.shape) < 0.15
    task = hidden([truth], [hit])
    found = PriorRefiner(store.folder)(task.inputs[0]).keypoints
    line = smoothers(["linear-carried"])[0].refiner(task.inputs[0]).keypoints
    np.testing.assert_allclose(found[~hit], truth.keypoints[~hit], atol=1e-6)
    error, before = (np.abs(x - truth.keypoints)[hit].mean() for x in (found, line))
    assert error < 0.5 * before
