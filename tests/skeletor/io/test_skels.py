import numpy as np
import pytest

from skeletor.io import skels
from skeletor.poses.normalise import normalise
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError


@pytest.fixture
def pose(make):
    """A 3D pose with everything there, in shoulder widths."""
    return normalise(make(SIGNING_50, 8, 3, missing=0))


@pytest.mark.parametrize("split", ["dev", "train"])
def test_real_files_come_back_byte_for_byte(shared, tmp_path, split):
    path = shared / "phoenix14t_skels" / f"{split}.skels"
    poses = skels.read_poses(path)
    assert len(poses) == 5 and all(pose.dims == 3 and pose.fps == 25 for pose in poses.values())
    skels.write_poses(poses, tmp_path / "again.skels")
    assert (tmp_path / "again.skels").read_text().split() == path.read_text().split()
    assert (tmp_path / "again.files").read_text().split() == path.with_suffix(".files").read_text().split()


def test_left_is_the_signers_left_in_real_files(shared):
    for pose in skels.read_poses(shared / "phoenix14t_skels" / "dev.skels").values():
        x = np.median(pose.keypoints[..., 0], axis=0)
        assert x[SIGNING_50.index("right_shoulder")] == pytest.approx(-0.5, abs=0.05)
        assert x[SIGNING_50.index("left_shoulder")] == pytest.approx(0.5, abs=0.05)
        gap = {
            side: np.linalg.norm(
                pose.keypoints[:, SIGNING_50.index(f"{side}_wrist")]
                - pose.keypoints[:, SIGNING_50.index(f"{side}_hand_root")],
                axis=1,
            ).max()
            for side in ("left", "right")
        }
        assert max(gap.values()) < 0.3  # each hand hangs on its own wrist
        assert np.median(np.linalg.norm((pose.keypoints[:, 2] - pose.keypoints[:, 5])[:, :2], axis=1)) == pytest.approx(
            1, abs=0.01
        )


def test_round_trip(tmp_path, pose):
    other = pose.frames(2, 5)
    skels.write_poses({"a": pose, "b": other}, tmp_path / "a.skels")
    read = skels.read_poses(tmp_path / "a.skels")
    assert list(read) == ["a", "b"] and [len(p) for p in read.values()] == [8, 3]
    np.testing.assert_allclose(read["a"].keypoints, pose.keypoints, atol=2e-5)
    assert read["a"].provenance.units == "shoulder"


def test_missing_frames_stay_missing_and_missing_joints_are_refused(tmp_path, pose):
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[3], confidence[3] = np.nan, 0
    skels.write_pose(pose.replace(keypoints, confidence), tmp_path / "a.skels")
    assert (
        skels.read_all(tmp_path / "a.skels", None)["clip0.mp4"].missing.all(1).tolist()
        == [False] * 3 + [True] + [False] * 4
    )
    keypoints[3] = pose.keypoints[3]
    keypoints[3, 9] = np.nan
    with pytest.raises(InputError, match="frame 3"):
        skels.write_pose(pose.replace(keypoints, confidence), tmp_path / "b.skels")
    assert not (tmp_path / "b.skels").exists()


def test_names_beside_the_file(tmp_path, pose):
    skels.write_poses({"a": pose, "b": pose}, tmp_path / "x.skels")
    (tmp_path / "x.files").write_text("only-one\n")
    with pytest.raises(InputError, match="1 names"):
        skels.read_poses(tmp_path / "x.skels")
    (tmp_path / "own.txt").write_text("p\nq\n")
    assert list(skels.read_poses(tmp_path / "x.skels", tmp_path / "own.txt")) == ["p", "q"]
    (tmp_path / "x.files").write_text("p\nq\n", encoding="utf-8-sig")
    assert list(skels.read_poses(tmp_path / "x.skels")) == ["p", "q"]
    (tmp_path / "x.files").unlink()
    assert list(skels.read_poses(tmp_path / "x.skels")) == ["x_0", "x_1"]


def test_a_list_that_belongs_to_something_else_is_not_overwritten(tmp_path, pose):
    (tmp_path / "x.files").write_text("a list of somebody\n")
    with pytest.raises(InputError, match="would be overwritten"):
        skels.write_poses({"a": pose}, tmp_path / "x.skels")
    assert [path.name for path in tmp_path.iterdir()] == ["x.files"]
    (tmp_path / "x.files").unlink()
    for _ in range(2):
        skels.write_poses({"a": pose}, tmp_path / "x.skels")


def test_cut_lines_are_noticed(tmp_path, pose):
    skels.write_pose(pose, tmp_path / "a.skels")
    numbers = (tmp_path / "a.skels").read_text().split()
    for kept in (len(numbers) - 1, len(numbers) - 151, len(numbers) - 3 * 151, 5):
        (tmp_path / "cut.skels").write_text(" ".join(numbers[:kept]))
        with pytest.raises(InputError, match=r"cut\.skels"):
            skels.read_poses(tmp_path / "cut.skels")


def test_lines_without_a_counter_are_noticed(tmp_path):
    (tmp_path / "a.skels").write_text(" ".join(["0.5"] * 151 * 3))
    with pytest.raises(InputError, match="counter"):
        skels.read_poses(tmp_path / "a.skels")


def test_what_does_not_fit_is_refused(tmp_path, make, pose):
    for bad, reason in ((make(), "2D"), (pose.replace(fps=30.0), "25 frames")):
        with pytest.raises(InputError, match=reason):
            skels.write_pose(bad, tmp_path / "a.skels")


def counted(pose, counter) -> str:
    """A line with another counter."""
    words = np.array(skels._format(pose, "x").split()).reshape(len(pose), -1)
    words[:, -1] = [f"{value:.4f}" for value in counter]
    return " ".join(words.ravel()) + "\n"


def test_frames_that_are_missing_or_twice_there_are_noticed(tmp_path, make):
    pose = normalise(make(SIGNING_50, 40, 3, missing=0))
    words = np.array(skels._format(pose, "x").split()).reshape(40, -1)
    order = np.arange(40)
    for rows in (
        np.delete(order, 20),
        np.delete(order, range(5, 30)),
        np.delete(order, 0),
        np.delete(order, 39),
        np.insert(order, 12, 12),
        order[[*range(10), 11, 10, *range(12, 40)]],
    ):
        (tmp_path / "a.skels").write_text(" ".join(words[rows].ravel()) + "\n")
        with pytest.raises(InputError, match=r"counter|truncated"):
            skels.read_poses(tmp_path / "a.skels")


@pytest.mark.parametrize("length", [1, 2, 3, 600])
def test_all_ways_to_count_are_read(tmp_path, make, length):
    pose = normalise(make(SIGNING_50, length, 3, missing=0))
    for steps in {length, max(length - 1, 1)}:
        (tmp_path / "a.skels").write_text(counted(pose, np.arange(length) / steps))
        assert len(skels.read_poses(tmp_path / "a.skels")["a"]) == length
    (tmp_path / "a.skels").write_text(counted(pose, np.arange(1, length + 1) / length), encoding="utf-8-sig")
    assert len(skels.read_poses(tmp_path / "a.skels")["a"]) == length
    (tmp_path / "a.skels").write_text(counted(pose, np.arange(length) / (length + 1) + 0.001))
    with pytest.raises(InputError, match=r"counter|ends early"):
        skels.read_poses(tmp_path / "a.skels")


def test_names_are_whole_lines(tmp_path, pose):
    names = ["dev/11 August", "b", "ü"]
    skels.write_poses(dict.fromkeys(names, pose), tmp_path / "a.skels")
    assert list(skels.read_poses(tmp_path / "a.skels")) == names
    for name in ("a\nb", " a", "", "a\u2028b", "a\tb"):
        with pytest.raises(InputError, match="line of its own"):
            skels.write_poses({name: pose}, tmp_path / "b.skels")
    with pytest.raises(InputError, match="no clips"):
        skels.write_poses({}, tmp_path / "b.skels")
    assert not (tmp_path / "b.skels").exists()
