"""Two runs' rows side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.compare_rows import compared, trainings
from skeletor.support.errors import InputError
from slt.data.layout import Clip, write_annotation

TEXTS = [
    "am montag regen im norden",
    "heute nacht klar und kalt",
    "morgen weht starker wind",
    "im süden sonne und wolken",
]


@pytest.fixture
def run(tmp_path: Path):
    def make(name: str, **rows: list[str]) -> Path:
        folder = tmp_path / name
        for split in ("train", "dev", "test"):
            clips = [Clip(f"{split}-{k}", split, None, "s", ("A",), text) for k, text in enumerate(TEXTS)]
            write_annotation(folder / "corpus", split, clips)
            for row, made in rows.items():
                path = folder / "systems" / row.replace("_", "-") / f"{split}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps({clip.name: text for clip, text in zip(clips, made, strict=True)}))
        return folder

    return make


def test_all_trainings_of_a_row_count_and_no_other_rows(run):
    wrong = ["am montag sonne"] * 4
    one = run("one", raw=wrong, raw_s2=TEXTS, raw_motion=TEXTS)
    other = run("other", raw=TEXTS)
    assert len(trainings(one, "raw", "dev")) == 2
    found = compared((one, "raw"), (other, "raw"))["test"]
    assert found["trainings"] == [2, 1] and found["difference"] > 10
    assert compared((other, "raw"), (other, "raw"))["dev"]["difference"] == 0


def test_a_row_that_is_not_there_is_one_line(run):
    with pytest.raises(InputError, match="no finished translator of row 'savgol'"):
        trainings(run("one", raw=TEXTS), "savgol", "dev")
