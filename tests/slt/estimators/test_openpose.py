"""OpenPose's Python module, played by a stand-in that follows its documented interface.

The real one cannot be had here. Documented: `WrapperPython().configure(dict)`, `.start()`, `.emplaceAndPop(
VectorDatum([datum]))`, `.stop()`; `Datum.cvInputData` BGR uint8, `.poseKeypoints` P x 25 x 3,
`.handKeypoints` [left, right], each P x 21 x 3; an empty array comes back as None.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from skeletor.poses.key_frames import key_frames, pose_stride
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import MissingDependency
from slt.estimators.openpose import OpenPoseOptions
from slt.estimators.registry import ESTIMATORS, build_estimator
from slt.video import write_video

FRAMES = 10


def person(x: float, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Body (25, 3), left and right hand (21, 3) of someone at x whose hands have moved by `shift`."""
    body = np.zeros((25, 3), np.float32)
    body[:8, :2] = [(0, 20), (0, 40), (-15, 40), (-18, 60), (-12, 75), (15, 40), (18, 60), (12, 75)]
    body[:8, 0] += x
    body[[4, 7], 1] -= shift
    body[:8, 2] = 0.9
    fingers = np.arange(21)
    left = np.stack([x + 12 + fingers / 4, 75 - shift + fingers / 4, np.full(21, 0.7)], 1)
    right = np.stack([x - 12 - fingers / 4, 75 - shift + fingers / 4, np.full(21, 1.2)], 1)  # scores may exceed 1
    return body, left.astype(np.float32), right.astype(np.float32)


class FakeWrapper:
    """Two people: one who stands still and one who signs, in changing order; in frame 4 nobody, in 6 no hands."""

    calls: list[object]

    def __init__(self) -> None:
        self.calls, self.frame = [], 0

    def configure(self, options: dict) -> None:
        assert set(options) == {"model_folder", "model_pose", "hand", "face"}
        assert options["hand"] is True and options["model_pose"] == "BODY_25"
        self.calls.append(options["model_folder"])

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")
        FakeWrapper.last = self

    def emplaceAndPop(self, data: object) -> bool:
        assert self.calls[-1] == "start" and isinstance(data, FakeVector)
        (datum,) = data.items
        assert datum.cvInputData.dtype == np.uint8 and datum.cvInputData.flags.c_contiguous
        blue = datum.cvInputData[..., 0].mean()
        assert blue > 150 > datum.cvInputData[..., 2].mean(), "pictures go in as BGR"
        people = [person(40), person(100, shift=4.0 * (self.frame % 3))]
        if self.frame % 2:
            people.reverse()
        datum.poseKeypoints = np.stack([p[0] for p in people])
        datum.handKeypoints = [np.stack([p[k] for p in people]) for k in (1, 2)]
        if self.frame == 4:
            datum.poseKeypoints, datum.handKeypoints = None, [None, None]
        if self.frame == 6:
            datum.handKeypoints = [None, datum.handKeypoints[1]]
        self.frame += 1
        return True


class FakeVector:
    def __init__(self, items: list) -> None:
        self.items = items


@pytest.fixture
def openpose(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("pyopenpose")
    module.WrapperPython, module.VectorDatum = FakeWrapper, FakeVector  # type: ignore[attr-defined]
    module.Datum = type("Datum", (), {"poseKeypoints": None, "handKeypoints": None})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyopenpose", module)
    monkeypatch.setitem(sys.modules, "openpose", None)
    return module


@pytest.fixture
def blue_video(tmp_path: Path) -> Path:
    frame = np.zeros((90, 140, 3), np.uint8)
    frame[..., 2] = 200
    write_video(tmp_path / "blue.mp4", [frame] * FRAMES, 25)
    return tmp_path / "blue.mp4"


def test_reads_everybody_and_takes_the_signer(
    openpose: ModuleType, blue_video: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("skeletor"), "propagate", True)
    with caplog.at_level(logging.INFO, "skeletor"):
        pose = build_estimator(OpenPoseOptions(openpose_models="m/"))(blue_video)
    assert "largest_moving_hands" in caplog.text and "2 people" in caplog.text
    assert len(pose) == FRAMES and pose.skeleton == SIGNING_50
    there = [t for t in range(FRAMES) if t != 4]
    assert pose.keypoints[there, 0, 0] == pytest.approx(100), "the one who signs, whatever the order"
    assert pose.missing[4].all() and (pose.confidence[4] == 0).all()
    left, right = list(SIGNING_50.group("left_hand")), list(SIGNING_50.group("right_hand"))
    assert pose.missing[6, left].all() and not pose.missing[6, right].any()
    assert pose.keypoints[0, left[0]] == pytest.approx([112, 75])
    assert pose.keypoints[0, right[0]] == pytest.approx([88, 75])
    assert pose.confidence[0, left] == pytest.approx(0.7) and pose.confidence[0, right] == pytest.approx(1.0)
    assert FakeWrapper.last.calls == ["m/", "start", "stop"]  # type: ignore[attr-defined]
    assert pose.provenance.image_size == (140, 90) and pose.provenance.estimator == "openpose"


def test_with_a_stride_it_sees_key_frames_only(openpose: ModuleType, blue_video: Path) -> None:
    pose = build_estimator(OpenPoseOptions(pose_stride=3))(blue_video)
    assert FakeWrapper.last.frame == 4, "of 10 frames: 0, 3, 6 and 9"
    assert len(pose) == FRAMES and pose.fps == 25 and pose_stride(pose) == 3
    assert np.array_equal(~pose.missing.all(1), key_frames(pose))
    assert pose.keypoints[key_frames(pose), SIGNING_50.index("neck"), 0] == pytest.approx(100), "the one who signs"


def test_stops_when_the_video_breaks(openpose: ModuleType, blue_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: FakeWrapper, data: object) -> bool:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(FakeWrapper, "emplaceAndPop", failing)
    with pytest.raises(RuntimeError, match="CUDA"):
        build_estimator(OpenPoseOptions())(blue_video)
    assert FakeWrapper.last.calls[-1] == "stop"  # type: ignore[attr-defined]


def test_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyopenpose", None)
    monkeypatch.setitem(sys.modules, "openpose", None)
    with pytest.raises(MissingDependency, match="BUILD_PYTHON=ON") as error:
        build_estimator(OpenPoseOptions())
    assert "\n" not in str(error.value)
    reason = ESTIMATORS["openpose"].unavailable()
    assert reason is not None and "BUILD_PYTHON=ON" in reason


def test_finds_the_module_by_its_other_name(openpose: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyopenpose", None)
    monkeypatch.setitem(sys.modules, "openpose", ModuleType("openpose"))
    monkeypatch.setitem(sys.modules, "openpose.pyopenpose", openpose)
    assert build_estimator(OpenPoseOptions()).name == "openpose"
