"""Files in pieces: the same as whole clips, for any piece; bytes of the format's own writer; nothing half-written."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.cli import main
from skeletor.io import native
from skeletor.io.piecewise import ClipForm, write_pieces
from skeletor.poses.absent import known_absent, mark_absent
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import custom_skeleton
from skeletor.poses.turns import Turn, with_turns
from skeletor.refiners.inference import stream_file
from skeletor.refiners.inference.stream_file import refine_file
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.weights import save_refiner
from skeletor.support.errors import InputError
from tests.skeletor.refiners.inference.test_stream import LINEAR, LOADED, broken_clip

torch.set_num_threads(1)


def in_pixels(pose: PoseSequence) -> PoseSequence:
    """The same signer somewhere in a picture."""
    moved = (pose.keypoints * 80 + np.array([320, 240, 0], np.float32)).astype(np.float32)
    return PoseSequence(moved, pose.confidence, pose.fps, pose.skeleton, Provenance(source="x.mp4", units="pixel"))


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 90), st.integers(1, 40), st.integers(0, 99), st.sampled_from([1, 2, 5]), st.booleans())
def test_a_file_in_pieces_is_refined_as_whole_clips(
    frames: int, chunk: int, seed: int, stride: int, pixels: bool
) -> None:
    clip = broken_clip(frames, seed)
    seen = clip.keypoints.copy()
    sure = clip.confidence.copy()
    for joint in ("neck", "left_shoulder", "right_shoulder"):  # broken_clip may hide them for good
        j = clip.skeleton.index(joint)
        seen[0, j], sure[0, j] = np.array([0, 0.1 * j, 0]), 0.9
    clip = clip.replace(seen, sure)
    poses = {"b": in_pixels(clip) if pixels else clip, "a": broken_clip(3, seed + 1)}
    refiner = SkeletorRefiner(LOADED, stride=stride)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
        native.write_shard(poses, source)
        done = refine_file(source, target, refiner, chunk=chunk)
        assert (done.clips, done.frames) == (2, frames + 3)
        out = native.open_shard(target)
        for name, pose in poses.items():
            whole = refiner(pose)
            unit = np.abs(whole.keypoints).max() + 1
            np.testing.assert_allclose(out[name].keypoints, whole.keypoints, atol=1e-5 * unit)
            np.testing.assert_array_equal(out[name].confidence, whole.confidence)
            assert out[name].provenance == whole.provenance and out[name].fps == whole.fps


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 7), st.booleans())
def test_pieces_give_the_bytes_of_the_whole(lengths: list[int], size: int, own: bool) -> None:
    rng = np.random.default_rng(len(lengths))
    skeleton = custom_skeleton(4) if own else LOADED.info.skeleton
    poses = {
        f"clip {k}": PoseSequence(
            rng.normal(size=(n, len(skeleton), 3)).astype(np.float32),
            rng.random((n, len(skeleton)), np.float32),
            25,
            skeleton,
            Provenance(source=f"ä{k}", units="shoulder"),
        )
        for k, n in enumerate(lengths)
    }
    forms = {n: ClipForm(len(p), p.dims, p.fps, p.skeleton, p.provenance) for n, p in poses.items()}
    with tempfile.TemporaryDirectory() as folder:
        whole, pieces = Path(folder) / "whole.safetensors", Path(folder) / "pieces.safetensors"
        native.write_shard(poses, whole)
        with write_pieces(forms, pieces) as writer:
            for name, pose in reversed(poses.items()):
                for k in range(0, len(pose), size):
                    writer.append(name, pose.keypoints[k : k + size], pose.confidence[k : k + size])
        assert pieces.read_bytes() == whole.read_bytes()


def test_a_file_that_is_not_whole_does_not_appear(tmp_path: Path) -> None:
    pose = broken_clip(5, 0)
    form = ClipForm(len(pose), pose.dims, pose.fps, pose.skeleton, pose.provenance)
    with pytest.raises(ValueError, match="not whole"), write_pieces({"x": form}, tmp_path / "x.safetensors") as writer:
        writer.append("x", pose.keypoints[:3], pose.confidence[:3])
    with pytest.raises(ValueError, match="after 0 of 5"), write_pieces({"x": form}, tmp_path / "x.safetensors") as w:
        w.append("x", pose.keypoints[:3], pose.confidence[:2])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_opened_anew_on_the_way_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, once, often = (tmp_path / f"{name}.safetensors" for name in ("in", "once", "often"))
    native.write_shard({"a": broken_clip(40, 3), "b": broken_clip(30, 4)}, source)
    refiner = SkeletorRefiner(LOADED)
    refine_file(source, once, refiner, chunk=7)
    opened: list[Path] = []

    def opening(path: Path, fps: float | None = None) -> native.Shard:
        opened.append(path)
        return native.open_shard(path, fps)

    monkeypatch.setattr(stream_file, "open_shard", opening)
    monkeypatch.setattr(stream_file, "MAPPED_FRAMES", 10)
    refine_file(source, often, refiner, chunk=7)
    assert len(opened) > 3 and often.read_bytes() == once.read_bytes()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, source = tmp_path / "weights.safetensors", tmp_path / "in.safetensors"
    save_refiner(LOADED.model, LOADED.info, weights)
    native.write_shard({"clip": broken_clip(70, 1)}, source)
    whole, streamed = tmp_path / "whole.safetensors", tmp_path / "streamed.safetensors"
    common = ["refine", str(source), "--weights", str(weights), "--device", "cpu"]
    assert main([*common, "-o", str(whole), "--absent", "filled"]) == 0
    assert main([*common, "-o", str(streamed), "--stream"]) == 0
    assert "frames behind" in capsys.readouterr().out
    assert main([*common, "-o", str(streamed), "--stream", "--absent", "missing"]) == 2
    assert "leave out --absent missing" in capsys.readouterr().err
    one, two = native.read_pose(whole), native.read_pose(streamed)
    np.testing.assert_allclose(two.keypoints, one.keypoints, atol=1e-5)
    assert one.provenance == two.provenance


def test_what_cannot_be_streamed_is_an_input_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    native.write_shard({"clip": broken_clip(9, 1)}, source)
    refiner = SkeletorRefiner(LOADED)
    with pytest.raises(InputError, match="50 frames per second, the refiner 25"):
        refine_file(source, target, refiner, fps=50)
    with pytest.raises(InputError, match="leave out --stream"):
        refine_file(source, tmp_path / "out.pose", refiner)
    with pytest.raises(InputError, match="cannot be mapped"):
        refine_file(source, target, SkeletorRefiner(LINEAR))
    assert main(["refine", str(source), "-o", str(target), "--refiner", "linear", "--stream"]) == 2
    assert "looks at the whole clip" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]


def test_absent_hands_stay_missing_in_pieces(tmp_path: Path) -> None:
    clip = broken_clip(90, 3)
    gone = np.zeros((90, len(clip.skeleton)), bool)
    gone[20:70, list(clip.skeleton.group("left_hand"))] = True
    pose = mark_absent(clip, gone)
    refiner = SkeletorRefiner(LOADED)
    native.write_shard({"a": pose}, tmp_path / "in.safetensors")
    refine_file(tmp_path / "in.safetensors", tmp_path / "out.safetensors", refiner, chunk=7)
    refined = native.open_shard(tmp_path / "out.safetensors")["a"]
    np.testing.assert_array_equal(refined.missing, known_absent(pose))
    assert gone[refined.missing].any() and not refined.missing.all()
    np.testing.assert_allclose(refined.keypoints, refiner(pose).keypoints, atol=1e-4)


def test_people_in_turns_are_not_refined_as_one(tmp_path: Path) -> None:
    clip = with_turns(broken_clip(20, 1), [Turn(0, 8, 1), Turn(8, 20, 2)], [])
    native.write_shard({"a": clip.frames(0, 8)}, tmp_path / "one.safetensors")
    native.write_shard({"a": clip}, tmp_path / "two.safetensors")
    refiner = SkeletorRefiner(LOADED)
    assert refine_file(tmp_path / "one.safetensors", tmp_path / "out.safetensors", refiner).frames == 8
    with pytest.raises(InputError, match="sign in turns; leave out --stream"):
        refine_file(tmp_path / "two.safetensors", tmp_path / "other.safetensors", refiner)
    assert not (tmp_path / "other.safetensors").exists()
