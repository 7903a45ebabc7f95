import json
import multiprocessing

import numpy as np
import pytest
from safetensors import safe_open

from skeletor.files.tensors import save_tensors
from skeletor.io import native
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50, Skeleton, custom_skeleton
from skeletor.support.errors import InputError


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


def rewritten(path, change) -> None:
    """The same file with a changed header: `change` gets its metadata (JSON texts decoded) and tensors."""
    with safe_open(path, framework="np") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    about = {key: json.loads(text) if key.startswith("clip:") else text for key, text in metadata.items()}
    change(about, tensors)
    texts = {key: text if isinstance(text, str) else json.dumps(text) for key, text in about.items()}
    save_tensors(tensors, path, texts)


def test_a_clip_whose_name_is_damaged_does_not_vanish(tmp_path, make):
    path = tmp_path / "a.safetensors"
    native.write_shard({"a": make(), "b": make(seed=1)}, path)
    for change in (
        lambda about, tensors: about.pop("clip:a"),
        lambda about, tensors: about.update({"clip:c": about.pop("clip:b")}),
        lambda about, tensors: tensors.update(extra=np.zeros(3)),
    ):
        native.write_shard({"a": make(), "b": make(seed=1)}, path)
        rewritten(path, change)
        with pytest.raises(InputError, match="do not fit"):
            native.open_shard(path)


@pytest.mark.parametrize("fps", [0.001, 1e-9, 5e-324, 0, -25, 1001, 1e300, 10**400, "25", None, float("nan")])
def test_a_frame_rate_that_is_none_is_refused_but_can_be_given(tmp_path, make, fps):
    path = tmp_path / "a.safetensors"
    native.write_shard({"a": make()}, path)
    rewritten(path, lambda about, _: about["clip:a"].update(fps=fps))
    if fps != "25":
        with pytest.raises(InputError) as caught:
            native.read_pose(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
        assert "--fps" in str(caught.value) or fps in (None, 10**400)
    assert native.open_shard(path, 30.0)["a"].fps == 30


@pytest.mark.parametrize(
    "change",
    [{"image_size": [0, 5]}, {"image_size": [10**9, 2]}, {"image_size": [True, 2]}, {"source": 3}, {"units": "ell"},
     {"stages": [{"name": "a", "config": 5}]}, {"stages": [{"name": 5}]}, {"stages": 5}, {"more": 1}],
)  # fmt: skip
def test_a_damaged_provenance_is_refused(tmp_path, make, change):
    path = tmp_path / "a.safetensors"
    native.write_shard({"a": make()}, path)
    rewritten(path, lambda about, _: about["clip:a"]["provenance"].update(change))
    with pytest.raises(InputError, match=r"a\.safetensors"):
        native.read_pose(path)


def test_values_that_are_no_floats_or_out_of_range_are_refused(tmp_path, make):
    path = tmp_path / "a.safetensors"
    for change in (
        lambda _, tensors: tensors.update({"a/keypoints": tensors["a/keypoints"].astype(np.float32).view(np.int32)}),
        lambda _, tensors: tensors.update({"a/keypoints": np.nan_to_num(tensors["a/keypoints"]) + 2e6}),
        lambda _, tensors: tensors.update({"a/confidence": tensors["a/confidence"] + 1}),
        lambda _, tensors: tensors.update({"a/confidence": tensors["a/confidence"][:3]}),
    ):
        native.write_shard({"a": make()}, path)
        rewritten(path, change)
        with pytest.raises(InputError, match=r"a\.safetensors"):
            native.read_pose(path)


def test_a_skeleton_cannot_point_outside_itself(tmp_path, make):
    path = tmp_path / "a.safetensors"
    for part in ({"pairs": [[0, -1]]}, {"groups": [["body", [-1]]]}, {"parents": [-1, -2, 0]}, {"parents": [-1, 3, 0]}):
        native.write_shard({"a": make(custom_skeleton(3))}, path)

        def change(about, _, part=part):
            key = next(key for key in about if key.startswith("skeleton:"))
            about[key] = json.dumps(json.loads(about[key]) | part)

        rewritten(path, change)
        with pytest.raises(InputError, match="joint that it has not"):
            native.read_pose(path)
