import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from skeletor.io.formats import read_pose, read_poses, write_pose
from skeletor.io.read_only.slrtp import SLRTP_50, Clips
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError


def body(frames: int = 6, seed: int = 0) -> np.ndarray:
    """(T, 178, 3) somebody who faces us, in our axes: x right, y down, z to the camera."""
    points = np.zeros((frames, 178, 3), np.float32)
    points[:, :8] = [[-0.5, 0, 0], [-0.6, 0.8, 0.1], [-0.4, 0.9, 0.4], [0.5, 0, 0], [0.6, 0.8, 0.1], [0.4, 0.9, 0.4],
                     [-0.3, 2, 0], [0.3, 2, 0]]  # fmt: skip
    rng = np.random.default_rng(seed)
    points[:, 8:29] = points[:, 2:3] + rng.normal(0, 0.1, (frames, 21, 3))
    points[:, 29:50] = points[:, 5:6] + rng.normal(0, 0.1, (frames, 21, 3))
    return points + rng.normal(0, 0.01, points.shape).astype(np.float32)


def save(clips: dict, path: Path) -> Path:
    torch.save(clips, path)
    return path


def record(name: str, points: np.ndarray, text: str = "morgen regen .") -> dict:
    return {"name": name, "text": text, "gloss": "MORGEN REGEN", "poses_3d": torch.from_numpy(points), "speaker": "S"}


def test_joints_are_where_their_names_say(tmp_path):
    points = body()
    path = save(OrderedDict(b=record("b", points), a=record("a", points[:3])), tmp_path / "dev.pt")
    poses = read_poses(path)
    assert list(poses) == ["b", "a"] and len(poses["a"]) == 3
    pose = poses["b"]
    assert (pose.fps, pose.dims, pose.skeleton) == (25, 3, SLRTP_50) and pose.provenance.source == "b"
    for joint, column in (("right_shoulder", 0), ("left_wrist", 5), ("right_hip", 6), ("right_hand_root", 8),
                          ("right_hand_thumb_1", 9), ("right_hand_little_4", 28), ("left_hand_root", 29),
                          ("left_hand_index_1", 34), ("left_hand_little_4", 49)):  # fmt: skip
        np.testing.assert_array_equal(pose.keypoints[:, SLRTP_50.index(joint)], points[:, column])
    ours = pose.to_skeleton(SIGNING_50)
    np.testing.assert_allclose(ours.keypoints[:, 1], (points[:, 0] + points[:, 3]) / 2, atol=1e-6)
    assert ours.missing[:, 0].all() and not ours.missing[:, 1:].any()
    assert Clips(path).texts() == {"b": "morgen regen .", "a": "morgen regen ."}


@pytest.mark.parametrize("signs", [(1, 1, 1), (1, -1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, -1)])
def test_the_body_tells_the_axes(tmp_path, signs):
    points = body()
    path = save({"a": torch.from_numpy(points * np.array(signs, np.float32) * 3 + 7)}, tmp_path / "a.pt")
    pose = read_pose(path)
    assert tuple(pose.provenance.stage("axes").config["signs"]) == signs
    np.testing.assert_allclose((pose.keypoints - 7 * np.array(signs)) / 3, points[:, :50], atol=1e-5)


def test_predictions_are_bare_tensors_and_empty_frames_are_missing(tmp_path):
    points = body()
    points[2] = 0
    points[4, 10, 1] = np.nan
    pose = read_pose(save({"p": torch.from_numpy(points).double()}, tmp_path / "p.pt"), fps=12.5)
    assert pose.fps == 12.5 and pose.missing[2].all() and pose.missing[4].sum() == 1
    assert (pose.confidence == ~pose.missing).all()
    assert Clips(tmp_path / "p.pt").texts() == {}


def test_another_layout_is_read_with_the_names_of_its_joints(tmp_path):
    points = body()[:, [3, 0, 60, 5, 2]]
    path = save({"a": torch.from_numpy(points)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"\(6, 5, 3\).*--joints"):
        read_pose(path)
    pose = Clips(path, joints=("left_shoulder", "right_shoulder", "-", "left_wrist", "right_wrist"))["a"]
    assert pose.skeleton.joints == ("left_shoulder", "right_shoulder", "left_wrist", "right_wrist")
    np.testing.assert_array_equal(pose.keypoints, points[:, [0, 1, 3, 4]])
    for wrong in (("left_wrist",) * 5, ("left_shoulder", "-", "-", "-", "-")):
        with pytest.raises(InputError, match="once"):
            Clips(path, joints=wrong)


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_no_pickle_is_ever_run(tmp_path):
    evil = Evil(tmp_path / "was-run")
    for value in ({"a": evil}, evil):
        torch.save(value, tmp_path / "evil.pt")
        with pytest.raises(InputError, match="weights_only") as caught:
            read_poses(tmp_path / "evil.pt")
        assert "\n" not in str(caught.value)
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"a": evil}))
    with pytest.raises(InputError):
        read_poses(tmp_path / "evil.pt")
    assert not (tmp_path / "was-run").exists()


def test_what_is_no_such_file_is_one_line_and_a_bad_clip_stops_no_other(tmp_path):
    good = save({"a": record("a", body())}, tmp_path / "a.pt")
    data = good.read_bytes()
    for content in (data[: len(data) // 2], data[:10], b"no file", b""):
        (tmp_path / "bad.pt").write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_poses(tmp_path / "bad.pt")
        assert "bad.pt" in str(caught.value) and "\n" not in str(caught.value)
    for value in ([1], {}, {1: torch.zeros(3)}):
        with pytest.raises(InputError, match="dict of clips"):
            read_poses(save(value, tmp_path / "bad.pt"))
    mixed = {"x": {"poses_3d": "none"}, "y": torch.zeros(4, 178, 2), "z": torch.zeros(4, 178, 3, dtype=torch.int64)}
    poses = read_poses(save({**mixed, "a": record("a", body())}, tmp_path / "mixed.pt"))
    for name in mixed:
        with pytest.raises(InputError, match=f"clip '{name}'"):
            poses[name]
    assert len(poses["a"]) == 6
    with pytest.raises(InputError, match="only read"):
        write_pose(poses["a"], tmp_path / "out.pt")
