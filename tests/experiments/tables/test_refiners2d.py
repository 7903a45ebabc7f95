"""The experiment on the Panoptic hands: its measures against the oracle, its folds, and what happens without data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from experiments.__main__ import main
from experiments.tables import refiners2d as port
from experiments.tables.config import MotionConfig
from experiments.tables.data import motion_clips
from skeletor.io.store import write_store
from skeletor.refiners2d.gaussian import fit_gaussian
from skeletor.support.config import load_config
from slt.pipeline.config import RunConfig
from tests.skeletor.refiners2d.parts2d import hands

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data" / "panoptic_hands" / "port_panoptic_test.npz"
FOLDS = SHARED / "oracles" / "port" / "port_folds.npz"
needs_data = pytest.mark.skipif(not DATA.is_file(), reason="the Panoptic hands in ../shared are not here")


@needs_data
def test_the_baseline_is_the_oracles() -> None:
    found = port.read_hands(DATA, FOLDS)
    for seen in (found, found.mirrored()):
        got = port.measures(seen.detected, seen.truth)
        oracle = json.loads((FOLDS.parent / "port_baseline.json").read_text())
        assert got["epe"] == pytest.approx(oracle["EPE_root_rel"], abs=1e-6)
        assert got["p_epe"] == pytest.approx(oracle["P_EPE_proper_pred_to_gt"], abs=1e-6)
        assert got["p_epe_code"] == pytest.approx(oracle["P_EPE_code_gt_to_pred"], abs=1e-6)


@needs_data
def test_the_gaussian_passes_the_bar_by_five_folds() -> None:
    every = port.read_hands(DATA, FOLDS).mirrored()
    refined = every.detected.copy()
    for fold in range(5):
        rest, test = every.of(every.folds != fold), every.of(every.folds == fold)
        prior = fit_gaussian(rest.truth, rest.detected, rest.confidence, 0.5)
        refined[every.folds == fold] = prior.refine(test.detected, test.confidence)
    got = port.measures(refined, every.truth)
    assert got["epe"] <= 14.89 and got["p_epe"] <= 7.37


def test_the_shipped_config_is_valid_and_its_network_the_papers() -> None:
    config = load_config(ROOT / "experiments" / "tables" / "port.yaml", port.PortTable)
    described = next(row for row in config.rows if row.frame == "picture")
    net = port.build_port(described.port, 21, port.BONES)
    assert sum(p.numel() for p in net.parameters()) == 528_914
    assert {tuple(row.port.powers) for row in config.projection} >= {(0,), (1,), (1, 2), (1, 2, 3)}
    assert [row.port.masked for row in config.masking] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


@pytest.fixture(name="table")
def _table(tmp_path: Path) -> Path:
    """Made-up hands in the files' form, and a config with a row of each kind."""
    torch.set_num_threads(1)
    truth, detected, confidence = hands(240, 0)
    names = np.array([f"hand_labels/{k}_01_{'lr'[k % 2]}.jpg" for k in range(240)])
    size = np.full((240, 2), (640, 480))
    np.savez(tmp_path / "hands.npz", gt=truth, pred=detected, conf=confidence, wh=size, names=names)
    np.savez(tmp_path / "folds.npz", folds=np.arange(240) % 4)
    tiny = {"width": 8, "inner": 8, "heads": 1, "layers": 1, "steps": 2, "batch": 8}
    masked = {**tiny, "learn": "masked"}
    config = {
        "data": str(tmp_path / "hands.npz"), "folds": str(tmp_path / "folds.npz"), "seed": 1,
        "paper": masked, "fixed": masked, "ablated": masked,
        "rows": [
            {"name": "none", "kind": "none", "published": [15.27, 7.76]},
            {"name": "shrink", "kind": "shrink"},
            {"name": "described", "kind": "port", "frame": "picture", "mirror": False, "port": masked},
            {"name": "errors", "kind": "port", "refit": False, "port": tiny},
        ],
        "projection": [{"name": "linear", "kind": "port", "refit": False, "port": {**masked, "powers": [0]}}],
        "masking": [],
    }  # fmt: skip
    (tmp_path / "port.yaml").write_text(yaml.safe_dump(config))
    return tmp_path / "port.yaml"


def test_a_tiny_table_is_made_kept_and_the_same_again(table: Path, tmp_path: Path) -> None:
    arguments = [
        "port",
        "--config",
        str(table),
        "--work",
        str(tmp_path / "work"),
        "--results",
        str(tmp_path / "results"),
    ]
    assert main(arguments) == 0
    files = {f: f.stat().st_mtime_ns for f in (tmp_path / "work").glob("*.npz")}
    assert len(files) == 3 * 4
    first = (tmp_path / "results" / "port.json").read_bytes()
    rows = json.loads(first)["rows"]
    assert json.loads(first)["not_made_yet"] == []
    assert [row["name"] for row in rows] == ["none", "shrink", "described", "errors"]
    assert rows[0]["moved"] == 0 and len(rows[2]["chosen"]) == 4
    assert "15.27" in (tmp_path / "results" / "port.md").read_text()
    assert main(arguments) == 0
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "work").glob("*.npz")} == files
    assert (tmp_path / "results" / "port.json").read_bytes() == first


def test_a_fold_learns_nothing_from_its_own_truth(table: Path) -> None:
    config = load_config(table, port.PortTable)
    every = port.read_hands(Path(config.data), Path(config.folds)).mirrored()
    held = every.folds == 2
    other = replace(every, truth=np.where(held[:, None, None], every.truth * 3 + 7, every.truth))
    gaussian = port.RowConfig(name="g", kind="gaussian", correct=False)
    for row in (*config.rows[2:], gaussian):
        one, two = (port.refine_fold(row, data, 2, 1) for data in (every, other))
        np.testing.assert_array_equal(one[0], two[0])
        assert one[1] == two[1]


def test_without_the_data_it_says_so_in_one_line(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    where = ["port", "--config", str(table), "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    assert main([*where, "--set", f"data={tmp_path / 'gone.npz'}"]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert len(said) == 1 and "gone.npz: no such file; give" in said[0]
    (tmp_path / "bad.npz").write_bytes(b"PK")
    assert main([*where, "--set", f"data={tmp_path / 'bad.npz'}"]) == 2


def test_the_refiners_are_fitted_and_measured_in_a_finished_run(tmp_path: Path) -> None:
    run, rng = tmp_path / "run", np.random.default_rng(0)
    for part in ("train", "test"):
        clips = motion_clips(MotionConfig(train=6, dev=1, test=2), part)
        flat = [c.replace(c.keypoints[..., :2] * 60 + 120, units="pixel") for c in clips]
        seen = [c.replace(c.keypoints + rng.normal(0, 2, c.keypoints.shape).astype(np.float32)) for c in flat]
        places = {"poses": seen, "estimated": seen, "corpus/truth2d": flat, "corpus/truth": clips}
        for place, poses in places.items():
            write_store(run / place / part, ((f"{part}{k}", pose) for k, pose in enumerate(poses)))
    (run / "config.json").write_text(RunConfig(seed=5).model_dump_json())
    where = ["--run", str(run), "--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    assert main(["refine2d", *where, "--set", "only=[none, gaussian]"]) == 0
    made = json.loads((tmp_path / "refine2d.json").read_text())
    none, gaussian = made["rows"]
    assert made["seed"] == 5 and none["clips"] == 2 and none["frames_per_second"] is None
    assert gaussian["planar"]["hands"] < none["planar"]["hands"]
    assert "| gaussian |" in (tmp_path / "refine2d.md").read_text()
    assert main(["refine2d", "--run", str(tmp_path / "nothing"), "--work", str(tmp_path / "work")]) == 2
