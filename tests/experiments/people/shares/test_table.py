"""`python -m experiments repair_people` from files to its table, on made-up people."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.people.config import SetConfig
from experiments.people.shares.config import SharesConfig
from experiments.people.shares.rows import Row, holes_of, repaired, rows_of
from experiments.people.ways import lifted
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.refiners.smoothers.kalman import KalmanOptions
from skeletor.refiners.smoothers.smooth import LinearOptions
from skeletor.refiners.trained import SHIPPED
from skeletor.support.config import check_config
from skeletor.support.errors import InputError
from tests.experiments.people.made import save_people, some_people

CONFIG = """
sets:
  - {{name: made, file: {0}/made.npz, person: who, size: [640, 480], fps: 25.0}}
  - {{name: few, file: {0}/few.npz, person: who, size: [640, 480], fps: 25.0}}
  - {{name: not there, file: {0}/none.npz}}
smoothers: {{linear: {{name: linear}}, savgol: {{name: savgol}}}}
refiners: {{shipped: {1}, lost: {0}/none.safetensors}}
left_out: {{few: {{shipped: {{"0": {1}, "1": {0}/none.safetensors}}}}}}
long: [4, 6]
every: 2
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    save_people(tmp_path / "made.npz", clips=2)
    save_people(tmp_path / "few.npz", people=2, clips=2)
    (tmp_path / "tiny.yaml").write_text(CONFIG.format(tmp_path, SHIPPED))
    return tmp_path


def call(files: Path, *more: str) -> int:
    return main(["repair_people", "--config", str(files / "tiny.yaml"), "--run", str(files / "run"), "--work",
                 str(files / "work"), "--results", str(files / "results"), *more])  # fmt: skip


def test_from_files_to_tables(files: Path) -> None:
    assert call(files) == 0
    found = json.loads((files / "results" / "tiny.json").read_text())["numbers"]
    assert set(found) == {"made", "few"}
    assert list(found["made"]["rows"]) == ["linear", "savgol", "shipped"]
    assert list(found["few"]["rows"]) == ["linear", "savgol"]  # a person's own weights are not there
    rows = found["made"]["rows"]
    parts = ["hand hidden 1-3", "hand hidden 4-6", "frames hidden"]
    for part in parts:
        one = rows["linear"]["shares"][part]
        assert one["mean"] == 1 and one["interval"] == [1, 1] and one["better"] == 0 and one["people"] == 6
        assert 0 < rows["linear"]["hidden"][part] < 0.3 and found["made"]["gaps"][part] > 5
    assert rows["linear"]["moved"] < 1e-6 < rows["savgol"]["moved"]
    assert rows["shipped"]["moved"] < 0.004
    assert rows[found["made"]["smoothest"]]["acceleration"]["mean"] == 1
    text = (files / "results" / "tiny.md").read_text()
    assert "#### few: what is left of the error" in text and "| linear | 1 (= 0.0" in text
    kept = files / "work" / "rows" / "made" / "shipped" / "found.json"
    before = kept.stat().st_mtime_ns
    assert call(files) == 0 and kept.stat().st_mtime_ns == before


def test_a_row_without_its_weights_is_kept_beside_the_same_test_data(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = files / "own.safetensors"
    weights.write_bytes(SHIPPED.read_bytes())
    config = files / "tiny.yaml"
    config.write_text(config.read_text().replace("lost: ", f"own: {weights}, lost: "))
    assert call(files, "--set", "kept=true") == 2 and "no rows can be kept" in capsys.readouterr().err
    assert call(files) == 0
    file = files / "results" / "tiny.json"
    first = json.loads(file.read_text())
    weights.unlink()
    assert call(files, "--set", "kept=true") == 0
    second = json.loads(file.read_text())
    assert second["numbers"] == first["numbers"] and list(second["numbers"]["made"]["rows"])[-1] == "own"
    assert second["kept"]["command"] == first["command"]
    text = (files / "results" / "tiny.md").read_text()
    assert "| own |" in text and "Rows whose weights were not there are those that `python -m experiments" in text
    assert call(files, "--set", "kept=true", "--set", "every=1") == 2
    assert "of other test data than today's" in capsys.readouterr().err
    assert json.loads(file.read_text()) == second


def test_without_files_there_is_no_table(files: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("made.npz", "few.npz"):
        (files / name).unlink()
    assert call(files) == 2
    assert "none is there" in capsys.readouterr().err


def test_hidden_hands_have_the_lengths_that_are_asked_for(tmp_path: Path) -> None:
    config = SharesConfig(sets=[SetConfig(name="a", file="a.npz")], long=[4, 6])
    for part, holes in holes_of(config, some_people(tmp_path)).items():
        low, high = config.parts[part] or (1, 15)
        assert holes and all(low <= hole.length <= high for _, hole in holes)
        assert all(np.diff(np.flatnonzero(hole.joints.any(1))).max(initial=1) == 1 for _, hole in holes)


def test_every_person_has_his_own_refiner(tmp_path: Path) -> None:
    poses = lifted(FastOptions(), some_people(tmp_path, 2).poses[:2])
    row = Row("x", {"0": LinearOptions(), "": KalmanOptions()})
    found = repaired(row, poses, ["0", "1"])
    assert [one.provenance.stages[-1].config["name"] for one in found] == ["linear", "kalman"]
    with pytest.raises(ValueError, match="no refiner for some"):
        repaired(Row("x", {"0": LinearOptions()}), poses, ["0", "1"])


def test_rows_are_those_whose_weights_are_there(tmp_path: Path) -> None:
    weights = tmp_path / "run" / "refiner" / "refiner.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"x")
    config = SharesConfig(sets=[SetConfig(name="a", file="a.npz")], refiners={"mine": str(weights), "lost": "none"})
    assert [r.name for r in rows_of(config, config.sets[0], tmp_path / "run")] == [
        "linear", "Skeletor, unsupervised", "mine"
    ]  # fmt: skip
    other = {"sets": [{"name": "a", "file": "a.npz"}]}
    for wrong, said in (({"base": "cubic"}, "none of smoothers"), ({"short": [3, 1]}, "the shorter first"),
                        ({"refiners": {"linear": "x"}}, "the same name")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            check_config(other | wrong, SharesConfig, "test")
