"""The Sign2Text experiment from end to end, with clips of a few pixels."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.readers import sign2text
from slt.video import write_video

TINY = {
    "seed": 1, "workers": 1,
    "corpus": {"train": 4, "dev": 2, "test": 2, "calibration": 2, "studio": 2, "negatives": 0},
    "sign2text": {"clips": 3, "height": 20, "width": 16, "channels": [4], "feature_size": 8, "hidden": 8,
                  "embedding": 8, "max_updates": 2, "validate_every": 1, "batch": 2, "beams": [1],
                  "alphas": [0.0], "keep": 1},
}  # fmt: skip


@pytest.fixture
def without_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise in the place of the rendered signer."""

    def render(plans, make, root: Path, workers: int) -> dict[str, Path]:
        rng = np.random.default_rng(0)
        found = {}
        for plan in plans:
            found[plan.name] = root / f"{plan.name}.mp4"
            root.mkdir(parents=True, exist_ok=True)
            write_video(found[plan.name], iter(rng.integers(0, 255, (12, 32, 32, 3), "uint8")), 25.0, crf=30)
        return found

    monkeypatch.setattr(sign2text, "render_videos", render)


def test_the_baseline_stands_beside_the_floor(tmp_path: Path, without_rendering: None) -> None:
    (tmp_path / "tiny.yaml").write_text(json.dumps(TINY))
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path), "--config", str(tmp_path / "tiny.yaml")]
    assert main(["sign2text", *where]) == 0
    made = json.loads((tmp_path / "tiny.json").read_text())
    assert made["clips"] == {"train": 3, "dev": 2, "test": 2} and made["training"]["updates"] == 2
    assert [row["label"][:9] for row in made["rows"]] == ["one const", "Sign2Text"] and made["seed"] == 1
    assert "the floor" in (tmp_path / "tiny.md").read_text() and len(made["examples"]) == 2
