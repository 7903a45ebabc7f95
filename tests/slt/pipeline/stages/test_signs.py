"""Isolated signs through the pipeline: folds of signers, the table, and (slow) a whole run and its model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from skeletor.io.formats import write_pose
from skeletor.io.store import write_store
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.cli import main
from slt.data.layout import Clip, Corpus, Description
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Run
from slt.pipeline.run import run
from slt.pipeline.stages.signs import signer_folds
from slt.pipeline.tables.signs import SignRow, SignSeed, SignTable
from slt.pipeline.work.readers import train_signs as work
from slt.recognise.config import PRESETS
from slt.score.accuracy import score_hits
from tests.slt.data.own_sets import write_lines
from tests.slt.toy import WORDS, in_pixels, perform


def of_signers(names: list[str], folds: int = 5) -> Run:
    clips = tuple(Clip(f"c{k}", "train", None, name, (), "x") for k, name in enumerate(names))
    config = RunConfig(task="recognise", signer_folds=folds)
    return Run(config, Path("."), Corpus(Path("."), Description("own"), clips, False), "")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), st.integers(0, 9))
def test_every_signer_is_left_out_once(names, number):
    folds = signer_folds(of_signers(names, number))
    if min(number, len(set(names))) < 2:
        assert folds == []
    else:
        assert sorted(name for fold in folds for name in fold) == sorted(set(names))
        assert len(folds) == min(number, len(set(names))) and all(folds)
        sizes = [sum(name in fold for name in names) for fold in folds]
        most = max(names.count(name) for name in names)
        assert max(sizes) - min(sizes) <= most


def test_nobody_is_left_out_where_a_signer_is_not_named():
    assert signer_folds(of_signers(["a", "b", "", "c"])) == []


def test_those_who_are_left_out_are_not_learned_from(tmp_path, monkeypatch):
    pose = PoseSequence(np.zeros((3, 50, 3)), np.ones((3, 50)), 25, SIGNING_50, Provenance(units="shoulder"))
    clips = [Clip(f"{s}{k}", s, None, "abc"[k], (), f"L{k}") for s in ("train", "dev", "test") for k in range(3)]
    for split in ("train", "dev", "test"):
        write_store(tmp_path / "store" / split, [(c.name, pose) for c in clips if c.split == split])
    seen: list[str] = []

    class Reader:
        def top(self, poses):
            return [() for _ in poses]

    monkeypatch.setattr(
        "slt.recognise.isolated.train_signs", lambda known, *_: seen.extend(c.name for c in known) or Reader()
    )
    corpus = Corpus(tmp_path, Description("own"), tuple(clips), False)
    work.leave_signers_out(tmp_path / "store", corpus, PRESETS["tiny"], 0, ("b",), tmp_path)
    told = json.loads((tmp_path / "held-out-top.json").read_text())
    assert sorted(told) == ["dev1", "test1", "train1"] and not set(told) & set(seen) and len(seen) == 6


@pytest.mark.parametrize("dev", ["e", "a"])
def test_where_dev_is_other_people_so_is_that_of_those_who_are_left_in(tmp_path, monkeypatch, dev):
    pose = PoseSequence(np.zeros((3, 50, 3)), np.ones((3, 50)), 25, SIGNING_50, Provenance(units="shoulder"))
    signers = {"train": "abcd", "dev": dev, "test": "f"}
    clips = [Clip(f"{s}{w}{k}", s, None, w, (), f"L{k}") for s, some in signers.items() for w in some for k in range(2)]
    for split in signers:
        write_store(tmp_path / "store" / split, [(c.name, pose) for c in clips if c.split == split])
    given: list[list[str]] = []

    class Reader:
        def top(self, poses):
            return [() for _ in poses]

    monkeypatch.setattr(
        "slt.recognise.isolated.train_signs",
        lambda known, held, *_: given.extend([c.name for c in some] for some in (known, held)) or Reader(),
    )
    corpus = Corpus(tmp_path, Description("own"), tuple(clips), False)
    work.leave_signers_out(tmp_path / "store", corpus, PRESETS["tiny"], 0, ("f",), tmp_path)
    if dev == "e":
        assert given[1] == ["traina0", "traina1", "deve0", "deve1"] and not set(given[0]) & set(given[1])
    else:
        assert set(given[1]) <= set(given[0]) and len(given[0]) == 10


def test_the_table_says_the_same_in_every_form(tmp_path):
    scores = score_hits([np.array([[1.0, 1.0], [0.0, 1.0]])])
    better = score_hits([np.ones((2, 2))])
    seeds = (SignSeed(1, scores, scores), SignSeed(2, better, scores))
    table = SignTable("t", (SignRow("constant", "floor", scores, scores),
                            SignRow("raw", "raw", scores, scores, better, seeds)), ("a note",))  # fmt: skip
    table.write(tmp_path)
    lines = table.markdown().splitlines()
    assert lines[2].count("|") == lines[4].count("|") == lines[5].count("|") and "new signers top-5" in lines[2]
    assert "50.0" in table.text() and "a note" in table.text()
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert (rows[1]["test_top1"], rows[1]["new_top1"], rows[0]["new_top1"]) == ("50.0", "100.0", "")
    assert table.best_seed("raw") == 1 and set(table.scores_of("raw", 1)) == {"dev", "test", "new signers"}


def test_a_config_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="neither"):
        RunConfig.model_validate({"task": "recognise", "resynth": {}})
    with pytest.raises(InputError, match=r"clips\.tsv"):
        run(RunConfig(task="recognise"), tmp_path / "run")
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match="isolated signs are read from a table"):
        run(RunConfig(task="recognise"), tmp_path / "run", tmp_path / "data")


@pytest.mark.slow
def test_a_table_of_glosses_becomes_a_model_that_names_signs(tmp_path, capsys):
    lines = []
    (tmp_path / "mine" / "videos").mkdir(parents=True)
    for split, count in (("train", 24), ("dev", 8), ("test", 8)):
        for k in range(count):
            pose = perform([WORDS[k % 4]] * 2, 100 * len(split) + k)
            flat = pose.replace(in_pixels(pose), units="pixel")
            write_pose(flat, tmp_path / "mine" / "videos" / f"{split}-{k}.safetensors")
            lines.append((f"{split}-{k}", split, f"s{k % 3}", WORDS[k % 4].upper()))
    write_lines(tmp_path / "mine", *lines, head=("name", "split", "signer", "glosses"))
    values = {"task": "recognise", "workers": 1, "rows": ["raw"], "estimator": {"name": "poses"}}
    values |= {"lift": {"mode": "fast"}, "refine": {"name": "none"}, "recogniser": {"preset": "tiny"}}
    table = run(RunConfig.model_validate(values), tmp_path / "run", tmp_path / "mine")
    assert [row.name for row in table.rows] == ["constant", "raw"]
    assert table.rows[1].test.top1 > 60 and table.rows[1].new.signers == 3
    assert "new signers" in (tmp_path / "run" / "report.md").read_text()
    assert "| new signers | 40 |" in (tmp_path / "run" / "model" / "MODEL_CARD.md").read_text()
    capsys.readouterr()
    clip = tmp_path / "mine" / "videos" / "test-2.safetensors"
    given = ["translate", str(clip), "--model", str(tmp_path / "run/model"), "--segments", "none"]
    with pytest.raises(SystemExit):
        main([*given, "-o", str(tmp_path / "out"), "-f", "txt,json"])
    told = json.loads((tmp_path / "out" / "test-2.json").read_text())
    assert len(told["top"]) == 4 and all(set(one) == {"label", "confidence"} for one in told["top"])
