"""Recordings of several people: the truth is where it is said to be, and the table counts right."""

import json

import numpy as np

from experiments.__main__ import main
from experiments.long.takes import FPS, Material
from experiments.long.turns import TurnsConfig, compose, judge
from skeletor.io.people import select
from tests.experiments.long.test_long import _run, pieces  # noqa: F401  the fixture `run`

CONFIG = TurnsConfig(turns=4, sentences=[1, 1], third=1.0, gestures=0.0)


def test_the_truth_is_perfect_and_one_person_is_half_right(run):
    material, parts = Material(run), pieces(run, 4)
    signers = [plan.signer for plan in material.plans[:3]]
    spoken = compose([parts[:2], parts[2:]], signers, material, CONFIG, np.random.default_rng(0))
    people, truth = spoken.people, spoken.truth
    assert people.count == 3 and len(people) == len(truth) == len(spoken.person) and len(spoken.changes) == 3
    assert all(set(row) - {-1} <= {0, 1, 2} for row in spoken.person.tolist())
    assert set(truth.tolist()) == {-1, 0, 1} and people.fps == FPS
    at = np.argmax(spoken.person == np.maximum(truth, 0)[:, None], 1)
    found = judge(spoken, people.person(np.where((spoken.person == np.maximum(truth, 0)[:, None]).any(1), at, -1)))
    assert found["right"] == found["signed"] > 0 and found["changes"] == 3
    one = judge(spoken, select(people))
    assert 0.2 < one["right"] / one["signed"] < 0.8 and one["cuts"] == 0 and one["errors"] == [None] * 3


def test_the_smallest_table(run, tmp_path):
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path), "--set", "recordings=1", "--set", "turns=2"]
    code = main(["turns", "--run", str(run), *where])
    few = code == 2  # eight test clips may be of eight signers
    if not few:
        stored = json.loads((tmp_path / "turns.json").read_text())
        assert set(stored["ways"]) == {"one signer for all of it", "by turns"}
        assert "| by turns |" in (tmp_path / "turns.md").read_text()
