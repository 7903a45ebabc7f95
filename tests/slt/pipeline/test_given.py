from pathlib import Path
from typing import Any

import pytest

from skeletor.support.errors import InputError
from slt.pipeline.config import RunConfig
from slt.pipeline.given import check_given
from slt.pipeline.run import prepare_rows
from tests.slt.data.own_sets import sound_set, write_poses

POSES = {"estimator": {"name": "poses"}, "gloss2text": False}


@pytest.mark.parametrize(
    "values",
    [
        {"lift": {"mode": "learned", "weights": "FILE"}},
        {"refine": {"name": "skeletor", "weights": "FILE"}},
        {"recogniser": {"preset": "recogniser", "pretrained": "FILE"}, "gloss2text": True},
        {"task": "recognise", "recogniser": {"preset": "signs", "pretrained": "FILE"}},
        {"sign2text": {"cnn": "alexnet", "height": 227, "width": 227, "cnn_weights": "FILE"}},
    ],
    ids=["lift", "refine", "glosses", "signs", "sign2text"],
)
def test_weights_that_are_not_there_are_told_before_the_work(tmp_path: Path, values: dict[str, Any]) -> None:
    root = sound_set(tmp_path / "mine", {"train": 2, "dev": 5, "test": 1})
    gone = str(tmp_path / "gone.safetensors")
    values = {
        name: {key: gone if v == "FILE" else v for key, v in value.items()} if isinstance(value, dict) else value
        for name, value in values.items()
    }
    with pytest.raises(InputError, match=r"gone\.safetensors"):
        prepare_rows(RunConfig.model_validate({**POSES, **values}), tmp_path / "run", root)
    assert not (tmp_path / "run").exists()


def test_files_of_another_kind_are_told_as_well_and_without_any_nothing_is(tmp_path: Path) -> None:
    poses = write_poses(tmp_path / "p.safetensors")
    config = RunConfig.model_validate({**POSES, "refine": {"name": "skeletor", "weights": str(poses)}})
    with pytest.raises(InputError, match="not the weights of a refiner"):
        check_given(config)
    for task in ("translate", "recognise"):
        check_given(RunConfig.model_validate({**POSES, "task": task}))
