"""Recordings of several people: the truth is where it is said to be, and the table counts right."""

import numpy as np

from experiments.__main__ import main
from experiments.long.takes import FPS, Material
from experiments.long.turns import ONE, TURNS, TurnsConfig, compose, judge, judge_poses, layout
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
    found = judge_poses(
        spoken, people.person(np.where((spoken.person == np.maximum(truth, 0)[:, None]).any(1), at, -1))
    )
    assert found["right"] == found["signed"] > 0 and found["changes"] == 3
    one = judge_poses(spoken, select(people))
    assert 0.2 < one["right"] / one["signed"] < 0.8 and one["cuts"] == 0 and one["errors"] == [None] * 3


def test_what_is_counted():
    truth = np.repeat([-1, 0, -1, 1, -1], 10)
    taken, seen = np.repeat([0, 1], 25), np.ones(50, bool)
    seen[12] = False
    found = judge(taken, truth, seen, [(20, 30)])
    assert found == {"right": 19, "signed": 19, "cuts": 1, "changes": 1, "errors": [0.0]}
    late = judge(np.repeat([0, -1, 1], [30, 10, 10]), truth, seen, [(20, 30)])
    assert late["right"] == 9 and late["cuts"] == 1 and late["errors"] == [10 / FPS]


def test_the_table():
    one = {"right": 5, "signed": 10, "cuts": 0, "changes": 2, "errors": [None, None]}
    turns = {"right": 9, "signed": 10, "cuts": 2, "changes": 2, "errors": [0.0, 0.4]}
    result = layout({ONE: [one, one], TURNS: [turns, turns]}, 2.0, {ONE: [], TURNS: []})
    (text,) = result.sections
    assert f"| {ONE} | 50.0 | 0.0 |  |  | 0 |" in text and f"| {TURNS} | 90.0 | 50.0 | 0.20 | 0.40 | 4 |" in text
    assert result.numbers["ways"][TURNS]["total"] == {"right": 18, "signed": 20, "cuts": 4, "changes": 4}
    assert len(layout({ONE: [one], TURNS: [turns]}, 1.0, {ONE: [one], TURNS: [turns]}).sections) == 2


def test_a_run_of_few_clips_is_refused_in_a_line(run, tmp_path, capsys):
    assert main(["turns", "--run", str(run), "--work", str(tmp_path / "work"), "--results", str(tmp_path)]) == 2
    assert "fewer than two signers with four test clips" in capsys.readouterr().err
