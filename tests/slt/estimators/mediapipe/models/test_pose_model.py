"""MediaPipe's pose models: where they are looked for, how to get the one that is not there, and no other is run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from skeletor.support.errors import InputError, MissingDependency
from slt.cli import stages
from slt.estimators.mediapipe import estimator as mediapipe
from slt.estimators.mediapipe.estimator import MediaPipeEstimator, MediaPipeOptions
from slt.estimators.mediapipe.models import pose_model
from slt.estimators.registry import build_estimator
from slt.pipeline.cache.stage import stage_key
from slt.video import write_video

if mediapipe.unavailable():
    pytest.skip(f"mediapipe: {mediapipe.unavailable()}", allow_module_level=True)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without any model, and a package without the heavy one; gives the place in the cache."""
    package = tmp_path / "package"
    (package / "modules" / "pose_landmark").mkdir(parents=True)
    monkeypatch.setattr(pose_model, "package_folder", lambda: package)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pose_model.read_model.cache_clear()
    return tmp_path / "cache" / "skeletor-slt" / "pose_landmark_heavy.tflite"


def test_the_one_of_the_wheel_is_there() -> None:
    assert pose_model.unavailable("full") is None
    assert pose_model.read_model("full")[4:8] == b"TFL3"


def test_without_the_weights_one_line_says_how_to_get_them(nowhere: Path) -> None:
    with pytest.raises(MissingDependency) as told:
        build_estimator(MediaPipeOptions(pose_model="heavy"))
    line = str(told.value)
    assert "\n" not in line and "the pose model heavy is not here; get it: " in line
    package, archive = re.search(r"npm pack (\S+) && tar -xzf (\S+) ", line).groups()
    assert archive == re.sub(r"^@|", "", package).replace("/", "-").replace("@", "-") + ".tgz"  # as npm calls it
    assert str(nowhere.parent) in line and nowhere.name in line
    with pytest.raises(MissingDependency, match="npm pack"):
        pose_model.read_model("heavy")


@pytest.mark.parametrize("place", ["cache", "package"])
def test_another_file_of_that_name_is_refused(nowhere: Path, tmp_path: Path, place: str) -> None:
    file = nowhere if place == "cache" else tmp_path / "package" / "modules" / "pose_landmark" / nowhere.name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\x1c\x00\x00\x00TFL3 another program")
    with pytest.raises(MissingDependency, match="is not MediaPipe's heavy pose model, or is damaged"):
        MediaPipeEstimator(pose_model="heavy")


def test_it_is_part_of_the_key_and_of_the_trail_of_poses_and_files_of_the_usual_one_stay_as_they_were() -> None:
    full, heavy = MediaPipeOptions(), MediaPipeOptions(pose_model="heavy")
    assert stage_key(full.model_dump(), (), ()) != stage_key(heavy.model_dump(), (), ())
    assert "pose_model" not in MediaPipeEstimator().options
    with pytest.raises(InputError):
        stages.main("poses", ["x.mp4", "--pose-model", "heavy", "--estimator", "poses"], "")


@pytest.mark.skipif(bool(pose_model.unavailable("heavy")), reason="the heavy pose model is not here")
def test_the_heavy_one_estimates_and_says_so(tmp_path: Path) -> None:
    write_video(tmp_path / "grey.mp4", np.full((3, 96, 128, 3), 90, np.uint8), 25)
    pose = build_estimator(MediaPipeOptions(pose_model="heavy"))(tmp_path / "grey.mp4")
    assert len(pose) == 3 and pose.provenance.stages[-1].config["pose_model"] == "heavy"
