"""The experiment on single choices of a recogniser's recipe, on the toy language laid out as a finished run."""

import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.readers import gloss2text, levers
from slt.data.layout import read_corpus
from slt.recognise.config import RecogniserConfig
from tests.experiments.readers.test_pretraining import run  # noqa: F401 (a fixture)
from tests.experiments.readers.test_recognition import TINY

pytestmark = pytest.mark.usefixtures("forked_workers")
BASE = levers.BASE


def test_each_lever_is_compared_with_the_recipe(run: Path, tmp_path: Path) -> None:  # noqa: F811
    splits = {s: read_corpus(run / "corpus").split(s) for s in ("train", "dev", "test")}
    model = gloss2text.train("seed 1", TINY, 1, splits, tmp_path / "models").folder / "model"
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "seeds: [1, 2]\nshare: 0.5\nrecogniser: {preset: tiny, epochs: 4.0}\n"
        f"levers: {{the same again: {{beam: 3}}, shorter: {{epochs: 1.0}}}}\ngloss_model: {model}\n"
    )
    command = ["levers", "--run", str(run), "--corpus", str(run / "corpus"), "--config", str(config),
               "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]  # fmt: skip
    assert main(command) == 0
    rows = json.loads((tmp_path / "results" / "tiny.json").read_text())["numbers"]["rows"]
    assert {label: row["seeds"] for label, row in rows.items()} == {BASE: [1, 2], "the same again": [1], "shorter": [1]}
    same, shorter = rows["the same again"], rows["shorter"]
    assert same["test"]["wers"] == rows[BASE]["test"]["wers"][:1] and same["gain"]["test"]["wer"]["difference"] == 0
    apart = shorter["dev"]["wer"] - rows[BASE]["dev"]["wers"][0]
    assert apart != 0 and shorter["gain"]["dev"]["wer"]["difference"] == pytest.approx(apart)


@pytest.mark.parametrize("lever", ["{nosuch: 1}", "{ema: 2.0}"])
def test_a_lever_that_is_no_option_is_told_at_once(lever: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ["levers", "--run", str(tmp_path), "--corpus", str(tmp_path), "--set", f"levers={{odd: {lever}}}"]
    assert main(command) == 2
    assert next(iter(lever[1:].split(":"))) in capsys.readouterr().err


def test_the_shipped_levers_change_what_they_say() -> None:
    from experiments.catalogue import EXPERIMENTS, HERE
    from skeletor.support.config import load_config

    file = EXPERIMENTS["levers"].file
    assert file == HERE / "readers" / "levers.yaml"
    config = load_config(file, levers.LeversConfig)
    assert all(config.recipe(label) != config.recogniser for label in config.levers)
    assert config.recipe(BASE) == RecogniserConfig.model_validate(config.recogniser.model_dump())


def test_the_page_has_a_place_for_the_table() -> None:
    """Else the command fails at its end, after hours of training."""
    from experiments.catalogue import EXPERIMENTS, HERE

    page = (HERE.parent / EXPERIMENTS["levers"].page).read_text(encoding="utf-8")
    assert "<!-- table levers: begin -->" in page and "<!-- table levers: end -->" in page
