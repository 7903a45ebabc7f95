"""The table of lifters: its measures, its floor, and what it prints."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments import pages as page
from experiments.request import ROOT
from experiments.tables.lifters import table as lifters
from experiments.tables.lifters.floors import Ridge, flat
from experiments.tables.lifters.table import LiftersTable, Row, markdown, measure, speeds, table
from experiments.tables.lifters.table import test_sets as sets_of
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned.clips import View, clip_set
from skeletor.lifters.learned.config import LifterDataConfig
from skeletor.lifters.learned.training import WEIGHTS
from skeletor.lifters.learned.weights import load_lifter
from skeletor.lifters.registry import build_lifter
from skeletor.poses.normalise import normalise
from skeletor.support.errors import InputError
from slt.synthetic.lift_clips import held_out_motion, make_view

RESULTS = ROOT / "experiments" / "results"


@pytest.fixture(scope="module")
def views() -> list[View]:
    motions = held_out_motion(3, 7)
    return [make_view(pose, np.random.default_rng([1, k]), None) for k, (_, pose) in enumerate(motions)]


def test_the_truth_has_no_error_and_a_shifted_joint_has_its_own(views):
    truths = [normalise(view.truth) for view in views]
    assert all(value == pytest.approx(0, abs=1e-3) for value in measure(truths, views).values())
    moved = []
    for truth in truths:
        points = truth.keypoints.copy()
        points[:, 4, 2] += 0.050 / float(truth.provenance.stage("normalise").config["scale"])  # 50 mm
        moved.append(truth.replace(points))
    found = measure(moved, views)
    assert found["mpjpe"] == pytest.approx(50 / 50, abs=0.05) and found["body"] == pytest.approx(50 / 8, abs=0.4)
    assert found["velocity"] == pytest.approx(0, abs=1e-3) and found["p-mpjpe"] > 0.1


def test_ridge_learns_the_depth_that_flat_leaves_out(views):
    data = LifterDataConfig()
    ridge = Ridge.fitted(clip_set(views, data.minimum_confidence, data.hand_reach), data)
    seen = [view.seen for view in views]
    assert ridge.weights.shape == (901, 150)
    assert measure(ridge(seen), views)["mpjpe"] < 0.3 * measure(flat(seen), views)["mpjpe"]


def test_the_tables_have_every_row_and_speeds_those_that_are_timed(views, monkeypatch):
    monkeypatch.setattr(lifters, "REPEATS", 1)
    fast = build_lifter(FastOptions()).many
    rows = [Row("flat", flat), Row("fast (first)", fast, few=True, timed=False), Row("fast", fast, 12345)]
    found = table(rows, views, few=1)
    assert [row["clips"] for row in found.values()] == [3, 1, 3]
    assert found["fast"]["mpjpe"] < found["flat"]["mpjpe"]
    made = speeds(rows, views[:1])
    assert set(made) == {"flat", "fast"} and all(value > 0 for value in made.values())
    text = markdown({
        "about": {"command": "c", "noise": "n", "date": "d"}, "tables": {"set": found}, "trainings": {},
        "parameters": {row.name: row.parameters for row in rows},
        "speed": {"cores": 1, "threads": 1, "frames": 9, "frames/s": made},
    })  # fmt: skip
    assert text.count("| fast |") == 2 and "12,345" in text


def test_the_page_shows_the_committed_figures_and_leaves_out_what_is_not_made():
    made = json.loads((RESULTS / "lifters.json").read_text(encoding="utf-8"))
    score = {"bleu4": 54.604, "intervals": {"bleu4": [48.2, 60.6]}}
    lines = page.lifters_table(made, [{"label": "IK fast", "scores": {"test": score}}])
    assert len(lines) == 2 + len(page.ROWS) and {line.count("|") for line in lines} == {8}
    cells = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines[2:]}
    assert cells["IK fast"][-1] == "54.6 [48.2, 60.6]" and cells["joint-token"][-1] == ""
    part = next(rows for title, rows in made["tables"].items() if title.startswith(page.PARTS[1]))
    assert cells["joint-token"][3] == f"{part['joint-token']['mpjpe']:.1f}"
    text = (ROOT / "docs" / "lifters.md").read_text(encoding="utf-8")
    shown = text.split("<!-- lifters: begin -->")[1].split("<!-- lifters: end -->")[0]
    for row in cells.values():
        assert " | ".join(row[:-1]) in shown  # the page is not older than the results


TINY = """
out: unused
workers: 1
data: {clips: 4, views: 1, mocap_views: 3}
model: {kind: joint-token, width: 8, heads: 2, blocks: 1, window: 8}
train: {batch_size: 2, max_steps: 2, checkpoint_every: 2}
"""


def test_every_activity_is_lifted_by_a_network_that_was_trained_without_it(captured_file, tmp_path, monkeypatch):
    monkeypatch.setattr(lifters, "PIECE", 40)
    with np.load(captured_file) as whole:
        short = {name: whole[name][:80] if whole[name].ndim == 3 else whole[name] for name in whole}
    np.savez(captured_file, **short)
    small = tmp_path / "small.yaml"
    small.write_text(TINY, encoding="utf-8")
    config = LiftersTable(
        seed=1, clips=1, reference_clips=1, threads=1, lifters={"network": str(small)}, mocap=str(captured_file),
        across="network", activities=["test_", "swing"], turns=[0, 20],
        pretraining={"network": {"data.clips": 0, "train.max_steps": 1}},
    )  # fmt: skip
    title = next(name for name in sets_of(config, None, None) if name.startswith(page.PARTS[1]))
    (held,) = {view.truth.provenance.source for view in sets_of(config, None, None)[title]}
    assert held == "test_wave"
    rows = lifters.ways(config, None, tmp_path)
    folder = tmp_path / "lifters-plain"
    assert load_lifter(folder / "network, before" / WEIGHTS).info.training["steps"] == 1
    assert load_lifter(folder / "network" / WEIGHTS).info.config["start"].endswith(f"network, before/{WEIGHTS}")
    found = lifters.across(config, None, tmp_path, rows)
    assert set(found) == {"flat, z = 0", "IK fast", "network"}
    assert all(row["clips"] == 8 and row["frames"] == 320 for row in found.values())  # 2 activities, 2 turns, 2 pieces
    assert not (folder / "network without test_").exists()  # so was the row
    info = load_lifter(folder / "network without swing" / WEIGHTS).info
    assert info.config["data"]["mocap_held_out"] == "swing" and "without 'swing'" in info.data


def test_a_table_without_a_part_of_the_page_is_one_line():
    made = json.loads((RESULTS / "lifters.json").read_text(encoding="utf-8"))
    made["tables"] = {name: rows for name, rows in made["tables"].items() if not name.startswith("captured")}
    with pytest.raises(InputError, match="no part 'captured arms"):
        page.lifters_table(made, [])
