"""`slt poses`, `slt lift`, `slt refine`, `slt view`: what they write, what they say, and how they end."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from skeletor.io.formats import read_pose, read_poses
from skeletor.io.native import write_shard
from skeletor.io.skels import write_poses as write_skels
from skeletor.lifters.registry import LIFTERS, build_lifter
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import MEDIAPIPE_75, SIGNING_50
from skeletor.poses.turns import Turn, with_turns
from skeletor.refiners.registry import build_refiner
from skeletor.refiners.smoothers.smooth import SavgolOptions
from skeletor.support.errors import InputError
from slt.cli import stages
from slt.cli.view import before_and_after
from slt.estimators.mediapipe.bystanders import STAGE
from slt.video import open_video, write_video
from tests.slt.toy import perform


def flat(words: list[str], seed: int = 1, fps: float = 25) -> PoseSequence:
    """2D in pixels."""
    pose = perform(words, seed)
    about = Provenance("clip.mp4", units="pixel", image_size=(640, 480))
    return PoseSequence(pose.keypoints[..., :2] * 100 + 300, pose.confidence, fps, SIGNING_50, about)


def frames(folder: Path, count: int = 4) -> Path:
    folder.mkdir(parents=True)
    for k in range(count):
        cv2.imwrite(str(folder / f"{k:03d}.png"), np.full((64, 48, 3), 40 * k, np.uint8))
    return folder


def run(command: str, *argv) -> int:
    return stages.main(command, [str(a) for a in argv], "")


@pytest.fixture(name="two")
def _two(tmp_path: Path) -> Path:
    """A file of two clips of 2D poses."""
    write_shard({"a": flat(["regen"], 1), "b": flat(["wind", "sonne"], 2)}, tmp_path / "two.safetensors")
    return tmp_path / "two.safetensors"


def test_all_clips_of_a_file_are_lifted_and_refined(two, tmp_path, capsys):
    assert run("lift", two, "--absent", "filled", "-o", tmp_path / "lifted") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].rpartition("#")[2] for line in said] == ["a", "b"]
    assert all("3D; body 100 %, left hand " in line and ", right hand " in line for line in said)
    lifted = read_poses(tmp_path / "lifted" / "two.safetensors")
    assert {name: len(lifted[name]) for name in lifted} == {"a": 7, "b": 14}
    for suffix in (".safetensors", ".skels"):
        argv = ("--refine", "savgol", "--suffix", suffix, "-o", tmp_path / "refined")
        assert run("refine", tmp_path / "lifted" / "two.safetensors", *argv) == 0
        assert set(read_poses(tmp_path / "refined" / f"two{suffix}")) == {"a", "b"}


def test_arrays_of_shares_need_the_pictures_size(tmp_path, capsys):
    points = flat(["regen"]).keypoints
    np.savez(tmp_path / "a.npz", kp=np.stack([points, points]) / (640, 480))
    argv = ("lift", tmp_path / "a.npz", "--lift", "fast", "--skeleton", "signing_50", "-o", tmp_path / "lifted")
    assert run(*argv) == 2
    assert "coordinates are shares of the picture (0 to 1); give its size, --size" in capsys.readouterr().err
    assert run(*argv, "--size", "640x480") == 0
    assert list(read_poses(tmp_path / "lifted" / "a.safetensors")) == ["kp_0000", "kp_0001"]
    with pytest.raises(InputError, match="--size 640: expected WIDTHxHEIGHT"):
        run(*argv, "--size", "640")


def test_options_may_stand_between_the_inputs(tmp_path, capsys):
    for name in ("a", "b"):
        write_shard({name: flat(["regen"])}, tmp_path / f"{name}.safetensors")
    argv = (tmp_path / "a.safetensors", "--lift", "fast", "-o", tmp_path / "out", tmp_path / "b.safetensors")
    assert run("lift", *argv) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.safetensors", "b.safetensors"]


def test_one_clip_is_chosen_by_name(two, tmp_path, capsys):
    assert run("lift", two, "--clip", "b", "--lift", "fast", "-o", tmp_path / "out") == 0
    assert list(read_poses(tmp_path / "out" / "two.safetensors")) == ["b"]
    assert run("lift", two, "--clip", "c", "--lift", "fast", "-o", tmp_path / "out") == 2
    assert "holds 2 clips, none is called 'c': a, b" in capsys.readouterr().err


def test_a_clip_without_anybody_is_left_out_of_a_file_with_a_warning(tmp_path, capsys):
    """As of `slt shards lift`, and as `slt refine` ends; a clip that fails is another matter."""
    about = Provenance("n", units="pixel")
    nobody = PoseSequence(np.full((5, 50, 2), np.nan), np.zeros((5, 50)), 25, SIGNING_50, about)
    deep = perform(["regen"], 1)
    lift = ("lift", tmp_path / "s.safetensors", "--lift", "fast", "-o", tmp_path / "out")
    write_shard({"good": flat(["regen"]), "nobody": nobody}, tmp_path / "s.safetensors")
    assert run(*lift) == 0
    assert list(read_poses(tmp_path / "out" / "s.safetensors")) == ["good"]
    error = capsys.readouterr().err
    assert f"{tmp_path / 's.safetensors'}: warning: clip nobody is left out: n: nobody is seen in any" in error
    write_shard({"good": flat(["regen"]), "nobody": nobody, "deep": deep}, tmp_path / "s.safetensors")
    assert run(*lift) == 2
    error = capsys.readouterr().err
    assert "1 of 3 clips failed" in error and "deep: " in error and "clip nobody is left out" in error
    write_shard({"a": nobody, "b": nobody}, tmp_path / "s.safetensors")
    assert run(*lift) == 3


def test_a_format_that_cannot_hold_the_result_is_refused_before_the_work(two, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("slt.cli.stages.build_estimator", lambda *a: pytest.fail("began to estimate"))
    with pytest.raises(InputError, match=r"gives 2D poses, \.skels files hold 3D"):
        run("poses", tmp_path / "s.mp4", "--suffix", ".skels")
    monkeypatch.setattr("skeletor.lifters.fast_lifter.FastLifter.__call__", lambda *a: pytest.fail("began to lift"))
    assert run("lift", two, "--lift", "fast", "--suffix", ".pose", "-o", tmp_path / "out") == 2
    assert run("lift", two, "--lift", "fast", "--suffix", ".skels", "--fps", "30", "-o", tmp_path / "out") == 2
    assert run("refine", two, "--refine", "savgol", "--suffix", ".skels", "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    for part in ("a .pose file holds one", "30 frames per second, .skels files have 25", "gives 2D poses"):
        assert part in error
    assert not list((tmp_path / "out").glob("*"))


def test_a_failure_leaves_no_older_result_beside_it(tmp_path, capsys):
    out = tmp_path / "out"
    write_shard({"c": flat(["regen"])}, tmp_path / "c.safetensors")
    assert run("lift", tmp_path / "c.safetensors", "--lift", "fast", "-o", out) == 0
    (tmp_path / "c.safetensors").write_bytes(b"damaged")
    assert run("lift", tmp_path / "c.safetensors", "--lift", "fast", "-o", out) == 2
    assert not list(out.iterdir())


def test_3d_is_not_lifted_again(tmp_path, capsys):
    write_skels({"c": perform(["regen"], 1)}, tmp_path / "c.skels")
    assert run("lift", tmp_path / "c.skels", "--lift", "fast", "-o", tmp_path / "out") == 2
    assert "c: is 3D already; `slt refine` and `slt translate` take it" in capsys.readouterr().err


def test_poses_without_anybody_are_nothing_to_repair_or_lift(tmp_path, capsys):
    pose = flat(["regen"])
    empty = pose.replace(np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence))
    write_shard({"c": empty}, tmp_path / "c.safetensors")
    for command, options in (("refine", ()), ("refine", ("--refine", "savgol")), ("lift", ("--lift", "fast"))):
        assert run(command, tmp_path / "c.safetensors", *options, "-o", tmp_path / "out") == 3
        shown = capsys.readouterr().err
        assert shown.count("\n") == 1 and "nobody" in shown
    write_shard({"c": empty, "d": pose}, tmp_path / "d.safetensors")
    assert run("refine", tmp_path / "d.safetensors", "-o", tmp_path / "out") == 0
    assert "d.safetensors#c: warning: nobody was found" in capsys.readouterr().err


def test_the_frame_rate_of_frames_is_told_and_nobody_is_not_passed_over(tmp_path, capsys):
    folder = frames(tmp_path / "P01.S02.T01")
    assert run("poses", folder, "--fps", "30", "-o", tmp_path / "out") == 3
    shown = capsys.readouterr()
    pose = read_pose(tmp_path / "out" / "P01.S02.T01.safetensors")
    assert pose.fps == 30 and len(pose) == 4
    assert list(read_poses(tmp_path / "out" / "P01.S02.T01.safetensors")) == [folder.name]
    assert "30 fps" in shown.out and "body 0 % (longest loss 0.13 s)" in shown.out
    assert shown.err.count("\n") == 1 and f"{folder}: nobody was found in any of its 4 frames" in shown.err


def test_a_frame_rate_that_no_input_tells_is_said_once_a_batch(tmp_path, capsys):
    from skeletor.io.openpose_json import write_pose

    inputs = [tmp_path / name for name in ("a", "b", "c.npy")]
    for path in inputs[:2]:
        write_pose(flat(["regen"]), path)
    np.save(inputs[2], flat(["regen"]).keypoints)
    for command in (["lift"], ["poses", "--estimator", "openpose-json"], ["poses", "--estimator", "poses"]):
        given = inputs[:2] if "openpose-json" in command else inputs
        assert run(*command, *given, "-o", tmp_path / "out") == 0
        (told,) = [line for line in capsys.readouterr().err.splitlines() if "frame rate" in line]
        assert told.startswith(f"{inputs[0]}: tells no frame rate; 25 frames a second are assumed, and of others")
        assert run(*command, *given, "-o", tmp_path / "out", "--fps", 25) == 0
        assert "frame rate" not in capsys.readouterr().err
    written = [tmp_path / "out" / f"{path.stem}.safetensors" for path in inputs]
    assert run("lift", *written, "-o", tmp_path / "lifted") == 0
    assert "frame rate" not in capsys.readouterr().err, "it was told when they were read"


def test_poses_among_pictures_are_told_apart(two, tmp_path, capsys):
    video = tmp_path / "v.mp4"
    write_video(video, [np.zeros((64, 48, 3), np.uint8)] * 3, 25)
    with pytest.raises(InputError, match=r"--clip a: is for files of poses"):
        run("poses", video, "--clip", "a", "-o", tmp_path / "out")
    assert run("poses", two, "-o", tmp_path / "out") == 2
    assert "these are poses, no pictures; --estimator poses reads them" in capsys.readouterr().err
    assert run("poses", two, "--estimator", "poses", "-o", tmp_path / "out") == 0
    assert set(read_poses(tmp_path / "out" / "two.safetensors")) == {"a", "b"}
    assert run("poses", video, "--fps", "30", "-o", tmp_path / "out") == 3
    assert "a video has its own frame rate; --fps 30 is not used" in capsys.readouterr().err


def test_somebody_else_in_the_picture_is_said(tmp_path, capsys):
    pose = flat(["regen"])
    record = StageRecord(STAGE, "1", {"others": 1, "other": "left"})
    write_shard({"c": pose.replace(stage=record)}, tmp_path / "c.safetensors")
    assert run("lift", tmp_path / "c.safetensors", "--lift", "fast", "-o", tmp_path / "out") == 0
    assert (
        "another person was seen at the left of the picture; the one at the right was taken" in capsys.readouterr().err
    )


@pytest.mark.parametrize("kind", ["2d", "skels", "json", "holistic"])
def test_poses_without_pictures_are_drawn_on_paper(tmp_path, kind):
    pose = flat(["regen", "wind"])
    if kind == "2d":
        source = tmp_path / "c.x.safetensors"
        write_shard({"c": pose}, source)
    elif kind == "skels":
        source = tmp_path / "c.x.skels"
        write_skels({"c": perform(["regen", "wind"], 1)}, source)
    elif kind == "json":
        from skeletor.io.openpose_json import write_pose

        source = tmp_path / "c.x"
        write_pose(pose, source)
    else:
        points = np.full((14, 75, 2), np.nan, np.float32)
        for k, name in enumerate(MEDIAPIPE_75.joints):
            if name in SIGNING_50.joints:
                points[:, k] = pose.keypoints[:, SIGNING_50.index(name)]
        sure = (~np.isnan(points[..., 0])).astype(np.float32)
        source = tmp_path / "c.x.safetensors"
        write_shard({"c": PoseSequence(points, sure, 25, MEDIAPIPE_75, pose.provenance)}, source)
    argv = ("--refine", "savgol", "--lift", "fast", "-o", tmp_path / "out")
    assert run("view", source, *argv) == 0
    with open_video(tmp_path / "out" / "c.x.view.mp4") as video:
        drawn = list(video)
    assert len(drawn) == 14 and video.fps == 25
    halves = np.split(drawn[5][30:], 2, axis=1)
    for half in halves:  # white paper, and a skeleton on it
        assert np.median(half) > 250 and (half.min(2) < 200).sum() > 300


def test_each_clip_of_a_file_has_a_view_of_its_own(two, tmp_path, capsys):
    assert run("view", two, "--refine", "savgol", "--lift", "fast", "-o", tmp_path / "out") == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["two#a.view.mp4", "two#b.view.mp4"]
    assert run("view", two, "--refine", "savgol", "--lift", "fast", "--clip", "b", "-o", tmp_path / "one") == 0
    assert [p.name for p in (tmp_path / "one").iterdir()] == ["two.view.mp4"]


def test_a_clip_without_anybody_does_not_take_the_others_along_in_skels(tmp_path, capsys):
    points = np.random.default_rng(0).normal(size=(6, 50, 3)).astype(np.float32)
    someone = PoseSequence(points, np.ones((6, 50)), 25, SIGNING_50)
    nobody = PoseSequence(np.full((6, 50, 3), np.nan), np.zeros((6, 50)), 25, SIGNING_50)
    write_shard({"a": someone, "nobody": nobody, "b": someone}, tmp_path / "three.safetensors")
    argv = [
        str(tmp_path / "three.safetensors"),
        "--refine",
        "savgol",
        "--suffix",
        ".skels",
        "-o",
        str(tmp_path / "out"),
    ]
    assert stages.main("refine", argv, "") == 2
    assert "1 of 3 clips failed" in capsys.readouterr().err
    assert set(read_poses(tmp_path / "out" / "three.skels")) == {"a", "b"}


def test_pose_files_in_the_layout_of_mediapipe_and_no_others(two, tmp_path):
    argv = ("--clip", "a", "--layout", "mediapipe", "-o", tmp_path / "out")
    assert run("lift", two, *argv, "--suffix", ".pose") == 0
    read = read_pose(tmp_path / "out" / "two.pose")
    assert read.skeleton == MEDIAPIPE_75 and read.provenance.units == "pixel"
    with pytest.raises(InputError, match=r"--layout is for \.pose files"):
        run("lift", two, *argv)


def test_anonymised_poses_have_the_mean_signers_bones_and_do_not_name_their_source(two, tmp_path):
    assert run("lift", two, "--anonymise", "-o", tmp_path / "out") == 0
    assert (
        run("refine", tmp_path / "out" / "two.safetensors", "--anonymise", "--refine", "savgol", "-o", tmp_path / "r")
        == 0
    )
    for folder in ("out", "r"):
        for pose in read_poses(tmp_path / folder / "two.safetensors").values():
            upper = pose.keypoints[:, 3] - pose.keypoints[:, 2]
            np.testing.assert_allclose(np.linalg.norm(upper, axis=1), 0.912, atol=1e-5)
            assert pose.provenance.source == "" and pose.provenance.stage("anonymise") is not None
    assert run("refine", two, "--anonymise", "--refine", "savgol", "-o", tmp_path / "flat") == 2


def test_people_in_turns_are_lifted_by_themselves(tmp_path):
    first, second = flat(["regen", "wind"], 1), flat(["wind", "sonne"], 2)
    points = np.concatenate([first.keypoints, 2 * second.keypoints + 500])
    both = PoseSequence(points, np.ones(points.shape[:2]), 25, SIGNING_50, Provenance("both", units="pixel"))
    cut = len(first)
    turned = with_turns(both, [Turn(0, cut, 1), Turn(cut, len(both), 2)], ["", ""])
    write_shard(
        {"both": turned, "a": turned.frames(0, cut), "b": turned.frames(cut, len(both))}, tmp_path / "in.safetensors"
    )
    assert run("lift", tmp_path / "in.safetensors", "--lift", "fast", "-o", tmp_path / "out") == 0
    made = read_poses(tmp_path / "out" / "in.safetensors")
    np.testing.assert_array_equal(made["both"].keypoints[:cut], made["a"].keypoints)
    np.testing.assert_array_equal(made["both"].keypoints[cut:], made["b"].keypoints)
    with pytest.raises(InputError, match="several people in turns cannot be lifted as one"):
        build_lifter(LIFTERS.check({"mode": "fast"}, "test"))(turned)


def test_people_in_turns_are_viewed_as_they_are_refined_by_themselves():
    pose = perform(["regen", "wind", "sonne"], 1)
    turned = with_turns(pose, [Turn(0, 20, 1), Turn(20, len(pose), 2)], ["", ""])
    refiner = build_refiner(SavgolOptions())
    raw, refined = before_and_after(turned, build_lifter(LIFTERS.parse({})), refiner)
    parts = [refiner(turned.frames(0, 20)), refiner(turned.frames(20, len(pose)))]
    np.testing.assert_array_equal(refined.keypoints, np.concatenate([part.keypoints for part in parts]))
    assert raw is turned
