"""Refiners: any length, any frame rate, gaps, units; and the averaging of windows against a plain loop."""

from pathlib import Path

import numpy as np
import pytest
import torch

import skeletor
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.refiners.fill import fill_missing
from skeletor.refiners.inference import windowed
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.registry import REFINERS, build_refiner
from skeletor.refiners.trained import SkeletorOptions
from skeletor.refiners.training.train import load_refiner, train_refiner
from skeletor.refiners.weights import LoadedRefiner
from skeletor.repair import Repair
from skeletor.support.errors import InputError
from skeletor.support.listening import listening
from tests.skeletor.refiners.tiny import clips, config


@pytest.fixture(name="weights", scope="module")
def _weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return train_refiner(clips(4), config(max_steps=20), tmp_path_factory.mktemp("refiner")).weights


@pytest.fixture(name="loaded")
def _loaded(weights: Path) -> LoadedRefiner:
    return load_refiner(weights)


def gappy(pose: PoseSequence) -> PoseSequence:
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[3:6, 8:29], confidence[3:6, 8:29] = np.nan, 0  # a hand, for a while
    keypoints[:, 29:], confidence[:, 29:] = np.nan, 0  # the other one, always
    keypoints[7], confidence[7] = np.nan, 0  # a whole frame
    return pose.replace(keypoints, confidence)


@pytest.mark.parametrize("name", [name for name in REFINERS if name != "temporal-mlp"])
@pytest.mark.parametrize("frames", [0, 1, 2, 39])
def test_every_refiner_keeps_frames_confidence_and_units(name: str, frames: int, weights: Path) -> None:
    trained = {"weights": str(weights), "radius": 4, "stride": 4} if REFINERS[name].weighted else {}
    refiner = build_refiner(REFINERS.parse({"name": name, **trained}))
    pose = gappy(clips(1)[0]).frames(0, frames)
    result = refiner(pose)
    assert result.keypoints.shape == pose.keypoints.shape and result.keypoints.dtype == np.float32
    np.testing.assert_array_equal(result.confidence, pose.confidence)
    assert (result.fps, result.provenance.units) == (25, "shoulder")
    record = result.provenance.stages[-1]
    assert (record.name, record.version, record.config["name"]) == ("refine", refiner.version, name)
    if name == "none":
        np.testing.assert_array_equal(result.keypoints, pose.keypoints)
    if name == "skeletor":
        assert np.isfinite(result.keypoints).all()


@pytest.mark.parametrize("stride", [1, 3, 7])
@pytest.mark.parametrize("frames", [1, 5, 30])
def test_averaging_is_the_papers(loaded: LoadedRefiner, stride: int, frames: int) -> None:
    """A plain reading of section 4.2: pad, run every window, average those within r of the centre."""
    radius, window = 3, 16
    pose = clips(1, seed=7, frames=frames)[0]
    refiner = SkeletorRefiner(loaded, radius=radius, stride=stride, batch=4)
    info, model = loaded.info, loaded.model
    points, confidence = fill_missing(
        torch.from_numpy(pose.keypoints)[None], torch.from_numpy(pose.confidence)[None],
        info.fill, info.minimum_confidence, info.skeleton, model.rest,
    )  # fmt: skip
    pad = radius + window // 2
    index = np.clip(np.arange(-pad, frames + pad), 0, frames - 1)
    points, confidence = points[:, index], confidence[:, index]
    centres = range(-radius, frames + radius) if stride == 1 else range(0, frames + stride - 1, stride)
    total, count = np.zeros(pose.keypoints.shape), np.zeros(frames)
    for centre in centres:
        start = centre - window // 2 + pad
        with torch.no_grad():
            out = model(points[:, start : start + window], confidence[:, start : start + window])[0].numpy()
        for i in range(frames):
            if abs(i - centre) <= radius:
                total[i] += out[i - centre + window // 2]
                count[i] += 1
    if stride == 1:
        assert (count == 2 * radius + 1).all()
    np.testing.assert_allclose(refiner(pose).keypoints, total / count[:, None, None], atol=1e-5)


def test_many_equals_one_by_one(loaded: LoadedRefiner, monkeypatch: pytest.MonkeyPatch) -> None:
    refiner = SkeletorRefiner(loaded, radius=4, stride=4, batch=5)
    poses = [gappy(clips(1, seed=k, frames=n)[0]) for k, n in enumerate((9, 40, 12, 25))]
    poses.insert(2, poses[0].frames(0, 0))
    alone = [refiner(p).keypoints for p in poses]
    for limit in (10, 10**6):
        monkeypatch.setattr(windowed, "GROUP_FRAMES", limit)
        for one, other in zip(refiner.many(poses), alone, strict=True):
            np.testing.assert_allclose(one.keypoints, other, atol=1e-5)
    assert refiner.many([]) == []


def test_pixels_go_through_shoulder_widths_and_back(loaded: LoadedRefiner) -> None:
    refiner = SkeletorRefiner(loaded, radius=4, stride=4)
    pose = clips(1)[0]
    pixels = pose.replace(pose.keypoints * 80 + np.float32([320, 200, 0]), units="pixel")
    result = refiner(pixels)
    assert result.provenance.units == "pixel"
    want = refiner(pose).keypoints * 80 + np.float32([320, 200, 0])
    np.testing.assert_allclose(result.keypoints, want, atol=0.02)


def test_another_frame_rate_keeps_time(loaded: LoadedRefiner) -> None:
    """A slow motion at 50 fps: every second frame is near what 25 fps gives; nearly equal rates are taken as one."""
    refiner = SkeletorRefiner(loaded, radius=4, stride=2)
    slow = clips(1, frames=30)[0]
    fast = slow.resample(50.0)
    result = refiner(fast)
    assert len(result) == 60 and result.fps == 50
    means = (result.keypoints[0::2] + result.keypoints[1::2]) / 2
    assert np.abs(means - refiner(slow).keypoints)[2:-2].max() < 0.05
    near = refiner(slow.replace(fps=24.97))
    np.testing.assert_allclose(near.keypoints, refiner(slow).keypoints, atol=1e-6)
    assert len(refiner(slow.frames(0, 1).replace(fps=60.0))) == 1


def test_a_long_clip_says_how_far_it_is(loaded: LoadedRefiner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windowed, "GROUP_FRAMES", 30)
    monkeypatch.setattr(windowed, "CHUNK_FRAMES", 16)
    heard: list[tuple[str, int, int]] = []
    with listening(lambda *how_far: heard.append(how_far)):
        SkeletorRefiner(loaded, radius=4, stride=4)(clips(1, frames=40)[0])
    assert heard == [("parts of the clip", k, 3) for k in (1, 2, 3)] + [("groups of clips", 1, 1)]


def test_memory_is_flat_in_the_clips_length(loaded: LoadedRefiner) -> None:
    """The network never sees more than `batch` windows at a time."""
    sizes = []
    handle = loaded.model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    SkeletorRefiner(loaded, radius=4, stride=1, batch=8)(clips(1, frames=300)[0])
    handle.remove()
    assert max(sizes) <= 8 and sum(sizes) == 300 + 2 * 4


def test_what_does_not_fit_is_refused(loaded: LoadedRefiner, weights: Path, tmp_path: Path) -> None:
    refiner = SkeletorRefiner(loaded, radius=4, stride=4)
    with pytest.raises(InputError, match="skeleton"):
        refiner(clips(1, skeleton=custom_skeleton(50))[0])
    with pytest.raises(InputError, match="2D"):
        refiner(clips(1, dims=2)[0])
    with pytest.raises(InputError, match="stride"):
        SkeletorRefiner(loaded, radius=2, stride=6)
    with pytest.raises(InputError, match="radius"):
        SkeletorRefiner(loaded, radius=8, stride=1)  # the window has 16 frames
    with pytest.raises(InputError, match="weights is not set"):
        build_refiner(SkeletorOptions())
    with pytest.raises(InputError, match="no such file"):
        build_refiner(SkeletorOptions(weights=str(tmp_path / "none.safetensors")))
    nobody = clips(1)[0]
    nobody = nobody.replace(np.full_like(nobody.keypoints, np.nan), np.zeros((40, 50)), units="pixel")
    with pytest.raises(InputError, match="never seen"):
        refiner(nobody)


def test_plain_arrays(weights: Path) -> None:
    pose = gappy(clips(1, frames=40)[0])
    smoothed = skeletor.refine(pose.keypoints, units="shoulder")
    assert np.isfinite(smoothed[:, :29]).all()
    refined = skeletor.refine(pose.keypoints, pose.confidence, 25, SIGNING_50, weights, "shoulder")
    np.testing.assert_array_equal(refined, Repair(build_refiner(SkeletorOptions(weights=str(weights))))(pose).keypoints)
