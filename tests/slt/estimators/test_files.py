"""The estimators that read what others estimated."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import write_pose
from skeletor.poses.begins import begins, begun
from skeletor.poses.key_frames import only_key_frames, thin
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50, Skeleton
from skeletor.poses.span import Span
from skeletor.support.errors import InputError
from slt.estimators.base import source_sha256
from slt.estimators.openpose_files import OpenPoseJsonOptions
from slt.estimators.pose_files import PosesOptions
from slt.estimators.registry import ESTIMATORS, build_estimator


def made(skeleton: Skeleton = SIGNING_50, frames: int = 6, dims: int = 2, fps: float = 30.0) -> PoseSequence:
    rng = np.random.default_rng(5)
    keypoints = rng.uniform(10, 90, (frames, len(skeleton), dims)).astype(np.float32)
    confidence = rng.uniform(0.5, 1, keypoints.shape[:2]).astype(np.float32)
    keypoints[2], confidence[2] = np.nan, 0
    return PoseSequence(keypoints, confidence, fps, skeleton, Provenance(source="clip.mp4", units="pixel"))


@pytest.mark.parametrize("skeleton", [SIGNING_50, BODY25_HANDS, MEDIAPIPE_75], ids=lambda s: s.name)
@pytest.mark.parametrize("dims", [2, 3])
def test_poses(tmp_path: Path, skeleton: Skeleton, dims: int) -> None:
    pose = made(skeleton, dims=dims)
    write_pose(pose, tmp_path / "a.safetensors")
    read = build_estimator(PosesOptions())(tmp_path / "a.safetensors")
    assert read.skeleton == SIGNING_50 and read.dims == 2 and read.fps == 30 and len(read) == 6
    expected = pose.to_skeleton(SIGNING_50)
    assert np.array_equal(read.keypoints, expected.keypoints[..., :2], equal_nan=True)
    assert np.array_equal(read.confidence, expected.confidence)
    assert read.missing[2].all()
    assert read.provenance.source == "clip.mp4" and read.provenance.units == "pixel"
    assert read.provenance.stages[-1].config["estimator"] == "poses"
    assert build_estimator(PosesOptions(fps=25.0))(tmp_path / "a.safetensors").fps == 25


def test_openpose_json(tmp_path: Path) -> None:
    pose = made(BODY25_HANDS)
    write_pose(pose, tmp_path / "json")
    estimator = build_estimator(OpenPoseJsonOptions(fps=50.0))
    read = estimator(tmp_path / "json")
    assert read.fps == 50 and len(read) == 6 and read.skeleton == SIGNING_50
    expected = pose.to_skeleton(SIGNING_50)
    assert read.keypoints == pytest.approx(expected.keypoints, abs=1e-3, nan_ok=True)
    assert read.confidence == pytest.approx(expected.confidence, abs=1e-6)
    assert read.provenance.estimator == "openpose" and read.provenance.units == "pixel"


def test_a_part_of_a_recording_that_begins_late_has_a_clock_of_its_own(tmp_path: Path) -> None:
    pose = made(fps=25.0, frames=20)
    write_pose(dataclasses.replace(pose, provenance=begun(pose.provenance, 0.4)), tmp_path / "a.safetensors")
    estimator = build_estimator(PosesOptions())
    part = estimator(tmp_path / "a.safetensors", Span(0.6, 1.0))
    assert np.array_equal(part.keypoints, pose.keypoints[5:15]) and begins(part.provenance) == 0
    assert begins(estimator(tmp_path / "a.safetensors").provenance) == 0.4


def test_a_part_of_sparse_poses_begins_with_a_frame_that_was_looked_at(tmp_path: Path) -> None:
    record = StageRecord("estimate", config={"pose_stride": 3})
    pose = thin(made(fps=25.0, frames=20), 3).replace(stage=record)
    write_pose(pose, tmp_path / "a.safetensors")
    estimator = build_estimator(PosesOptions())
    part = estimator(tmp_path / "a.safetensors", Span(0.28, 0.64))  # frames 7 to 15
    assert np.array_equal(part.keypoints, pose.keypoints[9:16], equal_nan=True)
    assert not only_key_frames(part).missing.any() and only_key_frames(part).confidence.all()
    with pytest.raises(InputError, match="holds no frame that was looked at"):
        estimator(tmp_path / "a.safetensors", Span(0.28, 0.36))


@pytest.mark.parametrize("name", ["poses", "openpose-json"])
def test_bad_input(tmp_path: Path, name: str) -> None:
    estimator = build_estimator(ESTIMATORS.parse({"name": name}))  # type: ignore[arg-type]
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.safetensors").write_bytes(b"nothing of the kind")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x_000000000000_keypoints.json").write_text(
        json.dumps({"people": [{"pose_keypoints_2d": [1]}]})
    )
    for path in ("none", "empty", "a.safetensors", "bad"):
        with pytest.raises(InputError, match=path) as error:
            estimator(tmp_path / path)
        assert "\n" not in str(error.value)


def test_poses_of_arrays_of_shares(tmp_path: Path) -> None:
    pose = made(MEDIAPIPE_75)
    np.save(tmp_path / "a.npy", pose.keypoints / (320, 240))
    options = {"name": "poses", "skeleton": "mediapipe_75", "size": [320, 240]}
    estimator = build_estimator(ESTIMATORS.parse(options))
    read = estimator(tmp_path / "a.npy")
    np.testing.assert_allclose(read.keypoints, pose.to_skeleton(SIGNING_50).keypoints, rtol=1e-4)
    assert read.provenance.stages[-1].config["size"] == [320, 240] == estimator.options["size"]
    assert "size" not in build_estimator(ESTIMATORS.parse({"name": "poses"})).options
    with pytest.raises(InputError, match="each side must have 16"):
        build_estimator(ESTIMATORS.parse(options | {"size": [320, 0]}))


def test_a_skeleton_without_a_common_joint(tmp_path: Path) -> None:
    strange = Skeleton("strange", ("knee", "toe"), (-1, 0), (), (("body", (0, 1)),))
    write_pose(made(strange), tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="strange"):
        build_estimator(PosesOptions())(tmp_path / "a.safetensors")


def test_listing() -> None:
    assert set(ESTIMATORS) == {"mediapipe", "openpose", "openpose-json", "poses", "rtmlib"}
    assert all(entry.about for entry in ESTIMATORS.values())
    for name in ("openpose-json", "poses"):
        assert ESTIMATORS[name].unavailable() is None


def test_hash_of_a_directory(tmp_path: Path) -> None:
    for folder, names in (("a", "xy"), ("b", "yx")):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text(name * 3)
    first = source_sha256(tmp_path / "a")
    assert first == source_sha256(tmp_path / "b"), "the order of the listing does not matter"
    (tmp_path / "b" / "x").write_text("changed")
    assert first != source_sha256(tmp_path / "b")
    with pytest.raises(InputError, match="none"):
        source_sha256(tmp_path / "none")


@pytest.mark.parametrize("name", ["poses", "openpose-json"])
def test_a_layout_given_by_name(tmp_path: Path, name: str) -> None:
    """One wrist in sight: the layout cannot be told, and is part of what decides the output."""
    body = [0.0] * 75
    body[12:15] = [10, 20, 0.5]
    text = json.dumps({"people": [{"pose_keypoints_2d": body}]})
    (tmp_path / "clip_000000000000_keypoints.json").write_text(text)
    with pytest.raises(InputError, match="--skeleton"):
        build_estimator(ESTIMATORS.parse({"name": name}))(tmp_path)
    estimator = build_estimator(ESTIMATORS.parse({"name": name, "skeleton": "body_25"}))
    pose = estimator(tmp_path)
    assert pose.keypoints[0, SIGNING_50.index("right_wrist")].tolist() == [10, 20]
    assert pose.provenance.stages[-1].config["skeleton"] == "body_25"
