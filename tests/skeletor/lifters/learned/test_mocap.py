"""Captured arms as training clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from skeletor.lifters.learned.config import LifterDataConfig
from skeletor.lifters.learned.mocap import CMU_JOINTS, Mocap, arm_motion, read_mocap, rotations, views
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.synthetic import lift_clips

REAL = Path(__file__).parents[5] / "shared" / "data" / "mocap" / "cmu_gestures_24hz.npz"


@pytest.fixture
def hands() -> PoseSequence:
    return lift_clips.held_out_motion(1, 3)[0][1]


def test_the_file_is_read_onto_our_joints_and_axes(captured_file: Path) -> None:
    mocap = read_mocap(str(captured_file))
    pose = mocap.sequences["test_wave"]
    assert pose.keypoints.shape == (200, 50, 3) and pose.fps == 24 and pose.provenance.units == "metre"
    right, left = SIGNING_50.joints.index("right_shoulder"), SIGNING_50.joints.index("left_shoulder")
    assert pose.keypoints[0, right, 0] < 0 < pose.keypoints[0, left, 0]  # they face the camera
    assert pose.keypoints[0, 0, 1] < 0 < pose.keypoints[0, 3, 1]  # y down: the nose above the elbows
    assert pose.keypoints[0, 4, 2] > 0  # z towards the camera
    assert np.isnan(pose.keypoints[:, 8:]).all() and not pose.confidence[:, 8:].any()
    trained, held = mocap.split("test_")
    assert [p.provenance.source for p in trained] == ["train_swing"]
    assert [p.provenance.source for p in held] == ["test_wave"]


def test_a_clip_keeps_the_captured_arms_and_puts_hands_on_them(captured_file: Path, hands: PoseSequence) -> None:
    sequences, _ = read_mocap(str(captured_file)).split("test_")
    clip = arm_motion(sequences, hands, 0.5, np.random.default_rng(0))
    assert clip.fps == hands.fps and not clip.missing.any() and len(clip) <= len(hands)
    points = clip.keypoints
    for group, wrist in (("right_hand", 4), ("left_hand", 7)):
        members = SIGNING_50.group(group)
        np.testing.assert_allclose(points[:, members[0]], points[:, wrist], atol=1e-5)
        own, first = (np.linalg.norm(p[:, members] - p[:, members[:1]], axis=-1) for p in (points, hands.keypoints))
        assert np.abs(own.mean(0) - first.mean(0)).max() < 0.03  # metres: shapes of fingers are not changed
    lengths = np.linalg.norm(points[:, 3] - points[:, 2], axis=-1)
    assert lengths.std() < 0.01  # the arm was stretched as a whole
    other = arm_motion(sequences, hands, 0.5, np.random.default_rng(1))
    assert not np.isclose(np.linalg.norm(other.keypoints[0, 3] - other.keypoints[0, 2]), lengths[0], atol=1e-3)


@settings(max_examples=30)
@given(
    arrays.arrays(np.float64, (4, 3), elements=st.floats(-1, 1)),
    arrays.arrays(np.float64, (4, 3), elements=st.floats(-1, 1)),
)
def test_rotations_turn_one_direction_to_the_other(start: np.ndarray, end: np.ndarray) -> None:
    a, b = (v + np.where(np.linalg.norm(v, axis=-1, keepdims=True) < 0.1, [1.0, 0, 0], 0) for v in (start, end))
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    kept = (a * b).sum(-1) > -0.999  # opposite directions have no smallest rotation
    matrix = rotations(a, b)
    np.testing.assert_allclose((matrix @ a[..., None])[kept, :, 0], b[kept], atol=1e-4)
    np.testing.assert_allclose(
        (matrix @ matrix.swapaxes(1, 2))[kept], np.broadcast_to(np.eye(3), (kept.sum(), 3, 3)), atol=1e-4
    )


def test_training_clips_have_captured_ones_first(captured_file: Path) -> None:
    config = LifterDataConfig(
        clips=2, views=1, mocap=str(captured_file), mocap_views=14, clean_share=1.0, hide_hands=0.0
    )
    plain = LifterDataConfig(clips=2, views=1, clean_share=1.0, hide_hands=0.0)
    ours, others = lift_clips.rendered_clips(config), lift_clips.rendered_clips(plain)
    assert len(ours) == 16
    np.testing.assert_array_equal(ours.points[ours.clip(14)], others.points[others.clip(0)])
    bare = [not ours.confidence[ours.clip(k), 8:].any() for k in range(14)]
    assert any(bare) and not all(bare)
    only = lift_clips.rendered_clips(config.model_copy(update={"clips": 0}))
    np.testing.assert_array_equal(only.points, ours.points[: ours.starts[14]])


def test_views_are_pieces_at_all_angles(captured_file: Path) -> None:
    _, held = read_mocap(str(captured_file)).split("test_")
    made = views(held, (0.0, 0.5), 100)
    assert [len(v) for v in made] == [100] * 4
    np.testing.assert_array_equal(made[1].keypoints[..., 1], made[3].keypoints[..., 1])  # the vertical stays
    assert not np.allclose(made[1].keypoints[:, 4], made[3].keypoints[:, 4])


def test_what_cannot_be_used_is_told(tmp_path: Path, captured_file: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_mocap(str(tmp_path / "none.npz"))
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(InputError, match="npz of plain arrays"):
        read_mocap(str(tmp_path / "text.npz"))
    pickled = np.empty(1, object)
    pickled[0] = "no"
    np.savez(tmp_path / "pickled.npz", walk=pickled)
    with pytest.raises(InputError, match="holds objects"):
        read_mocap(str(tmp_path / "pickled.npz"))
    np.savez(tmp_path / "flat.npz", walk=np.zeros((5, 17, 3)))
    with pytest.raises(InputError, match="no sequence"):
        read_mocap(str(tmp_path / "flat.npz"))
    with pytest.raises(InputError, match="0 of 2 sequences"):
        read_mocap(str(captured_file)).split("nobody")
    with pytest.raises(ValueError, match="mocap_views"):
        LifterDataConfig(clips=0)


def test_the_real_file() -> None:
    if not REAL.is_file():
        pytest.skip(f"no {REAL}: the CMU gestures are not shipped")
    mocap = read_mocap(str(REAL))
    assert isinstance(mocap, Mocap) and len(mocap.sequences) == 8 and sum(map(len, mocap.sequences.values())) == 5080
    pose = mocap.sequences["test_washwindow_washwindow_1"]
    assert not np.isnan(pose.keypoints[:, [1, *CMU_JOINTS]]).any()
    width = np.linalg.norm(pose.keypoints[:, 2] - pose.keypoints[:, 5], axis=-1)
    assert 0.25 < np.median(width) < 0.6
