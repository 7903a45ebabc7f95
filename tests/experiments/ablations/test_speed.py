"""The table of ways to estimate 2D faster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.ablations import speed
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import load_config
from skeletor.support.errors import InputError
from slt.data.layout import Clip

YAML = Path(speed.__file__).with_name("speed.yaml")


def pose(points: np.ndarray) -> PoseSequence:
    there = np.isfinite(points).all(2)
    return PoseSequence(points.astype(np.float32), there.astype(np.float32), 25.0, SIGNING_50)


def row(label: str, ms: list[float], wer: float | None) -> dict[str, object]:
    rest = dict.fromkeys(("bleu4", "left", "right", "error", "body", "hands"), 0.5)
    off = {
        "body_error": [0.1, 0.2],
        "hand_error": [0.3, 0.4],
        "filled_error": None,
        "filled": 0,
        "lost": 0,
        "absent": 0,
    }
    more = {"more": None if wer is None else [-1.0, 2.54]}
    return {"label": label, "ms": ms, "wer": wer, "abstained": 1, **more, **rest, **off}


def test_ways_are_laid_over_the_estimator_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"estimator": {"name": "mediapipe", "smooth_landmarks": False}}))
    job = load_config(YAML, speed.SpeedJob)
    assert job.ways[0] == {}, "the first is the run as it is"
    options = [speed.options_of(tmp_path, way).model_dump() for way in job.ways]
    assert [(each["speed"], each["hand_model"], each["pose_stride"]) for each in options] == [
        ("full", "full", 1), ("fast", "full", 1), ("faster", "full", 1), ("fast", "lite", 1),
        ("fast", "full", 2), ("faster", "full", 2), ("fast", "lite", 2),
    ]  # fmt: skip
    assert not any(each["smooth_landmarks"] for each in options)
    with pytest.raises(InputError, match="ways: speed slow"):
        speed.options_of(tmp_path, {"speed": "slow"})


def test_distance_is_in_shoulder_widths_and_of_what_both_have() -> None:
    points = np.zeros((2, 50, 2))
    points[:, SIGNING_50.index("left_shoulder"), 0] = 40.0
    moved = points.copy()
    moved[:, 8:] += (3.0, 4.0)  # 5 pixels
    moved[0, 8] = np.nan
    found: Mapping[str, PoseSequence] = {"a": pose(moved)}
    assert speed.distance({"a": pose(points)}, found, range(8, 50)) == pytest.approx(5 / 40)
    assert speed.distance({"a": pose(points)}, found, range(8)) == 0


def test_the_table_compares_with_its_first_row() -> None:
    job = speed.SpeedJob(ways=[{}, {"speed": "fast"}])
    rows = [row("as the run", [40.0, 60.0], 14.0), row("speed fast", [20.0, 20.0], 15.5)]
    lines = speed.markdown(rows, Path("runs/demo"), job, "hand").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:7]] for line in lines if line.startswith("| ")][:4]
    assert cells[-2] == ["as the run", "50.0", "1.00", "14.00", "+0.00", "-1.0 to +2.5"]
    assert cells[-1] == ["speed fast", "20.0", "2.50", "15.50", "+1.50", "-1.0 to +2.5"]
    assert "| speed fast | 20.0 | 2.50 |  |  |  |" in speed.markdown(
        [rows[0] | {"wer": None}, rows[1] | {"wer": None}], Path("runs/demo"), job, "hand"
    )
    assert "| speed fast | 0.100, 0.200 | 0.300, 0.400 | 0 |  | 0 | 0 |" in lines and lines[-1] == "Made by hand."


def test_the_interval_is_of_the_difference_over_the_same_clips() -> None:
    clips = [Clip(f"{k}", "test", None, "a", ("x", "y"), "x y") for k in range(40)]
    first = [["x", "y"] if k % 2 else ["x"] for k in range(40)]
    worse = [["x"]] * 40  # of 80 glosses 20 more are lost
    low, high = speed.interval(first, worse, clips) or (0.0, 0.0)
    assert 10 < low < 25 < high < 40
    assert speed.interval(first, first, clips) == [0, 0]
    assert speed.interval(None, worse, clips) is None and speed.interval(first, None, clips) is None


def test_errors_are_from_the_truth_and_tell_what_was_filled() -> None:
    points = np.zeros((4, 50, 2)) + 100
    points[:, SIGNING_50.index("left_shoulder"), 0] = 140.0
    truth, left = pose(points), list(SIGNING_50.group("left_hand"))
    truth = truth.replace(stage=None)
    first, second = points.copy(), points.copy()
    first[:2, left] = np.nan  # two hands that the second way has, 8 pixels off, and one that it has not
    second[:2, left] += (0.0, 8.0)
    second[3, left] = np.nan
    found = speed.errors({"a": pose(second)}, {"a": pose(first)}, {"a": truth})
    assert (found["filled"], found["lost"], found["absent"]) == (2, 1, 0)
    assert found["filled_error"] == pytest.approx([0.2, 0.2]) and found["body_error"] == [0, 0]
    assert found["hand_error"][0] == 0 and found["hand_error"][1] == pytest.approx(0.2)
    assert speed.errors({"a": pose(first)}, {"a": pose(first)}, {"a": truth})["filled_error"] is None


def test_without_a_run_it_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run" / "corpus").mkdir(parents=True)
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    assert main(["speed", "--run", str(tmp_path / "run"), *where]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "no finished run" in line]
    assert len(lines) == 1 and not (tmp_path / "speed.md").exists()
