"""The model and the clip that come with the package: whole, small, today's, and what a newcomer sees first."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from skeletor.refiners.registry import REFINERS
from skeletor.support.config import load_config
from skeletor.support.errors import InputError
from slt.cli import main
from slt.estimators.registry import ESTIMATORS
from slt.inference.chain import SHIPPED, load_chain, model_folder, shipped_model
from slt.inference.model_files import read_model_config
from slt.pipeline.config import RunConfig
from slt.synthetic.language.grammar import make_splits

ROOT = Path(__file__).parents[3]
CLIP = ROOT / "examples" / "forecast.mp4"


@pytest.fixture(scope="module")
def about() -> dict[str, Any]:
    """What was written when the clip was made."""
    found: dict[str, Any] = json.loads(CLIP.with_suffix(".json").read_text(encoding="utf-8"))
    return found


def test_it_is_small_and_stands_where_no_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLT_RUNS", str(tmp_path))
    assert model_folder() == SHIPPED == shipped_model()
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 10_000_000


def test_where_a_run_is_needed_the_message_names_the_folder_that_was_looked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLT_RUNS", str(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match=f"no trained model found under {re.escape(str(tmp_path / 'elsewhere'))}/;"):
        model_folder(shipped=False)
    monkeypatch.delenv("SLT_RUNS")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="under runs/;"):
        model_folder(shipped=False)


def test_it_is_of_todays_demo(about: dict[str, Any]) -> None:
    stored, demo = read_model_config(SHIPPED), load_config(ROOT / "configs" / "demo.yaml", RunConfig)
    assert ESTIMATORS.check(stored["estimator"], "model.yaml") == demo.estimator
    own = {key: value for key, value in stored["translate"].items() if key in type(demo.translate).model_fields}
    assert own == {key: demo.translate.model_dump(mode="json")[key] for key in own}
    assert REFINERS.check(stored["refine"], "model.yaml").name == "skeletor"
    corpus = demo.corpus
    first = make_splits(corpus.train, corpus.dev, corpus.test, corpus.seed)["test"][0]
    assert (about["glosses"], about["signed"]) == (list(first.glosses), first.text.removesuffix(" ."))


def test_the_sample_is_translated_as_its_page_says(
    about: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLT_RUNS", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["translate", str(CLIP)])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == about["translated"]


def test_a_file_of_it_that_was_changed_is_noticed(tmp_path: Path) -> None:
    files = read_model_config(SHIPPED)["files"]
    assert {"translator.safetensors", "refiner.safetensors", "abstention.safetensors"} <= set(files)
    copy = tmp_path / "model"
    copy.mkdir()
    for file in SHIPPED.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    data = bytearray((copy / "translator.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "translator.safetensors").write_bytes(bytes(data))
    with pytest.raises(Exception, match="damaged or was exchanged"):
        load_chain(copy, device="cpu")


def test_it_was_trained_on_poses_of_todays_lifter_and_an_older_one_says_so(tmp_path: Path) -> None:
    assert load_chain(SHIPPED, device="cpu").notes == ()
    copy = tmp_path / "model"
    shutil.copytree(SHIPPED, copy)
    text = (copy / "model.yaml").read_text(encoding="utf-8")
    (copy / "model.yaml").write_text(text.replace("lift_version: '2'\n", ""), encoding="utf-8")
    (told,) = load_chain(copy, device="cpu").notes
    assert "version 1 of the lifter fast" in told and "train it anew" in told
