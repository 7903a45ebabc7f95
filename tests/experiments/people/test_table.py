"""`python -m experiments real` from files to tables, on made-up people."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.people.config import RealConfig, WayConfig
from experiments.people.ways import ways_of
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.support.config import check_config
from skeletor.support.errors import InputError
from tests.experiments.people.made import save_people
from tests.experiments.people.test_captured import body

CONFIG = """
sets:
  - {{name: made, file: {0}/made.npz, label: label, person: who, size: [640, 480], fps: 25.0}}
  - {{name: few, file: {0}/few.npz, label: label, person: who, size: [640, 480]}}
  - {{name: not there, file: {0}/none.npz}}
ways:
  - {{name: raw 2D}}
  - {{name: lift fast, lift: {{mode: fast}}}}
  - {{name: "lift fast, linear carried", lift: {{mode: fast}}, refine: {{name: linear, carried: true}}}}
  - {{name: "lift fast, unseen hands missing", lift: {{mode: fast}}, unseen: missing}}
refined: [lift fast]
refiners: {{not there: {0}/none.safetensors}}
recognisers: [ridge]
bins: 3
repair_every: 1
captured: {0}/captured.npz
captured_clips: 1
lifters: [{{mode: fast}}]
workers: 1
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    save_people(tmp_path / "made.npz")
    save_people(tmp_path / "few.npz", people=2)
    np.savez(tmp_path / "captured.npz", signer1_00=body())
    (tmp_path / "tiny.yaml").write_text(CONFIG.format(tmp_path))
    return tmp_path


def call(files: Path, *more: str) -> int:
    return main(["real", "--config", str(files / "tiny.yaml"), "--run", str(files / "run"), "--work",
                 str(files / "work"), "--results", str(files / "results"), *more])  # fmt: skip


def test_tables_of_all_rows(files: Path) -> None:
    assert call(files) == 0
    found = json.loads((files / "results" / "tiny.json").read_text())["numbers"]
    assert set(found) == {"made", "few", "captured"}
    clean = found["made"]["read"]["clean"]
    assert set(clean) == {"ridge, x and y", "ridge, pose_features"}
    column = clean["ridge, x and y"]
    assert list(column) == ["raw 2D", "lift fast", "lift fast, linear carried", "lift fast, unseen hands missing"]
    assert column["raw 2D"]["accuracy"] > 0.9 and column["raw 2D"]["interval"] == [0, 0]
    assert column["lift fast"]["gain"] == pytest.approx(column["lift fast"]["accuracy"] - column["raw 2D"]["accuracy"])
    assert set(found["made"]["read"]) == {"clean", "dropped", "good to bad"}
    assert set(found["few"]["read"]["clean"]) == {
        f"ridge, {kind}, on {name}" for kind in ("x and y", "pose_features") for name in ("0", "1")
    }
    repair = found["made"]["repair"]
    assert repair["lift fast"]["seen"]["moved"] == 0 < repair["lift fast"]["hands"]["all"] < 0.2
    assert "hands" not in repair["raw 2D"] and "hands" not in repair["lift fast, unseen hands missing"]
    text = (files / "results" / "tiny.md").read_text()
    assert "#### few: signs read right; people left out" in text and "Captured signing" in text
    before = (files / "work" / "rows" / "made" / "lift-fast" / "ridge" / "found.json").stat().st_mtime_ns
    assert call(files, "--set", "lifters=[]") == 0  # nothing is made again
    assert (files / "work" / "rows" / "made" / "lift-fast" / "ridge" / "found.json").stat().st_mtime_ns == before


def test_hands_as_bends_are_compared_with_their_joints(files: Path) -> None:
    more = ("inputs=[product, bends]", "ways=[{name: raw 2D}]", "refined=[]", "lifters=[]", "repair_every=50")
    assert call(files, *(word for one in more for word in ("--set", one))) == 0
    found = json.loads((files / "results" / "tiny.json").read_text())["numbers"]
    bends = "ridge, pose_features, hands as bends"
    read, gains = (found["made"][key]["clean"] for key in ("read", "hands as bends"))
    assert set(read) == {"ridge, pose_features", bends} and list(gains) == [bends]
    joints, both = read["ridge, pose_features"]["raw 2D"]["accuracy"], read[bends]["raw 2D"]["accuracy"]
    assert gains[bends]["raw 2D"]["without"] == joints
    assert gains[bends]["raw 2D"]["gain"] == pytest.approx(both - joints)
    assert set(found["few"]["hands as bends"]["clean"]) == {f"{bends}, on 0", f"{bends}, on 1"}
    assert "#### few: what bends of the hands add" in (files / "results" / "tiny.md").read_text()


def test_without_files_there_is_no_table(files: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("made.npz", "few.npz"):
        (files / name).unlink()
    assert call(files) == 2
    assert "none is there" in capsys.readouterr().err


def test_rows_are_named_by_what_they_do(tmp_path: Path) -> None:
    ways = [
        WayConfig(name="raw"),
        WayConfig(name="fast", lift=FastOptions()),
        WayConfig(name="fast, x", lift=FastOptions()),
    ]
    made = {"sets": [{"name": "a", "file": "a.npz"}], "ways": [way.model_dump() for way in ways], "refined": ["fast"]}
    weights = tmp_path / "run" / "refiner" / "refiner.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"x")
    config = check_config(made | {"refiners": {"mine": str(weights), "lost": "none"}}, RealConfig, "test")
    names = [way.name for way in ways_of(config, tmp_path / "run")]
    assert names == ["raw", "fast", "fast + Skeletor, unsupervised", "fast + mine", "fast, x"]
    assert [w.name for w in ways_of(config, tmp_path)] == ["raw", "fast", "fast + mine", "fast, x"]
    for wrong, said in (
        ({"refined": ["slow"]}, "'slow' is none of ways"),
        ({"ways": made["ways"][:2] * 2}, "same name"),
    ):
        with pytest.raises(InputError, match=said):
            check_config(made | wrong, RealConfig, "test")
