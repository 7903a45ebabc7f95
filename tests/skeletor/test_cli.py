"""The `skeletor` command: what it writes, and how it ends."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from skeletor.cli import main
from skeletor.io import native, openpose_json, skels
from skeletor.io.formats import read_pose, read_poses
from skeletor.learning.measured import read_noise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.registry import smoother_names
from skeletor.refiners.weights import load_refiner
from skeletor.support.command import run_command
from skeletor.support.errors import InputError, NothingToTranslate
from tests.skeletor.refiners.tiny import clips, config


@pytest.fixture(name="shard")
def _shard(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    native.write_shard({f"clip{k}": pose for k, pose in enumerate(clips(3))}, tmp_path / "poses.safetensors")
    return tmp_path / "poses.safetensors"


def test_train_refine_evaluate(shard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = {"data": [str(shard)], "out": str(tmp_path / "run"), "device": "cpu", "licence": "CC0"}
    job["train"] = config(max_steps=2).model_dump(mode="json")
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["train", str(tmp_path / "job.yaml")]) == 0
    weights = capsys.readouterr().out.strip()
    out = tmp_path / "refined.safetensors"
    assert main(["refine", str(shard), "-o", str(out), "--weights", weights, "--radius", "4", "--stride", "2"]) == 0
    assert list(native.open_shard(out)) == ["clip0", "clip1", "clip2"]
    capsys.readouterr()
    assert main(["evaluate", str(out), str(shard), "--json"]) == 0
    errors = json.loads(capsys.readouterr().out)
    assert 0 < errors["mpjpe"]["all"] < 0.2 and errors["frames"] == 120
    capsys.readouterr()
    assert main(["refine", str(shard), "--weights", weights, "--refiner", "temporal-mlp"]) == 2
    assert "weights of skeletor" in capsys.readouterr().err


def test_noise_is_fitted_and_trained_with(shard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The training has its jitter as the network's bound, and keeps what was measured in the header."""
    noise, config = tmp_path / "noise.json", tmp_path / "train.yaml"
    assert main(["fit-noise", str(shard), "-o", str(noise)]) == 0
    assert "jitter of hands" in capsys.readouterr().out
    model = "{kind: harmless, d_model: 16, d_ff: 16, heads: 2, layers: 1}"
    train = f"{{preset: harmless, model: {model}, window: 16, margin: 2, batch_size: 4, max_steps: 2}}"
    config.write_text(f"data: [{shard}]\nout: {tmp_path / 'out'}\nnoise: {noise}\ntrain: {train}\n")
    assert main(["train", str(config)]) == 0
    info = load_refiner(tmp_path / "out" / "refiner.safetensors").info
    measured = read_noise(noise)
    assert info.model["bound"] == max(measured.hand_jitter, measured.body_jitter)
    assert info.config["corruption"]["measured"] == measured.model_dump()
    assert main(["fit-noise", str(shard), "-o", str(noise), "--fps", "0"]) == 2
    assert "--fps" in capsys.readouterr().err


@pytest.mark.parametrize("name", [n for n in smoother_names() if n not in ("zero", "hold", "linear", "cubic")])
def test_refine_with_a_baseline(name: str, shard: Path, tmp_path: Path) -> None:
    assert main(["refine", str(shard), "--refiner", name]) == 0
    refined = read_pose(tmp_path / "poses.refined.safetensors", "clip1")
    assert refined.provenance.stages[-1].config["name"] == name
    assert not np.array_equal(refined.keypoints, read_pose(shard, "clip1").keypoints)


def test_refine_repairs_with_the_packages_own_weights(shard: Path, tmp_path: Path) -> None:
    assert main(["refine", str(shard)]) == 0
    stage = read_pose(tmp_path / "poses.refined.safetensors", "clip1").provenance.stages[-1]
    assert (stage.config["name"], stage.config["preset"]) == ("skeletor", "harmless")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["refine", "missing.safetensors", "--refiner", "linear"], "missing.safetensors"),
        (["refine", "SHARD", "--refiner", "temporal-mlp"], "either --weights"),
        (["refine", "SHARD", "--refiner", "kalman", "--weights", "SHARD"], "either --weights"),
        (["refine", "SHARD", "--refiner", "linear", "-o", "SHARD"], "is the input itself"),
        (["refine", "SHARD", "--refiner", "linear", "-o", "x.pose"], "3 clips"),
        (["refine", "SHARD", "--weights", "SHARD"], "not the weights"),
        (["train", "missing.yaml"], "missing.yaml"),
        (["evaluate", "SHARD", "missing.safetensors"], "missing.safetensors"),
        (["evaluate", "SHARD", "SHARD", "--pck", "0"], "--pck 0"),
        (["evaluate", "SHARD", "SHARD", "--pck", "nan"], "--pck nan"),
        (["pack", "SHARD", "-o", "store", "--fps", "inf"], "--fps inf"),
        (["pack", "SHARD", "-o", "store", "--fps", "1e9"], "--fps 1e+09"),
        (["fit-noise", "SHARD", "-o", "noise.json", "--fps", "1e-9"], "--fps 1e-09"),
        (["fit-noise", "SHARD", "-o", "SHARD"], "written as JSON"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], message: str, shard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main([str(shard) if a == "SHARD" else a for a in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and error.startswith("skeletor: ")
    assert sorted(tmp_path.iterdir()) == before  # nothing half-written


def test_how_commands_end(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException):
        def function() -> int:
            raise error

        return function

    assert run_command(lambda: None, "x") == 0
    assert run_command(lambda: 4, "x") == 4
    assert run_command(fail(InputError("two\nlines")), "x") == 2
    assert capsys.readouterr().err == "x: two lines\n"
    assert run_command(fail(NothingToTranslate("nobody")), "x") == 3
    assert run_command(fail(KeyboardInterrupt()), "x") == 130
    capsys.readouterr()
    assert run_command(fail(ValueError("oops")), "x") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert run_command(fail(ValueError("oops")), "x", debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


def moving(frames: int) -> PoseSequence:
    points = np.random.default_rng(frames).normal(0, 1, (frames, 50, 3))
    return PoseSequence(points, np.ones((frames, 50)), 25, SIGNING_50, Provenance("m", units="shoulder"))


def test_several_clips_are_written_to_what_holds_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    skels.write_poses({"a": moving(5), "b": moving(8)}, tmp_path / "s.skels")
    for name in ("out.skels", "out.safetensors"):
        assert main(["refine", str(tmp_path / "s.skels"), "--refiner", "savgol", "-o", str(tmp_path / name)]) == 0
        assert {k: len(p) for k, p in read_poses(tmp_path / name).items()} == {"a": 5, "b": 8}
    argv = ["refine", str(tmp_path / "s.skels"), "--refiner", "savgol", "--clip", "b", "-o"]
    assert main([*argv, str(tmp_path / "b.pose")]) == 0 and len(read_pose(tmp_path / "b.pose")) == 8
    argv[-2] = "c"
    assert main([*argv, str(tmp_path / "c.skels")]) == 2 and "none is called 'c': a, b" in capsys.readouterr().err


def test_what_can_never_be_written_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = PoseSequence(moving(5).keypoints[..., :2], np.ones((5, 50)), 25, SIGNING_50)
    native.write_shard({"flat": flat}, tmp_path / "f.safetensors")
    monkeypatch.setattr("skeletor.refiners.base.FunctionRefiner.many", lambda *a: pytest.fail("began to refine"))
    for name, part in (("o.skels", "hold 3D poses"), ("o.h5", "not written as .h5"), ("o.mp4", "not written as .mp4")):
        argv = ["refine", str(tmp_path / "f.safetensors"), "--refiner", "linear", "-o", str(tmp_path / name)]
        assert main(argv) == 2 and part in capsys.readouterr().err


def test_an_input_without_a_name_an_address_and_a_pipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = PoseSequence(moving(5).keypoints[..., :2] * 50 + 200, np.ones((5, 50)), 25, SIGNING_50)
    openpose_json.write_pose(flat, tmp_path / "P01.S02")
    monkeypatch.chdir(tmp_path / "P01.S02")
    assert main(["refine", ".", "--refiner", "savgol"]) == 0
    assert len(read_pose(tmp_path / "P01.S02.refined.safetensors")) == 5
    os.mkfifo(tmp_path / "pipe.pose")
    for text, part in (
        ("https://example.org/a.pose", "skeletor: https://example.org/a.pose: an address is not read"),
        (str(tmp_path / "pipe.pose"), "a pipe is not read"),
        ("/", "has no name"),
    ):
        assert main(["refine", text, "--refiner", "savgol"]) == 2
        error = capsys.readouterr().err
        assert part in error and error.count("\n") == 1


def test_the_frame_rate_counts_and_measures_without_a_value_are_null(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    native.write_shard({"a": moving(1)}, tmp_path / "a.safetensors")  # one frame has no speed
    assert main(["evaluate", str(tmp_path / "a.safetensors"), str(tmp_path / "a.safetensors"), "--json"]) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert values["frames"] == 1
    out = tmp_path / "o.safetensors"
    assert main(["refine", str(tmp_path / "a.safetensors"), "--refiner", "linear", "--fps", "50", "-o", str(out)]) == 0
    assert read_pose(out).fps == 50


def test_anonymised_in_the_layout_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pose,) = clips(1)
    native.write_pose(pose, tmp_path / "a.safetensors")
    argv = ["refine", str(tmp_path / "a.safetensors"), "--refiner", "savgol", "--anonymise"]
    assert main([*argv, "--layout", "mediapipe", "-o", str(tmp_path / "b.pose")]) == 0
    read = read_pose(tmp_path / "b.pose")
    assert read.skeleton.name == "mediapipe_75" and read.provenance.image_size == (512, 512)
    assert main([*argv, "--layout", "mediapipe", "-o", str(tmp_path / "b.safetensors")]) == 2
    assert main([*argv, "--stream", "-o", str(tmp_path / "c.safetensors")]) == 2
    assert "leave out --stream" in capsys.readouterr().err


def test_a_folder_of_other_things_is_not_replaced_by_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flat = PoseSequence(moving(5).keypoints[..., :2] * 50 + 200, np.ones((5, 50)), 25, SIGNING_50)
    native.write_pose(flat, tmp_path / "in" / "a.safetensors")
    before = (tmp_path / "in" / "a.safetensors").read_bytes()
    argv = ["refine", str(tmp_path / "in" / "a.safetensors"), "--refiner", "linear", "-o"]
    assert main([*argv, str(tmp_path / "in")]) == 2
    assert "holds a.safetensors, which would be lost" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["a.safetensors"]
    assert (tmp_path / "in" / "a.safetensors").read_bytes() == before
    for _ in range(2):  # a folder of its own frames is made anew
        assert main([*argv, str(tmp_path / "frames")]) == 0 and len(list((tmp_path / "frames").iterdir())) == 5


def test_what_is_not_measured_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    native.write_shard({"a": moving(5), "b": moving(6)}, tmp_path / "p.safetensors")
    native.write_shard({"b": moving(6), "c": moving(7), "d": moving(8)}, tmp_path / "t.safetensors")
    assert main(["evaluate", str(tmp_path / "p.safetensors"), str(tmp_path / "t.safetensors")]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("1 clips, lengths in shoulder widths: MPJPE all ")
    assert "t.safetensors: warning: 2 of its 3 clips are not in the other file, as c" in printed.err
    assert "p.safetensors: warning: 1 of its 2 clips are not in the other file, as a" in printed.err


def test_the_unit_is_told_and_what_cannot_be_compared_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def of(frames: int, units: str, dims: int = 3) -> PoseSequence:
        pose = moving(frames)
        return PoseSequence(
            pose.keypoints[..., :dims], pose.confidence, 25, SIGNING_50, replace(pose.provenance, units=units)
        )

    shards = {
        "truth": {"a": of(5, "shoulder"), "b": of(6, "shoulder")},
        "flat": {"a": of(5, "shoulder", 2), "b": of(6, "shoulder", 2)},
        "short": {"a": of(4, "shoulder"), "b": of(6, "shoulder")},
        "mixed": {"a": of(5, "shoulder"), "b": of(6, "pixel")},
        "untold": {"a": of(5, "unknown"), "b": of(6, "unknown")},
    }
    for name, shard in shards.items():
        native.write_shard(shard, tmp_path / f"{name}.safetensors")
    truth = str(tmp_path / "truth.safetensors")
    for name, words in (
        ("flat", "flat.safetensors: clip a: 2D, the truth is 3D"),
        ("short", "short.safetensors: clip a: 4 frames, the truth has 5"),
        ("mixed", "mixed.safetensors: lengths in pixels and shoulder widths cannot be compared"),
    ):
        assert main(["evaluate", str(tmp_path / f"{name}.safetensors"), truth]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1
    assert main(["evaluate", str(tmp_path / "mixed.safetensors"), str(tmp_path / "mixed.safetensors")]) == 2
    capsys.readouterr()
    untold = str(tmp_path / "untold.safetensors")
    assert main(["evaluate", untold, untold]) == 0
    assert capsys.readouterr().out.startswith("2 clips, lengths in the unit of the files: MPJPE")
    for name in ("truth", "untold"):
        assert main(["evaluate", str(tmp_path / f"{name}.safetensors"), truth]) == 0
        assert capsys.readouterr().out.startswith("2 clips, lengths in shoulder widths: MPJPE")
    assert main(["evaluate", truth, truth, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["units"] == "shoulder"


def test_clips_of_other_rates_are_not_compared_and_nobody_is_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = moving(6), moving(6)
    faster = PoseSequence(other.keypoints, other.confidence, 50, other.skeleton, other.provenance)
    nobody = PoseSequence(np.full((6, 50, 3), np.nan), np.zeros((6, 50)), 25, SIGNING_50, one.provenance)
    for name, pose in (("one", one), ("fast", faster), ("nobody", nobody)):
        native.write_shard({"a": pose}, tmp_path / f"{name}.safetensors")
    place = {name: str(tmp_path / f"{name}.safetensors") for name in ("one", "fast", "nobody", "out")}
    assert main(["evaluate", place["fast"], place["one"]]) == 2
    assert "50 frames a second, the truth has 25" in capsys.readouterr().err
    assert main(["evaluate", place["fast"], place["one"], "--fps", "25"]) == 0
    assert main(["evaluate", place["nobody"], place["one"], "--json"]) == 3
    printed = capsys.readouterr()
    assert "nothing was measured" in printed.err and "MPJPE" in printed.out
    assert main(["refine", place["nobody"], "--refiner", "linear", "-o", place["out"]]) == 3
    assert len(read_pose(place["out"])) == 6 and "nobody is seen" in capsys.readouterr().err
    (tmp_path / "empty.json").write_text(json.dumps([{"people": []}] * 4))  # in pixels, with the package's own weights
    assert main(["refine", str(tmp_path / "empty.json"), "-o", place["out"]]) == 3
    assert len(read_pose(place["out"])) == 4 and "nobody is seen" in capsys.readouterr().err


@pytest.mark.parametrize("dims", [2, 3])
def test_a_clip_without_anybody_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dims: int
) -> None:
    one = moving(9)
    one = one.replace(one.keypoints[..., :dims])
    nobody = one.replace(np.full_like(one.keypoints, np.nan), np.zeros((9, 50)))
    source, out = tmp_path / "s.safetensors", tmp_path / "out.safetensors"
    native.write_shard({"a": nobody, "b": one, "c": nobody}, source)
    assert main(["refine", str(source), "-o", str(out)]) == 0
    assert "s.safetensors: warning: nobody is seen in 2 of its 3 clips" in capsys.readouterr().err
    made = read_poses(out)
    assert list(made) == ["a", "b", "c"] and all(len(pose) == 9 for pose in made.values())
    assert made["a"].missing.all() and made["c"].missing.all() and not made["b"].missing.all()


def test_an_input_that_is_named_twice_is_packed_once(shard: Path, tmp_path: Path) -> None:
    same = str(shard.parent / "." / shard.name)
    assert main(["pack", str(shard), same, "-o", str(tmp_path / "store")]) == 0
    assert json.loads((tmp_path / "store" / "frames.json").read_text())["clips"] == 3


def test_the_first_input_gives_the_rate_also_if_it_is_named_again(tmp_path: Path) -> None:
    for name, fps in (("slow", 12.5), ("fast", 25.0)):
        pose = clips(1)[0]
        slower = PoseSequence(pose.keypoints, pose.confidence, fps, pose.skeleton, pose.provenance)
        native.write_shard({name: slower}, tmp_path / f"{name}.safetensors")
    slow, fast = str(tmp_path / "slow.safetensors"), str(tmp_path / "fast.safetensors")
    assert main(["pack", slow, fast, slow, "-o", str(tmp_path / "store")]) == 0
    assert json.loads((tmp_path / "store" / "frames.json").read_text())["form"]["fps"] == 12.5


def test_a_training_leaves_the_data_and_a_readme_of_others_alone(
    shard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("# My project\n")
    train = config(max_steps=1).model_dump(mode="json")
    job = {"data": [str(tmp_path)], "out": str(tmp_path), "device": "cpu", "train": train}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["train", str(tmp_path / "job.yaml")]) == 2 and "folder of the data" in capsys.readouterr().err
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job | {"out": ""}))
    assert main(["train", str(tmp_path / "job.yaml")]) == 2 and "'out'" in capsys.readouterr().err
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job | {"data": [str(shard)]}))
    assert main(["train", str(tmp_path / "job.yaml")]) == 0
    assert (tmp_path / "README.md").read_text() == "# My project\n"
    assert (tmp_path / "refiner.README.md").read_text().startswith("# Skeletor refiner")


def test_an_assumed_rate_is_told_once_of_both_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = [str(tmp_path / name) for name in ("a.npy", "b.npy")]
    points = np.random.default_rng(0).uniform(1, 9, (4, 137, 2))
    for file in files:
        np.save(file, points)
    assert main(["evaluate", *files, "--skeleton", "openpose_137"]) == 0
    assert sum("tells no frame rate" in line for line in caplog.messages) == 1
