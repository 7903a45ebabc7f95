"""A table of clips through the whole of `slt run`: a model that writes text as its training text is written."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from skeletor.io.formats import write_pose
from skeletor.io.store import open_store
from slt.pipeline.config import RunConfig
from slt.pipeline.run import run
from tests.slt.data.own_sets import write_lines
from tests.slt.toy import WORDS, clips, in_pixels, write_toy_set

TINY = Path(__file__).parents[3] / "configs" / "tiny.yaml"


@pytest.mark.slow
def test_poses_of_a_toy_language_become_a_model(tmp_path):
    write_toy_set(tmp_path / "mine", ["text"], lambda example: [f"{example.text.removesuffix(' .').upper()} !"])
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    values |= {"workers": 1, "rows": ["raw"], "gloss2text": False, "estimator": {"name": "poses", "fps": 30}}
    values |= {"lift": {"mode": "fast"}, "refine": {"name": "none"}}
    table = run(RunConfig.model_validate(values), tmp_path / "run", tmp_path / "mine")
    assert [row.name for row in table.rows] == ["constant", "raw"]
    assert any("text as it was written" in note for note in table.notes)
    told = json.loads((tmp_path / "run" / "systems" / "raw" / "dev.json").read_text(encoding="utf-8"))
    assert sorted(told) == [f"dev-{k}" for k in range(5)]
    assert all(text == text.upper() and " ." not in text for text in told.values()) and any(told.values())
    model = yaml.safe_load((tmp_path / "run" / "model" / "model.yaml").read_text(encoding="utf-8"))
    assert model["fps"] == 30, "of the clips: the data set tells none"
    assert "own corpus: 16 train, 5 dev, 2 test" in (tmp_path / "run" / "model" / "MODEL_CARD.md").read_text()


@pytest.mark.slow
def test_parts_of_recordings_in_characters_and_lower_case_become_a_model(tmp_path):
    """Each split is one recording of several sentences; text has no spaces."""
    signs, lines = dict(zip(WORDS, "ABCD", strict=True)), []
    for split, count, seed in (("train", 16, 1), ("dev", 5, 2), ("test", 2, 3)):
        points, begun = [], 0
        for k, example in enumerate(clips(count, seed)):
            points.append(in_pixels(example.pose))
            text = "".join(signs[word] for word in example.text.split()[:-1])
            times = (begun / 25, (begun + len(example.pose)) / 25)
            lines.append((f"{split}-{k}", f"videos/{split}.safetensors", *(f"{t:.2f}" for t in times), split, text))
            begun += len(example.pose)
        whole = clips(1, seed)[0].pose.replace(np.concatenate(points), np.ones((begun, 50)))
        (tmp_path / "mine" / "videos").mkdir(parents=True, exist_ok=True)
        write_pose(whole, tmp_path / "mine" / "videos" / f"{split}.safetensors")
    write_lines(tmp_path / "mine", *lines, head=("name", "video", "start", "end", "split", "text"))
    (tmp_path / "mine" / "corpus.json").write_text('{"language": "x-toy"}', encoding="utf-8")
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    values |= {"workers": 1, "rows": ["raw"], "gloss2text": False, "estimator": {"name": "poses"}}
    values |= {"lift": {"mode": "fast"}, "refine": {"name": "none"}}
    values["translate"] = {**values.get("translate", {}), "level": "char", "case": "lower", "score_tokens": "char"}
    table = run(RunConfig.model_validate(values), tmp_path / "run", tmp_path / "mine")
    assert all("tok:char" in row.test.signature and row.test.n == 2 for row in table.rows)
    assert any("text as it was written, but in lower case" in note for note in table.notes)
    assert any("words by sacreBLEU's char" in note for note in table.notes)
    store = open_store(tmp_path / "run" / "estimated" / "train")
    assert [len(store[f"train-{k}"]) for k in range(16)] == [len(e.pose) for e in clips(16, 1)]
    told = json.loads((tmp_path / "run" / "systems" / "raw" / "dev.json").read_text(encoding="utf-8"))
    assert any(told.values()) and all(set(text.replace("<unk>", "")) <= set("abcd") for text in told.values())
    assert "Language of the text: x-toy." in (tmp_path / "run" / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
