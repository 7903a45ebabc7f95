"""Files in MediaPipe's layout: pose-format's own tools find what they look for, and we find our joints again."""

import numpy as np
import pytest
from pose_format import Pose

from skeletor.io import formats
from skeletor.io.mediapipe_file import write_in_layout
from skeletor.io.pose_format import read_pose
from skeletor.poses.normalise import normalise
from skeletor.poses.skeleton import MEDIAPIPE_75, SIGNING_50, custom_skeleton
from skeletor.support.errors import InputError


@pytest.mark.parametrize("dims", [2, 3])
def test_the_library_finds_its_own_points_and_we_our_joints(tmp_path, make, dims):
    """pose-format's holistic module says how components and points are called; the values are those of our joints."""
    holistic = pytest.importorskip("pose_format.utils.holistic")
    theirs = {c.name: c.points for c in holistic.holistic_components()}
    pose = make(SIGNING_50, 7, dims)
    write_in_layout({"a": pose}, tmp_path / "a.pose", "mediapipe")
    library = Pose.read((tmp_path / "a.pose").read_bytes())
    names = [c.name for c in library.header.components]
    assert names == ["POSE_LANDMARKS", "LEFT_HAND_LANDMARKS", "RIGHT_HAND_LANDMARKS"]
    assert all(c.points == theirs[c.name] and c.format == "XYZC" for c in library.header.components)
    assert (library.header.dimensions.width, library.header.dimensions.height) == (210, 260)
    points = [(c.name, point) for c in library.header.components for point in c.points]
    for joint, point in (
        ("nose", ("POSE_LANDMARKS", "NOSE")), ("left_elbow", ("POSE_LANDMARKS", "LEFT_ELBOW")),
        ("right_hand_root", ("RIGHT_HAND_LANDMARKS", "WRIST")),
        ("left_hand_little_4", ("LEFT_HAND_LANDMARKS", "PINKY_TIP")),
    ):  # fmt: skip
        ours, place = SIGNING_50.index(joint), points.index(point)
        np.testing.assert_array_equal(library.body.confidence[:, 0, place], pose.confidence[:, ours])
        expected = np.nan_to_num(pose.keypoints[:, ours])
        np.testing.assert_array_equal(np.asarray(library.body.data.data)[:, 0, place, :2], expected[:, :2])
        depth = -expected[:, 2] if dims == 3 else 0 * expected[:, 0]  # theirs grows away from the camera
        np.testing.assert_array_equal(np.asarray(library.body.data.data)[:, 0, place, 2], depth)
    lacking = [k for k, (_, point) in enumerate(points) if "KNEE" in point or "EYE" in point]
    assert lacking and not library.body.confidence[:, 0, lacking].any()


def test_what_is_read_back_is_what_was_written_of_the_joints_that_both_have(tmp_path, make):
    pose = make(SIGNING_50, 7)
    write_in_layout({"a": pose}, tmp_path / "a.pose", "mediapipe")
    read = read_pose(tmp_path / "a.pose")
    assert read.skeleton == MEDIAPIPE_75 and read.provenance.units == "pixel"
    back = read.to_skeleton(SIGNING_50)
    both = [k for k, joint in enumerate(SIGNING_50.joints) if joint in MEDIAPIPE_75.joints]
    assert [SIGNING_50.joints[k] for k in range(50) if k not in both] == ["neck"]
    np.testing.assert_array_equal(back.keypoints[:, both], pose.keypoints[:, both])
    np.testing.assert_array_equal(back.confidence[:, both], pose.confidence[:, both])
    shoulders = pose.keypoints[:, [SIGNING_50.index("left_shoulder"), SIGNING_50.index("right_shoulder")]]
    np.testing.assert_allclose(back.keypoints[:, 1], shoulders.mean(1), rtol=1e-6)


def test_normalised_poses_come_back_to_their_pixels(tmp_path, make):
    pose = make(SIGNING_50, 7)
    write_in_layout({"a": normalise(pose)}, tmp_path / "a.pose", "mediapipe")
    read = read_pose(tmp_path / "a.pose").to_skeleton(SIGNING_50)
    np.testing.assert_allclose(read.keypoints[:, 2:], pose.keypoints[:, 2:], atol=1e-3)
    assert read.provenance.image_size == (210, 260)


def test_tools_of_the_library_take_it(tmp_path, make):
    generic = pytest.importorskip("pose_format.utils.generic")
    write_in_layout({"a": make(SIGNING_50, 7, missing=0)}, tmp_path / "a.pose", "mediapipe")
    library = Pose.read((tmp_path / "a.pose").read_bytes())
    assert generic.detect_known_pose_format(library) == "holistic"
    reduced = generic.reduce_holistic(generic.correct_wrists(library))
    assert {c.name for c in reduced.header.components} == {c.name for c in library.header.components}
    width = reduced.normalize(generic.pose_normalization_info(reduced.header))
    assert np.isfinite(np.asarray(width.body.data)).all()


def test_other_skeletons_without_a_joint_of_it_are_refused(tmp_path, make):
    with pytest.raises(InputError, match="cannot be mapped"):
        write_in_layout({"a": make(custom_skeleton(4))}, tmp_path / "a.pose", "mediapipe")
    assert not list(tmp_path.iterdir())


def test_other_layouts_and_files_are_written_as_ever_and_a_layout_needs_a_pose_file(tmp_path, make, assert_same):
    pose = make(SIGNING_50, 5, 3)
    for name, layout in (("a.pose", "own"), ("b.pose", None), ("c.safetensors", None)):
        write_in_layout({"x": pose}, tmp_path / name, layout)
        assert_same(formats.read_pose(tmp_path / name), pose)
    for name in ("a.safetensors", "folder"):
        with pytest.raises(InputError, match="--layout is for"):
            write_in_layout({"x": pose}, tmp_path / name, "mediapipe")
    with pytest.raises(InputError, match="2 clips"):
        write_in_layout({"x": pose, "y": pose}, tmp_path / "d.pose", "mediapipe")


@pytest.mark.parametrize("layout", [None, "mediapipe"])
def test_joints_that_were_put_in_are_told_to_be_lost_to_readers(tmp_path, make, caplog, layout):
    pose = make(SIGNING_50, 10)
    sure = np.where(pose.missing, 0, 0.9)
    write_in_layout({"a": pose.replace(confidence=sure)}, tmp_path / "a.pose", layout)
    assert not caplog.messages
    sure[:5, 20] = 0  # 5 of 500, with a place
    there = pose.keypoints.copy()
    there[:5, 20] = 7
    put_in = pose.replace(there, sure)
    write_in_layout({"a": put_in}, tmp_path / "a.safetensors", None)
    assert not caplog.messages
    write_in_layout({"a": put_in}, tmp_path / "a.pose", layout)
    assert "a.pose: 1.0% of the joints were not seen but put in" in caplog.text
    assert read_pose(tmp_path / "a.pose").missing.sum() >= 5


def test_of_skels_they_are_told_to_count_as_seen(tmp_path, make, caplog):
    pose = make(SIGNING_50, 10, 3)
    whole = pose.replace(np.nan_to_num(pose.keypoints, nan=1.0), np.zeros((10, 50)))
    write_in_layout({"a": whole}, tmp_path / "a.skels")
    assert "100.0% of the joints" in caplog.text and "as seen" in caplog.text
