"""Parts of the page that are made anew, beside those that stay."""

import json
from dataclasses import asdict
from pathlib import Path

from experiments.scale.costs import Cost
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
