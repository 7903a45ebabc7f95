from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.pipeline.config import RunConfig
from slt.pipeline.place import require_place
from slt.pipeline.run import prepare_rows
from tests.slt.data.own_sets import sound_set


@pytest.mark.parametrize("name", ["clips/0001.mp4", "estimated/x", "lifted/train/x.safetensors", "model/weights.bin"])
def test_a_folder_that_a_run_would_empty_is_refused_before_anything_is_done(tmp_path: Path, name: str) -> None:
    root = sound_set(tmp_path / "mine", {"train": 2, "dev": 5, "test": 1})
    theirs = root / name
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("theirs")
    before = sorted(root.rglob("*"))
    config = RunConfig.model_validate({"estimator": {"name": "poses"}, "gloss2text": False})
    with pytest.raises(InputError, match="would be lost"):
        prepare_rows(config, root, root)
    assert theirs.read_text() == "theirs" and sorted(root.rglob("*")) == before


@pytest.mark.parametrize("name", ["config.json", "report.md", "table.csv"])
def test_a_file_of_no_run_is_not_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=f"holds a {name} that is of no run"):
        require_place(tmp_path)


def test_the_folder_of_a_run_is_its_place_and_so_is_one_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    require_place(tmp_path)
    (tmp_path / "config.json").write_text(RunConfig().model_dump_json())
    (tmp_path / "report.md").write_text("of the run")
    require_place(tmp_path)
