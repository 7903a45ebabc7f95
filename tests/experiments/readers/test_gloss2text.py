"""The Gloss2Text experiment from end to end on a tiny corpus in PHOENIX14T's columns."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml

from experiments.__main__ import main
from experiments.readers import gloss2text
from experiments.readers.gloss2text import Gloss2TextConfig
from experiments.request import RESULTS, ROOT
from skeletor.support.config import load_config
from slt.data.layout import Clip, write_annotation
from slt.synthetic.language.grammar import make_splits

TINY = {
    "layers": 1, "hidden": 16, "feed_forward": 32, "heads": 2, "warmup": 5, "batch": 16, "max_updates": 20,
    "validate_every": 10, "max_words": 20, "beams": [1, 2], "alphas": [0.0, 1.0],
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    for split, sentences in make_splits(60, 8, 8, 0).items():
        clips = [Clip(f"{split}{k}", split, None, "Signer01", s.glosses, s.text) for k, s in enumerate(sentences)]
        write_annotation(root, split, clips)
    return root


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    changes = {"smaller": {"hidden": 8}, "pieces": {"level": "spm", "spm_size": 120, "gloss_pieces": True, "tie": "all",
               "sampling": 0.5, "drop_source": 0.1, "drop_words": 0.1, "r_drop": 1.0}}  # fmt: skip
    path.write_text(yaml.safe_dump({"seeds": [1, 2], "translate": TINY, "consensus": {"samples": 8}, "tried": changes}))
    return path


def command(corpus: Path, config: Path, name: str = "gloss2text", *more: str) -> int:
    places = ["--work", str(config.parent / "work"), "--results", str(config.parent / "results")]
    return main([name, "--corpus", str(corpus), "--config", str(config), "--as", "gloss2text", *places, *more])


def test_seeds_their_mean_an_ensemble_and_what_was_tried(
    corpus: Path, config: Path, capsys: pytest.CaptureFixture
) -> None:
    assert command(corpus, config) == 0
    results = config.parent / "results"
    found = json.loads((results / "gloss2text.json").read_text())
    systems = ["seed 1", "seed 2", "ensemble of the 2 seeds"]
    agreeing = [f"{system}, by consensus" for system in systems]
    assert list(found["rows"]) == ["one constant sentence (the floor)", *systems, *agreeing]
    each = [found["rows"][f"seed {k}"]["test"]["bleu1"] for k in (1, 2)]
    assert found["mean"]["test"]["bleu1"][0] == pytest.approx(sum(each) / 2)
    assert found["mean"]["test"]["bleu1"][1] == pytest.approx(abs(each[0] - each[1]) / 2**0.5)
    of_both = [found["rows"][name]["dev"]["bleu4"] for name in agreeing[:2]]
    assert (
        found["mean by consensus"]["dev"]["bleu4"][0] == pytest.approx(sum(of_both) / 2)
        and len(found["options of the consensus"]) == 3
    )
    gained = found["by consensus against beam search"]
    assert gained["mean"]["dev"][0] == pytest.approx(
        found["mean by consensus"]["dev"]["bleu4"][0] - found["mean"]["dev"]["bleu4"][0]
    )
    assert found["rows"]["seed 1"]["test"]["n"] == 8 and found["tried"] == {}
    assert command(corpus, config, "gloss2text-tried") == 0
    again = json.loads((results / "gloss2text.json").read_text())
    assert again["rows"] == found["rows"] and set(again["tried"]) == {"smaller", "pieces"}
    assert (
        command(corpus, config, "gloss2text-tried", "--set", "only=[pieces]") == 0
    )  # what is known of the others stays
    assert set(json.loads((results / "gloss2text.json").read_text())["tried"]) == {"smaller", "pieces"}
    capsys.readouterr()
    assert command(corpus, config, "gloss2text-tried", "--set", "only=[larger]") == 2
    assert "no recipe 'larger' under tried; there are pieces, smaller" in capsys.readouterr().err
    text = (results / "gloss2text.md").read_text()
    assert "published" in text and "the floor" in text and "tok:none" in text and "| pieces |" in text
    assert "test" not in again["tried"]["pieces"]  # test is not for choosing


def test_a_killed_run_goes_on_with_the_seed_that_is_not_done(corpus: Path, config: Path) -> None:
    train = gloss2text.train
    child = os.fork()
    if child == 0:  # dies before the second seed

        def dying(name, *rest):
            if name == "seed 2":
                os._exit(9)
            return train(name, *rest)

        gloss2text.train = dying
        command(corpus, config)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    [first] = (config.parent / "work").glob("*-seed1/model/translator.safetensors")
    made = first.stat().st_mtime_ns
    assert command(corpus, config) == 0
    assert first.stat().st_mtime_ns == made and len(list((config.parent / "work").glob("*-seed*/done.json"))) == 2


def test_bad_input_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(gloss2text, "ANNOTATIONS", tmp_path / "absent")
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    assert main(["gloss2text", *where]) == 2
    assert main(["gloss2text", "--corpus", str(tmp_path / "nothing"), *where]) == 2
    lines = [line for line in capsys.readouterr().err.strip().splitlines() if "left out" in line]
    assert len(lines) == 2 and "CORPUS=DIR" in lines[0] and "no such folder" in lines[1]


def test_the_recipe_s_file_is_valid() -> None:
    path = Path(gloss2text.__file__).with_suffix(".yaml")
    config = load_config(path, Gloss2TextConfig)
    assert len(config.seeds) == 3 and config.translate.precision == "bfloat16"
    for name, changes in config.tried.items():
        assert gloss2text.recipe(config, name, str(path)) != config.translate or not changes


def test_the_page_has_what_the_results_say() -> None:
    text = (ROOT / "docs/phoenix14t.md").read_text(encoding="utf-8")
    begin, end = "<!-- table gloss2text: begin -->", "<!-- table gloss2text: end -->"
    shown = text.split(begin)[1].split(end)[0].strip()
    [name] = re.findall(r"results/(\w+)\.md\)", shown)
    result = json.loads((ROOT / RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert shown == gloss2text.page(result, name).replace("](experiments/", "](../experiments/")


def test_the_report_of_the_repository_is_what_its_figures_say() -> None:
    files = [(ROOT / RESULTS / f"gloss2text{ending}").read_text(encoding="utf-8") for ending in (".json", ".md")]
    result = json.loads(files[0])
    assert gloss2text.markdown(result, result["tried"]) == files[1]
