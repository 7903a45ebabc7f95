"""The experiment on pretraining from end to end, on the toy language laid out as a finished run."""

import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.readers import gloss2text, shares
from skeletor.io.store import write_store
from slt.data.layout import Clip, read_corpus, write_annotation
from slt.pipeline.cache.stage import DONE
from tests.experiments.readers.test_recognition import TINY
from tests.slt.toy import clips

pytestmark = pytest.mark.usefixtures("forked_workers")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    for number, (split, count) in enumerate({"train": 40, "dev": 6, "test": 8}.items()):
        examples = clips(count, number + 1)
        write_annotation(
            root / "corpus", split, [Clip(e.name, split, None, "Signer01", e.glosses, e.text) for e in examples]
        )
        write_store(root / "lifted" / split, [(e.name, e.pose) for e in examples])
    (root / "lifted" / DONE).write_text(json.dumps({"key": "lifted", "done": True, "seconds": 0.0}))
    return root


def test_arms_points_and_differences(run: Path, tmp_path: Path) -> None:
    splits = {s: read_corpus(run / "corpus").split(s) for s in ("train", "dev", "test")}
    model = gloss2text.train("seed 1", TINY, 1, splits, tmp_path / "models").folder / "model"
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "recogniser: {preset: tiny}\npretraining: {steps: 4, batch: 6, warmup: 1}\n"
        "arms: {sum: {objectives: [masked, contrastive, order]}, order: {objectives: [order]},\n"
        "       long: {objectives: [order], steps: 6}}\n"
        "points:\n  - {share: 0.5, epochs: 1.0, arms: {scratch: [1, 2], sum: [1, 2], order: [2], long: [2]}}\n"
        f"gloss_models: [{model}]\n"
    )
    command = ["pretraining", "--run", str(run), "--corpus", str(run / "corpus"), "--config", str(config),
               "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]  # fmt: skip
    assert main(command) == 0
    numbers = json.loads((tmp_path / "results" / "tiny.json").read_text())["numbers"]
    (found,) = numbers["points"].values()
    arms = {"sum": [1, 2], "order": [2], "long": [2]}
    assert set(found) == {"scratch", *arms} and set(numbers["pretrainings"]) == set(arms)
    for arm, seeds in arms.items():
        gain = found[arm]["gain"]
        assert found[arm]["seeds"] == seeds and gain["seeds"] == len(seeds)
        alike = [found["scratch"]["test"]["wers"][seed - 1] for seed in seeds]
        apart = found[arm]["test"]["wer"] - sum(alike) / len(alike)
        assert gain["test"]["wer"]["difference"] == pytest.approx(apart)
    apart = found["long"]["test"]["wer"] - found["order"]["test"]["wer"]
    assert found["long"]["longer"]["test"]["wer"]["difference"] == pytest.approx(apart)
    assert not any("longer" in found[arm] for arm in ("scratch", "sum", "order"))
    before, texts = (_times(tmp_path / "work", name) for name in ("*/recogniser.safetensors", "*/texts/test.json"))
    assert len(before) == len(texts) == 6 and main(command) == 0  # nothing is made again
    assert (_times(tmp_path / "work", "*/recogniser.safetensors"), _times(tmp_path / "work", "*/texts/test.json")) == (
        before, texts
    )  # fmt: skip
    other = gloss2text.train("seed 2", TINY, 2, splits, tmp_path / "models").folder / "model"
    config.write_text(config.read_text().replace(str(model), str(other)))
    assert main(command) == 0  # another Gloss2Text translates what was read
    assert _times(tmp_path / "work", "*/recogniser.safetensors") == before
    assert not set(_times(tmp_path / "work", "*/texts/test.json").values()) & set(texts.values())


def _times(folder: Path, files: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob(files)}


def test_without_a_translator_nothing_is_trained(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["recogniser.preset=tiny", f"gloss_models=[{tmp_path / 'none'}]"]
    command = ["pretraining", "--run", str(run), "--corpus", str(run / "corpus"), "--work", str(tmp_path / "work"),
               "--results", str(tmp_path / "results")]  # fmt: skip
    assert main([*command, *(word for change in changes for word in ("--set", change))]) == 2
    assert "no trained Gloss2Text" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "work").iterdir() if path.is_dir()] == []


def test_less_of_the_sentences_is_a_part_of_more(run: Path) -> None:
    corpus = read_corpus(run / "corpus")
    some = [{c.name for c in shares.subset(corpus, share, 3).clips} for share in (0.05, 0.25, 1.0)]
    assert some[0] < some[1] < some[2] == {c.name for c in corpus.clips}
    assert [len(names) for names in some] == [14 + 2, 14 + 10, 14 + 40]
    assert some[0] != {c.name for c in shares.subset(corpus, 0.05, 4).clips}
