"""`python -m experiments arms` from files to tables, on made-up bodies."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.people.arms.table import signers_page
from skeletor.lifters.learned.mocap import CMU_JOINTS
from tests.experiments.people.test_captured import body

CONFIG = """
mocap: {0}/mocap.npz
activities: [wash, direct]
judge: {0}/captured.npz
signer_every: 2
begin: {{flexion: 170}}
options: {{flexion: [80, 170]}}
sweeps: 1
turns: [0]
workers: 1
"""


def moving(seed: int) -> np.ndarray:
    """(160, 38, 3) of a CMU file: the made-up body, y up."""
    own = body(160, seed) * np.array([1, -1, 1], np.float32)
    points = np.zeros((160, 38, 3), np.float32)
    points[:, list(CMU_JOINTS.values())] = own[:, [0, 2, 3, 4, 5, 6, 7]]
    return points


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.savez(tmp_path / "mocap.npz", wash_1=moving(1), direct_1=moving(2))
    clips = {f"signer{s}_{k:02d}": body(20, 10 * s + k) for s in (1, 2) for k in (0, 1)}
    np.savez(tmp_path / "captured.npz", **clips)
    (tmp_path / "tiny.yaml").write_text(CONFIG.format(tmp_path))
    return tmp_path


def call(files: Path) -> dict:
    options = ("--config", "tiny.yaml", "--work", "work", "--results", "results")
    assert main(["arms", *(word if word.startswith("--") else str(files / word) for word in options)]) == 0
    return json.loads((files / "results" / "tiny.json").read_text())


def test_a_fit_to_one_signer_is_judged_on_the_other_and_kept(files: Path) -> None:
    found = call(files)
    signers = found["fitted to a signer"]
    assert {own: set(one["errors"]) for own, one in signers.items()} == {
        "signer1": {"signer1", "signer2"}, "signer2": {"signer1", "signer2"},
    }  # fmt: skip
    before = found["errors"]["before"]["LSF hands missing, signer2"]["arms"]
    assert signers["signer1"]["chosen"] == {"flexion": 80} and found["chosen"] == {"flexion": 80}
    assert signers["signer1"]["errors"]["signer2"]["arms"] < before
    text = (files / "results" / "tiny.md").read_text()
    assert "| fitted to signer2, judged on signer1 |" in text and text.endswith("tiny.yaml`.\n")
    kept = sorted((files / "work").glob("*/chosen.json"))
    assert [one.parent.name for one in kept] == [
        "all", "all-but-direct", "all-but-wash", "signer-signer1", "signer-signer2",
    ]  # fmt: skip
    times = [one.stat().st_mtime_ns for one in kept]
    assert call(files)["fitted to a signer"] == signers
    assert [one.stat().st_mtime_ns for one in kept] == times


def test_the_table_of_signers_says_that_nothing_of_it_is_used() -> None:
    errors = {"arms": 0.1, "wrist depth": 0.2}
    result = {"fitted to all": {f"LSF hands missing, {name}": errors for name in "ab"}}
    own = {"arms": 0.05, "wrist depth": 0.06}
    text = signers_page(result, {a: {b: own if a == b else errors for b in "ab"} for a in "ab"}, 3)
    assert "| fitted to a, judged on b | 0.100 (0.200) | 0.100 (0.200) | 0.0500 (0.0600) |" in text
    assert "no licence" in text and "nothing of these fits is in the package" in text.replace("\n", " ")
