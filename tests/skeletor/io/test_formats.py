"""All formats through one door, and what it says about damaged files."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skeletor.io import formats, native, skels
from skeletor.io.formats import read_pose, read_poses, write_pose, write_poses
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50, custom_skeleton
from skeletor.support.errors import InputError

SUFFIXES = (".safetensors", ".pose", ".skels", "")


@pytest.fixture(scope="module")
def files(tmp_path_factory, make):
    """A small file of each format."""
    folder = tmp_path_factory.mktemp("files")
    flat, solid = make(BODY25_HANDS, 3), normalise(make(SIGNING_50, 3, 3, missing=0))
    for suffix in SUFFIXES:
        write_pose(solid if suffix == ".skels" else flat, folder / f"clip{suffix}")
    return folder


def test_suffix_chooses_the_format(files, assert_same):
    poses = [read_pose(files / f"clip{suffix}") for suffix in (".safetensors", ".pose", "")]
    for pose in poses[1:]:
        assert_same(pose, poses[0])
    assert read_pose(files / "clip.skels").dims == 3


def test_the_room_gives_out_its_door_and_loads_it_when_asked():
    code = "import sys, skeletor.io as io; print('numpy' in sys.modules, hasattr(io, 'x'), io.read_poses.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False", "skeletor.io.formats"], done.stderr


def test_fps_can_be_given(files):
    for suffix in SUFFIXES:
        assert read_pose(files / f"clip{suffix}", fps=50.0).fps == 50
        assert read_pose(files / f"clip{suffix}").fps == 25
        with pytest.raises(InputError, match="expected 1 to 1000"):
            read_pose(files / f"clip{suffix}", fps=0.0)


def test_native_files_stay_lazy(files):
    assert isinstance(read_poses(files / "clip.safetensors"), native.Shard)


def test_a_clip_is_chosen_by_name(tmp_path, make):
    solid = normalise(make(SIGNING_50, 4, 3, missing=0))
    solid.keypoints[:, [1, 2, 5]] = [[0, 0, 0], [-0.5, 0, 0], [0.5, 0, 0]]  # neck and shoulders, as normalised
    skels.write_poses({"a": solid, "b": solid.frames(0, 2)}, tmp_path / "x.skels")
    assert len(read_pose(tmp_path / "x.skels", "b")) == 2
    with pytest.raises(InputError, match="choose one by name: a, b"):
        read_pose(tmp_path / "x.skels")
    with pytest.raises(InputError, match="none is called 'c'"):
        read_pose(tmp_path / "x.skels", "c")


def test_h5_of_the_reference_is_read(shared):
    pose = read_pose(shared / "openpose" / "zelinka_demo_20161025_pocasi.h5")
    assert pose.skeleton == SIGNING_50 and pose.keypoints.shape == (583, 50, 2)
    mean = pose.confidence.mean(0)
    # facts: mean confidence of the left hand .65, of the right .52
    assert mean[8:29].mean() == pytest.approx(0.65, abs=0.01) and mean[29:].mean() == pytest.approx(0.52, abs=0.01)


def test_h5_of_frames_of_joints_is_read_and_other_tools_tables_are_named(tmp_path):
    import h5py

    values = np.full((4, 50, 3), 0.5)
    values[..., :2] = np.arange(400).reshape(4, 50, 2) + 10
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["clip"] = values
    np.testing.assert_array_equal(read_pose(tmp_path / "a.h5").keypoints, values[..., :2])
    for name, tool in (("df_with_missing", "DeepLabCut"), ("node_names", "SLEAP")):
        with h5py.File(tmp_path / "b.h5", "w") as file:
            file.create_group(name)
        with pytest.raises(InputError, match=rf"b\.h5: is a table of {tool}, which is not read"):
            read_pose(tmp_path / "b.h5")


@pytest.mark.parametrize("name", ["none.pose", "none.safetensors", "none.skels", "none.h5", "none", "none.xyz"])
def test_missing_files(tmp_path, name):
    with pytest.raises(InputError, match="no such file") as caught:
        read_pose(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.pose", "a.safetensors", "a.skels", "a.h5", "a", "a.xyz", "a.json"])
@pytest.mark.parametrize("content", [b"", b"\n", b"hello", b"\x00" * 300, bytes(range(256)) * 8], ids=range(5))
def test_garbage(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        read_pose(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.pose", "a.safetensors", "a.skels", "a.h5", "a.npz", "a.zip"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s12--ab.pose\n", "git annex get"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "web page"),
        (b"\x1f\x8b\x08" + b"\0" * 50, r"packed \(gzip\)"),
    ],
)
def test_what_stands_for_another_file_is_told(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: .*{words}"):
        read_pose(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mp4", "a.MOV"])
def test_a_video_is_called_one(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0\0\0\x20ftypisom")
    with pytest.raises(InputError, match=rf"{name}: a video, not poses; estimate them first \(`slt poses`\)"):
        read_pose(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pkl", "a.pickle", "a.npy", "a.npz", "a.pose"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_told_and_never_run(tmp_path, name, protocol):
    (tmp_path / name).write_bytes(pickle.dumps({"keypoints": np.zeros((3, 133, 2))}, protocol))
    with pytest.raises(InputError, match=rf"{name}: a pickle, which may run any program and is not read"):
        read_pose(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pose", "a.safetensors", "a.zip"])
def test_a_zip_archive_is_told(tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("a_000000000000_keypoints.json", "{}")
    with pytest.raises(InputError, match=r"packed \(zip\); unpack it"):
        read_pose(tmp_path / name)


def test_directories_that_are_none(tmp_path):
    with pytest.raises(InputError, match="holds no file"):
        read_pose(tmp_path)
    (tmp_path / "x.pose").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        read_pose(tmp_path / "x.pose")


def test_writing_where_it_cannot_be(tmp_path, make):
    (tmp_path / "dir.pose").mkdir()
    (tmp_path / "file").write_text("x")
    for name in ("dir.pose", "file/a.pose", "a.xyz", "a.h5", "file"):
        with pytest.raises(InputError):
            write_pose(make(BODY25_HANDS), tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dir.pose", "file"]


def assert_read_or_refused(path) -> None:
    """Nothing but a valid pose (checked when made) or one line may come out."""
    try:
        for pose in read_poses(path).values():
            assert isinstance(pose, PoseSequence)
    except InputError as error:
        assert "\n" not in str(error) and str(path.name) in str(error)


fuzz = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("suffix", [".safetensors", ".pose", ".skels"])
@fuzz
@given(data=st.data())
def test_flipped_bytes(files, suffix, data):
    content = bytearray((files / f"clip{suffix}").read_bytes())
    # half of the flips hit the header, where they hurt
    place = st.one_of(st.integers(0, min(1500, len(content) - 1)), st.integers(0, len(content) - 1))
    for position, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=4)):
        content[position] = value
    path = files / f"bad{suffix}"
    path.write_bytes(content)
    assert_read_or_refused(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pose", ".skels"])
@fuzz
@given(share=st.floats(0, 1, exclude_max=True))
def test_cut_files(files, suffix, share):
    content = (files / f"clip{suffix}").read_bytes()
    path = files / f"cut{suffix}"
    path.write_bytes(content[: int(share * len(content))])
    if suffix == ".skels" and content.decode().strip() == path.read_text().strip():
        return  # only the line's end is gone
    try:
        read_pose(path)
    except InputError as error:
        assert "\n" not in str(error) and path.name in str(error)
    else:
        # text: only the last digits of the last number can go unnoticed
        assert suffix == ".skels" and len(content) - path.stat().st_size <= 6


@fuzz
@given(share=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans())
def test_damaged_json(files, share, value, cut):
    directory = files / "json"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(files / "clip", directory)
    victim = sorted(directory.iterdir())[1]
    content = bytearray(victim.read_bytes())
    at = int(share * (len(content) - 1))
    if cut:
        content = content[:at]
    else:
        content[at] = value
    victim.write_bytes(content)
    try:
        pose = read_pose(directory)
        assert len(pose) == 3
    except InputError as error:
        assert "\n" not in str(error) and victim.name in str(error)


values = st.one_of(st.none(), st.booleans(), st.integers(-5, 100), st.floats(), st.text(max_size=3))
tree = st.recursive(
    values,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["people", "pose_keypoints_2d", "hand_left_keypoints", "x"]), inner, max_size=3
        ),
    ),
    max_leaves=8,
)


@fuzz
@given(raw=tree)
def test_any_json(files, raw):
    directory = files / "any"
    directory.mkdir(exist_ok=True)
    (directory / "any_0_keypoints.json").write_text(json.dumps(raw))
    assert_read_or_refused(directory)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frames=st.integers(0, 5),
    joints=st.integers(1, 6),
    dims=st.sampled_from([2, 3]),
    seed=st.integers(0, 99),
    suffix=st.sampled_from([".safetensors", ".pose"]),
)
def test_any_skeleton_comes_back(files, make, frames, joints, dims, seed, suffix):
    pose = make(custom_skeleton(joints), frames, dims, seed, missing=0.3)
    write_pose(pose, files / f"any{suffix}")
    read = read_pose(files / f"any{suffix}")
    np.testing.assert_array_equal(read.keypoints, pose.keypoints)
    np.testing.assert_array_equal(read.confidence, pose.confidence)
    assert read.skeleton.joints == pose.skeleton.joints


def test_several_clips_go_into_the_formats_that_hold_them(tmp_path, make, assert_same):
    solid = normalise(make(SIGNING_50, 4, 3, missing=0))
    points = solid.keypoints.copy()
    points[:, [1, 2, 5]] = [[0, 0, 0], [-0.5, 0, 0], [0.5, 0, 0]]  # neck and shoulders, as normalised
    solid = solid.replace(points)
    poses = {"a": solid, "b": solid.frames(1, 3)}
    for suffix in (".safetensors", ".skels", ".SKELS"):
        write_poses(poses, tmp_path / f"x{suffix}")
        assert {name: len(pose) for name, pose in read_poses(tmp_path / f"x{suffix}").items()} == {"a": 4, "b": 2}
    for suffix in (".pose", ""):
        with pytest.raises(InputError, match=r"2 clips.*\.safetensors and \.skels"):
            write_poses(poses, tmp_path / f"y{suffix}")
        write_poses({"a": solid.replace(solid.keypoints[..., :2])}, tmp_path / f"y{suffix}")
        assert len(read_pose(tmp_path / f"y{suffix}")) == 4
    for name in ("z.h5", "z.xyz"):
        with pytest.raises(InputError, match=r"only read|unknown kind"):
            write_poses({"a": solid}, tmp_path / name)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="there is a file of this name already"):
        write_poses(poses, tmp_path / "file" / "a.skels")


@pytest.mark.parametrize("name", ["a.pose", "a.safetensors", "a.skels", "a.h5", "a.pt", "a", "a.xyz", "a.json"])
def test_pipes_and_devices_are_refused_at_once(tmp_path, name):
    """A pipe would block until somebody writes."""

    def late(*_):
        raise TimeoutError

    os.mkfifo(tmp_path / name)
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    try:
        with pytest.raises(InputError, match=name) as caught:
            read_poses(tmp_path / name)
        with pytest.raises(InputError):
            read_poses("/dev/zero")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fps", [0.0, -1.0, 0.5, 1001.0, float("nan"), float("inf")])
def test_a_given_frame_rate_must_be_one(files, fps):
    for suffix in SUFFIXES:
        with pytest.raises(InputError, match="--fps"):
            read_poses(files / f"clip{suffix}", fps=fps)


def test_a_slow_frame_rate_of_other_formats_is_refused(files, monkeypatch):
    slow = {"a": read_pose(files / "clip.pose").replace(fps=0.5)}
    monkeypatch.setattr(formats.pose_format, "read_all", lambda path, fps, *_: slow)
    with pytest.raises(InputError, match=r"frame rate 0\.5, expected 1 to 1000; give the right one with --fps"):
        read_poses(files / "clip.pose")


def test_all_real_files_are_read(shared):
    """What the limits must not refuse."""
    from skeletor.files.read_only.npz import read_arrays

    counts = {
        path.name: len(read_poses(path)) for path in shared.rglob("*") if path.suffix in (".pose", ".skels", ".h5")
    }
    assert counts == {
        "dev.skels": 5, "train.skels": 5, "openpose_137.pose": 1, "openpose_137_example.pose": 1,
        "zelinka_demo_20161025_pocasi.h5": 1,
    }  # fmt: skip
    archives = [path for folder in (shared, shared.parent / "oracles") for path in folder.rglob("*.npz")]
    assert len(archives) > 5 and all(read_arrays(path) for path in archives)
