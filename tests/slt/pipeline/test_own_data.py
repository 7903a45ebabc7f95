"""A table of clips through the whole of `slt run`: a model that writes text as its training text is written."""

import json
from pathlib import Path

import pytest
import yaml

from skeletor.io.formats import write_pose
from slt.pipeline.config import RunConfig
from slt.pipeline.run import run
from tests.slt.data.own_sets import write_lines
from tests.slt.toy import clips

TINY = Path(__file__).parents[3] / "configs" / "tiny.yaml"


@pytest.mark.slow
def test_poses_of_a_toy_language_become_a_model(tmp_path):
    lines = []
    for split, count, seed in (("train", 16, 1), ("dev", 5, 2), ("test", 2, 3)):
        for k, example in enumerate(clips(count, seed)):
            (tmp_path / "mine" / "videos").mkdir(parents=True, exist_ok=True)
            flat = example.pose.replace(example.pose.keypoints[:, :, :2] * 60 + 200)
            write_pose(flat, tmp_path / "mine" / "videos" / f"{split}-{k}.safetensors")
            lines.append((f"{split}-{k}", split, f"{example.text.removesuffix(' .').upper()} !"))
    write_lines(tmp_path / "mine", *lines, head=("name", "split", "text"))
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    values |= {"workers": 1, "rows": ["raw"], "gloss2text": False, "estimator": {"name": "poses"}}
    values |= {"lift": {"mode": "fast"}, "refine": {"name": "none"}}
    table = run(RunConfig.model_validate(values), tmp_path / "run", tmp_path / "mine")
    assert [row.name for row in table.rows] == ["constant", "raw"]
    assert any("text as it was written" in note for note in table.notes)
    told = json.loads((tmp_path / "run" / "systems" / "raw" / "dev.json").read_text(encoding="utf-8"))
    assert sorted(told) == [f"dev-{k}" for k in range(5)]
    assert all(text == text.upper() and " ." not in text for text in told.values()) and any(told.values())
    assert "own corpus: 16 train, 5 dev, 2 test" in (tmp_path / "run" / "model" / "MODEL_CARD.md").read_text()
