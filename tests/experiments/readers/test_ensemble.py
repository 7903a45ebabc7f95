"""The experiment on several readers together: untrained readers of the toy language, laid out as a finished run."""

import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from skeletor.io.store import write_store
from slt.data.layout import Clip, write_annotation
from slt.pipeline.cache.stage import DONE
from slt.recognise.ensemble.translators import Translators
from slt.score.wer import word_error_rate
from tests.slt.recognise.ensemble.readers import recogniser, translator
from tests.slt.toy import clips


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two kinds of skeletons, three recognisers and two Gloss2Text models."""
    root = tmp_path_factory.mktemp("readers")
    for number, (split, count) in enumerate({"train": 2, "dev": 6, "test": 8}.items()):
        examples = clips(count, number + 1)
        listed = [Clip(e.name, split, None, "Signer01", e.glosses, e.text) for e in examples]
        write_annotation(root / "run" / "corpus", split, listed)
        for place in ("lifted", "truth"):
            write_store(root / "run" / place / split, [(e.name, e.pose) for e in examples])
    done = [root / "run" / "lifted", root / "run" / "truth"]
    for number, name in enumerate(("raw-seed1", "raw-seed2", "truth-seed1")):
        recogniser(number).save(root / "trained" / name)
        done.append(root / "trained" / name)
    for number in (1, 2):
        one = translator(number, root / "text")
        one.save(root / f"g{number}" / "model", root / "text")
        done.append(root / f"g{number}")
    for folder in done:
        (folder / DONE).write_text(json.dumps({"key": folder.name, "done": True, "seconds": 0.0}))
    return root


def command(root: Path, out: Path, systems: str, compared: str = "[]") -> list[str]:
    config = out / "some.yaml"
    config.write_text(f"systems: {systems}\ncompared: {compared}\nalpha: 2.0\n")
    models = json.dumps([str(root / f"g{number}" / "model") for number in (1, 2)])
    return ["readers", "--run", str(root / "run"), "--corpus", str(root / "run" / "corpus"), "--config", str(config),
            "--work", str(out / "work"), "--results", str(out / "results"),
            "--set", f"trained=[{root / 'trained'}]", "--set", f"gloss_models={models}"]  # fmt: skip


def test_systems_and_their_differences(root: Path, tmp_path: Path) -> None:
    systems = "{one: [raw-seed1], two: [raw-seed1, raw-seed2], same: [raw-seed1, raw-seed1@truth]}"
    asked = command(root, tmp_path, systems, "[[two, one], [same, one]]")
    assert main(asked) == 0
    found = json.loads((tmp_path / "results" / "some.json").read_text())["numbers"]
    one, two, same = (found["systems"][name] for name in ("one", "two", "same"))
    assert same["test"] == one["test"] and same["dev"] == one["dev"]  # the same skeletons twice are no second view
    gain = found["gains"]["two over one"]
    for split, key in (("dev", "wer dev"), ("test", "wer")):
        assert gain[key]["difference"] == pytest.approx(two[split]["wer"] - one[split]["wer"])
    assert found["gains"]["same over one"]["bleu4"]["interval"] == [0, 0]
    stored = json.loads((tmp_path / "work" / "raw-seed1+raw-seed2" / "test-glosses.json").read_text())
    examples = clips(8, 3)
    assert two["test"]["wer"] == pytest.approx(
        word_error_rate([stored[e.name] for e in examples], [e.glosses for e in examples])
    )
    (memory,) = (tmp_path / "work" / "translated").iterdir()
    known = json.loads(memory.read_text())
    several = Translators.of([translator(k, tmp_path / "text") for k in (1, 2)]).searching(2.0)
    for example in examples:
        glosses = stored[example.name]
        assert known[" ".join(glosses)] == several.translate_glosses([glosses])[0].text
    before = memory.stat().st_mtime_ns
    assert main(asked) == 0 and memory.stat().st_mtime_ns == before  # nothing is translated twice
    text = (tmp_path / "results" / "some.md").read_text()
    assert "| two |" in text and "| same | one |" in text


def test_what_is_asked_wrongly_is_told_in_a_line(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(command(root, tmp_path, "{one: [raw-seed9]}")) == 2
    assert "raw-seed9: no finished recogniser in" in capsys.readouterr().err
    assert main(command(root, tmp_path, "{one: [raw-seed1]}", "[[two, one]]")) == 2
    assert "compared: 'two' is none of systems" in capsys.readouterr().err
