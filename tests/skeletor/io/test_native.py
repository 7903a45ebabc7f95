import multiprocessing

import numpy as np
import pytest

from skeletor.errors import InputError
from skeletor.io import native
from skeletor.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50, Skeleton, custom_skeleton


def test_shard_gives_all_clips_back(tmp_path, make, assert_same):
    poses = {
        "dev/a": make(SIGNING_50, 5, 3),
        "dev/b b": make(BODY25_HANDS, 1, 2, seed=1),
        "ü": make(MEDIAPIPE_75, 9, 2, seed=2),
        "none": make(SIGNING_50, 0),
        "own": make(custom_skeleton(7), 3, 2),
    }
    native.write_shard(poses, tmp_path / "a.safetensors")
    shard = native.open_shard(tmp_path / "a.safetensors")
    assert list(shard) == sorted(poses) and len(shard) == 5 and "x" not in shard and "ü" in shard
    for name, pose in poses.items():
        assert_same(shard[name], pose)
        assert shard[name].provenance == pose.provenance
        assert shard.length(name) == len(pose)
    with pytest.raises(KeyError):
        shard["x"]


def test_window_reads_some_frames(tmp_path, make):
    pose = make(frames=20)
    native.write_shard({"a": pose}, tmp_path / "a.safetensors")
    shard = native.open_shard(tmp_path / "a.safetensors")
    for start, stop in ((3, 8), (0, 20), (15, 30), (4, 4), (25, 30), (0, 1), (19, None)):
        window = shard.window("a", start, stop)
        np.testing.assert_array_equal(window.keypoints, pose.keypoints[start:stop])
        np.testing.assert_array_equal(window.confidence, pose.confidence[start:stop])


def test_whole_definition_of_an_own_skeleton_is_kept(tmp_path, make):
    skeleton = Skeleton("tri", ("top", "left", "right"), (-1, 0, 0), ((1, 2),), (("body", (0, 1, 2)),))
    native.write_pose(make(skeleton), tmp_path / "a.safetensors")
    assert native.read_pose(tmp_path / "a.safetensors").skeleton == skeleton


def test_two_skeletons_of_one_name_are_refused(tmp_path, make):
    poses = {"a": make(custom_skeleton(3, "x")), "b": make(custom_skeleton(4, "x"))}
    with pytest.raises(InputError, match="both called 'x'"):
        native.write_shard(poses, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="both called 'signing_50'"):
        native.write_shard({"a": make(custom_skeleton(3, "signing_50"))}, tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_half_precision(tmp_path, make):
    pose = make(frames=30)
    native.write_shard({"a": pose}, tmp_path / "full.safetensors")
    native.write_shard({"a": pose}, tmp_path / "half.safetensors", half=True)
    read = native.open_shard(tmp_path / "half.safetensors")["a"]
    np.testing.assert_allclose(read.keypoints, pose.keypoints, rtol=5e-4)
    np.testing.assert_array_equal(read.missing, pose.missing)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "full.safetensors").stat().st_size
    with pytest.raises(InputError, match="half=False"):
        native.write_shard({"a": pose.replace(pose.keypoints * 100)}, tmp_path / "big.safetensors", half=True)


def test_only_the_asked_clip_is_read(tmp_path, make):
    """A damaged clip does not keep the others from being read."""
    path = tmp_path / "a.safetensors"
    native.write_shard({"a": make(seed=1), "b": make(seed=2)}, path)
    content = bytearray(path.read_bytes())
    tail = make(seed=2).confidence.nbytes
    whole = {name: native.open_shard(path)[name] for name in "ab"}
    content[-tail:] = b"\xff" * tail  # NaN confidences in the last tensor, of clip b
    path.write_bytes(content)
    shard = native.open_shard(path)
    states = []
    for name in "ab":
        try:
            states.append(np.array_equal(shard[name].keypoints, whole[name].keypoints, equal_nan=True))
        except InputError as error:
            states.append("confidence" in str(error))
    assert states == [True, True]
    with pytest.raises(InputError, match="confidence"):
        for name in shard:
            shard[name]


def test_shard_travels_to_a_worker(tmp_path, make):
    native.write_shard({"a": make(frames=4)}, tmp_path / "a.safetensors")
    shard = native.open_shard(tmp_path / "a.safetensors")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(shard.length, ("a",)) == 4


def test_read_pose_wants_one_clip(tmp_path, make, assert_same):
    native.write_shard({"a": make(seed=1), "b": make(seed=2)}, tmp_path / "a.safetensors")
    assert_same(native.read_pose(tmp_path / "a.safetensors", "b"), make(seed=2))
    for name in (None, "c"):
        with pytest.raises(InputError, match="a, b"):
            native.read_pose(tmp_path / "a.safetensors", name)


def test_other_safetensors_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="not one of poses"):
        native.open_shard(tmp_path / "a.safetensors")


def test_clip_without_its_tensor_is_refused(tmp_path, make):
    from safetensors import safe_open
    from safetensors.numpy import save_file

    native.write_pose(make(), tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", framework="np") as file:
        metadata = file.metadata()
        kept = {"clip0/keypoints": file.get_tensor("clip0/keypoints")}
    save_file(kept, tmp_path / "a.safetensors", metadata)
    with pytest.raises(InputError, match=r"a\.safetensors"):
        native.read_pose(tmp_path / "a.safetensors")
