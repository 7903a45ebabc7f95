"""Parts of the page that are made anew, beside those that stay."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from experiments.request import Request
from experiments.scale import shards
from experiments.scale.costs import Cost
from experiments.scale.gaps import Gaps
from experiments.scale.kept import by_part, read_parts, together
from experiments.scale.trials import Trial


def test_rows_of_other_engines_and_other_parts_stay(tmp_path: Path) -> None:
    file = tmp_path / "shards.json"
    assert read_parts(file) == ({}, {})
    trials = [Trial("a", "local", runs=1), Trial("a", "ray", runs=2)]
    costs = [Cost("local", 1.0, 2.0, 3)]
    file.write_text(json.dumps({"command": "all", "failures": [asdict(row) for row in trials],
                                "costs": [asdict(row) for row in costs],
                                "made_by": {"failures": "all", "costs": "some"}}))  # fmt: skip
    old, made_by = read_parts(file)
    assert old == {"failures": trials, "costs": costs} and made_by == {"failures": "all", "costs": "some"}
    assert by_part(made_by, "failures", ["ray"], "new") == made_by | {"failures by ray": "new"}
    assert by_part(by_part(made_by, "failures", ["ray"], "new"), "failures", ["ray", "local", "slurm"], "whole") == {
        "costs": "some", "failures": "whole"}  # fmt: skip
    assert by_part(made_by, "costs", ["ray"], "new") == made_by | {"costs": "new"}
    new = {"failures": [Trial("a", "ray", runs=1)]}
    assert together(old, new) == {"failures": [trials[0], *new["failures"]], "costs": costs}
    assert together(old, {"costs": []}) == {"failures": trials, "costs": []}, "compared with each other"


def test_what_is_not_installed_here_is_not_said_to_have_been_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of Ray that stay keep the command that made them."""
    gaps = Gaps("lift", "a way", 0, 1, 1, 1.0, 1.0, 1.0, 1.0, 0.0)
    trials = [Trial("a", "local", runs=1), Trial("a", "ray", runs=2)]
    (tmp_path / "shards.json").write_text(json.dumps({"command": "old", "failures": [asdict(row) for row in trials],
                                                      "ray": [asdict(gaps)]}))  # fmt: skip
    made = [Trial("a", "local", runs=3)]
    monkeypatch.setattr(shards, "installed", lambda name: name == "local")
    monkeypatch.setattr(shards, "failures", lambda *given: made)
    config = shards.ShardsConfig(parts=["failures", "ray"])
    shards.make(Request("shards", tmp_path / "work", tmp_path, command="new"), config)
    old, made_by = read_parts(tmp_path / "shards.json")
    assert old == {"failures": [trials[1], *made], "ray": [gaps]}
    assert made_by == {"failures": "old", "ray": "old", "failures by local": "new"}
