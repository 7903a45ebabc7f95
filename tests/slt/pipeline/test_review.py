"""What a run leaves for its page: each clip of test with its sentence and score, and where the poses lie."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skeletor.poses.span import Span
from slt.data.layout import Clip, Corpus, Description
from slt.pipeline.cache.stage import Done
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Detected, Row, Run
from slt.pipeline.review import Reading, guesses, last_reading, reading, write_review
from slt.pipeline.stages.cascades import cascade_of
from slt.pipeline.stages.translators import TrainedTranslator
from slt.score.scores import score

DONE = Done("", Path(), "", 0.0)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = tmp_path / "runs" / "a"
    clips = (
        Clip("a", "test", folder / "corpus" / "a.mp4", "s", ("REGEN",), "im norden regen ."),
        Clip("b", "test", tmp_path / "videos" / "b.mp4", "s", ("WIND",), "im süden wind .", span=Span(1.0, 2.5)),
        Clip("c", "test", folder / "c.safetensors", "s", (), "morgen sonne ."),
        Clip("d", "dev", None, "s", (), "heute ."),
    )
    folder.mkdir(parents=True)
    (folder / "c.safetensors").write_bytes(b"")
    return Run(RunConfig(), folder, Corpus(tmp_path, Description(kind="own"), clips), "")


def written(run: Run, read: Reading | None) -> dict[str, Any]:
    rows = [Row("raw", "raw", DONE, run.folder / "lifted"), Row("own", "own", DONE, run.folder.parent / "b" / "own")]
    detected = Detected(DONE, {"test": run.folder / "estimated" / "test"})
    write_review(run, rows, detected, run.folder / "lifted", read)
    found: dict[str, Any] = json.loads((run.folder / "review.json").read_text(encoding="utf-8"))
    return found


def test_paths_within_the_run_are_relative_and_others_whole(run: Run, tmp_path: Path) -> None:
    row = Row("own", "own", DONE, Path())
    found = written(run, Reading(row, "own", {"a": "im norden regen ."}, {}))
    assert [c["video"] for c in found["clips"]] == ["corpus/a.mp4", str(tmp_path / "videos" / "b.mp4"), None]
    assert [r["poses"] for r in found["rows"]] == ["lifted/test", str(tmp_path / "runs" / "b" / "own" / "test")]
    assert found["detected"] == "estimated/test" and found["lifted"] == "lifted/test" and found["truth"] is None
    assert [(c["start"], c["end"]) for c in found["clips"]] == [(None, None), (1.0, 2.5), (None, None)]


def test_each_sentence_has_the_rouge_of_the_table_and_a_clip_without_poses_none(run: Run) -> None:
    outputs = {"a": "im norden regen .", "b": "im süden schnee ."}
    found = written(run, Reading(Row("own", "own", DONE, Path()), "own", outputs, {"a": ["REGEN"]}))["clips"]
    assert [c["hypothesis"] for c in found] == [outputs["a"], outputs["b"], None]
    assert [c["read"] for c in found] == [["REGEN"], None, None] and found[2]["score"] == 0
    texts = [c["reference"] for c in found]
    whole = score([outputs.get(c["name"], "") for c in found], texts).rouge
    assert sum(c["score"] for c in found) / 3 == pytest.approx(whole, abs=1e-3)


def test_isolated_signs_are_scored_by_the_rank_of_the_label(run: Run) -> None:
    signs = replace(run, config=RunConfig(task="recognise"))
    found = guesses(
        Row("own", "own", DONE, Path()), {"a": ["im norden regen ."], "b": ["x", "im süden wind ."], "c": []}
    )
    clips = written(signs, found)["clips"]
    assert [c["score"] for c in clips] == [100, 50, 0] and [c["hypothesis"] for c in clips][1:] == ["x", None]


def test_without_a_row_of_its_own_the_last_one_with_a_system_is_shown_and_truth_last_of_all() -> None:
    rows = [Row(name, name, DONE, Path()) for name in ("raw", "savgol", "truth")]
    system = (TrainedTranslator(DONE, 1, {"test": {"a": "x"}}, {"test": {"a": ["X"]}}),)
    shown = last_reading(rows, {"raw": system, cascade_of("raw"): system, "truth": system})
    assert shown is not None and shown.row.name == "raw" and "glosses recognised" in shown.label
    assert shown.outputs == {"a": "x"} and shown.glosses == {"a": ["X"]}
    only = last_reading(rows, {"truth": system})
    assert only is not None and only.row.name == "truth" and last_reading(rows, {}) is None
    assert reading(rows[0], "raw", system[0]).label == "raw"
