"""What the training of a refiner reads of its files."""

from pathlib import Path

import pytest

from skeletor.io.formats import write_poses
from skeletor.poses.pose import PoseSequence
from skeletor.poses.turns import Turn, with_turns
from skeletor.refiners.training import job
from skeletor.refiners.training.train import train_refiner
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips, config


def test_people_in_turns_are_learned_from_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = with_turns(clips(1, frames=40)[0], [Turn(0, 13, 1), Turn(13, 40, 2)], ["at the left", "at the right"])
    write_poses({"talk": talk, "alone": clips(1, 1)[0]}, tmp_path / "poses.safetensors")
    seen: list[PoseSequence] = []
    monkeypatch.setattr(job, "train_refiner", lambda given, *rest, **named: seen.extend(given))
    job.run_job(job.TrainJob(data=[str(tmp_path / "poses.safetensors")], out=str(tmp_path / "out"), device="cpu"))
    assert sorted(len(pose) for pose in seen) == [13, 27, 40]
    with pytest.raises(InputError, match="several people sign in turns"):  # from Python, where nobody cuts it
        train_refiner([*clips(3), talk], config(), tmp_path / "out", 0, "cpu")
