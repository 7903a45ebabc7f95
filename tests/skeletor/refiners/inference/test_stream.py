"""Streaming: the same as the whole clip, however the frames come; the delay is kept; nothing grows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50, Skeleton, custom_skeleton
from skeletor.refiners.fill import fill_missing
from skeletor.refiners.inference import windowed
from skeletor.refiners.inference.stream import FillStream, Placement, RefinerStream, StreamingRefiner, averaging
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.networks.build import build_network
from skeletor.refiners.networks.skeletor import Skeletor
from skeletor.refiners.training.train import model_arguments
from skeletor.refiners.weights import LoadedRefiner, RefinerInfo
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips, config

torch.set_num_threads(1)


def random_refiner(skeleton: Skeleton = SIGNING_50, **changes: Any) -> LoadedRefiner:
    """An untrained network that changes everything."""
    c = config(window=8, **changes)
    generator = torch.Generator().manual_seed(0)
    arguments = model_arguments(c, skeleton, 3)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = build_network(arguments).eval()
    with torch.no_grad():
        model.out.weight.copy_(0.3 * torch.randn(model.out.weight.shape, generator=generator))
        model.rest.copy_(torch.randn(model.rest.shape, generator=generator))
        if isinstance(model, Skeletor):
            mix = torch.randn(len(skeleton), 5, generator=generator)
            model.covariance.copy_(mix @ mix.T + 0.1 * torch.eye(len(skeleton)))
    return LoadedRefiner(model, RefinerInfo("small", arguments, c.fill, c.minimum_confidence, skeleton, 25, "shoulder"))


LOADED = random_refiner()
ZERO = random_refiner(
    fill="zero", model={"kind": "paper", "d_model": 16, "d_ff": 32, "heads": 2, "layers": 1, "dropout": 0.0}
)
LINEAR = random_refiner(custom_skeleton(6), fill="linear")
HARMLESS = random_refiner(model={"kind": "harmless", "d_model": 16, "d_ff": 16, "heads": 2, "layers": 1})


def broken_clip(frames: int, seed: int, skeleton: Skeleton = SIGNING_50) -> PoseSequence:
    """With long and short gaps, hands that come late, and joints that are never seen."""
    rng = np.random.default_rng(seed)
    pose = clips(1, seed=seed, frames=frames, skeleton=skeleton)[0]
    gone = rng.random(pose.confidence.shape) < 0.2
    for _ in range(6):
        start, length = rng.integers(frames), rng.integers(1, 25)
        gone[start : start + length, rng.choice(len(skeleton), len(skeleton) // 2, replace=False)] = True
    gone[: rng.integers(frames + 1), 0], gone[:, 1] = True, True
    if skeleton is SIGNING_50:
        gone[: rng.integers(frames + 1), 29:] = True
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[gone], confidence[gone] = np.nan, 0
    confidence[rng.random(confidence.shape) < 0.1] = 0.0  # positions that nobody saw
    return pose.replace(keypoints, confidence)


def cut(pose: PoseSequence, sizes: list[int]) -> list[PoseSequence]:
    """In pieces of these sizes, repeated as long as it takes."""
    parts, start = [], 0
    while start < len(pose):
        size = sizes[len(parts) % len(sizes)] if any(sizes) else len(pose)
        parts.append(pose.frames(start, start + size))
        start += size
    return parts


sizes = st.lists(st.integers(0, 13), min_size=1, max_size=5)


@given(st.integers(1, 70), sizes, st.integers(1, 30), st.integers(0, 999), st.sampled_from([LOADED, ZERO, LINEAR]))
@settings(max_examples=60)
def test_gaps_are_filled_as_in_the_whole_clip(
    frames: int, sizes: list[int], horizon: int, seed: int, loaded: LoadedRefiner
) -> None:
    info, rest = loaded.info, loaded.model.rest
    pose = broken_clip(frames, seed, info.skeleton)
    points, confidence = torch.from_numpy(pose.keypoints), torch.from_numpy(pose.confidence)
    want = fill_missing(points[None], confidence[None], info.fill, 0.1, info.skeleton, rest, horizon)
    stream = FillStream(info.fill, 0.1, info.skeleton, rest, horizon)
    got, pushed = [], 0
    for part in cut(pose, sizes):
        got.append(stream.push(torch.from_numpy(part.keypoints), torch.from_numpy(part.confidence), last=False))
        pushed += len(part)
        assert sum(len(p) for p, _ in got) >= pushed - stream.delay
    got.append(stream.push(points[:0], confidence[:0], last=True))
    torch.testing.assert_close(torch.cat([p for p, _ in got]), want[0][0], atol=1e-6, rtol=0)
    assert torch.equal(torch.cat([c for _, c in got]), want[1][0])
    assert torch.isfinite(want[0]).all()


@given(
    st.integers(1, 60), sizes, st.integers(0, 3), st.integers(1, 7), st.integers(1, 20), st.integers(0, 999),
    st.sampled_from([LOADED, ZERO, HARMLESS]),
)  # fmt: skip
@settings(max_examples=60)
def test_a_stream_gives_what_the_whole_clip_gives_after_a_fixed_delay(
    frames: int, sizes: list[int], radius: int, stride: int, horizon: int, seed: int, loaded: LoadedRefiner
) -> None:
    stride = min(stride, 2 * radius + 1)
    pose = broken_clip(frames, seed)
    want = SkeletorRefiner(loaded, radius, stride, horizon=horizon)(pose).keypoints
    stream = StreamingRefiner(loaded, radius, stride, horizon, batch=5)
    got, pushed, out = [], 0, 0
    for part in cut(pose, sizes):
        got.append(stream.push(part.keypoints, part.confidence))
        pushed, out = pushed + len(part), out + len(got[-1])
        assert out >= pushed - stream.delay
    got.append(stream.finish())
    result = np.concatenate(got)
    assert result.shape == want.shape and result.dtype == np.float32
    np.testing.assert_allclose(result, want, atol=1e-5)


@given(st.integers(1, 25), st.integers(0, 99), st.sampled_from([1, 3]))
@settings(max_examples=10)
def test_a_long_clip_in_pieces_is_the_same_to_the_bit(chunk: int, seed: int, stride: int) -> None:
    pose = broken_clip(36, seed)
    refiner = SkeletorRefiner(LOADED, radius=3, stride=stride, batch=4, horizon=9)
    whole = refiner(pose).keypoints
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "GROUP_FRAMES", 12)
        patch.setattr(windowed, "CHUNK_FRAMES", chunk)
        np.testing.assert_array_equal(refiner(pose).keypoints, whole)
        many = refiner.many([pose.frames(0, 0), pose, pose.frames(0, 9), pose])
    np.testing.assert_array_equal(many[1].keypoints, whole)
    assert [len(p) for p in many] == [0, 36, 9, 36]


def test_buffers_do_not_grow() -> None:
    """After 400 frames a stream holds no more than after 100."""
    held = []
    stream = RefinerStream(LOADED, averaging(8, 3, 2), 10, 64, eager=True)
    pose = broken_clip(100, 3)
    for _ in range(4):
        for part in cut(pose, [7]):
            stream.push(part.keypoints, part.confidence)
        tensors = [
            x
            for part in (stream._fill, stream._fill._body, stream._fill._offset, stream._windows)
            for x in vars(part).values()
            if isinstance(x, torch.Tensor)
        ]
        held.append(sum(x.untyped_storage().nbytes() for x in tensors))
    assert max(held) < 1.5 * held[0]


def test_pixels_go_through_a_placement() -> None:
    pose = broken_clip(60, 4)
    centre = np.float32([320, 200, 0])
    pixels = pose.replace(pose.keypoints * 80 + centre, units="pixel")
    stream = StreamingRefiner(LOADED, placement=Placement(centre, 80.0))
    result = np.concatenate([stream.push(pixels.keypoints, pixels.confidence), stream.finish()])
    want = SkeletorRefiner(LOADED)(pose).keypoints * 80 + centre
    np.testing.assert_allclose(result, want, atol=0.02)
    whole = clips(1, frames=30)[0]
    found = Placement.of(whole.replace(whole.keypoints * 80 + centre, units="pixel"))
    np.testing.assert_allclose(found.centre, centre, atol=1e-3)
    assert found.scale == pytest.approx(80, rel=1e-5)


def test_wrong_use_is_an_input_error(tmp_path: Path) -> None:
    stream = StreamingRefiner(LOADED)
    with pytest.raises(InputError, match="frames have shape"):
        stream.push(np.zeros((3, 50, 2)))
    with pytest.raises(InputError, match="confidence has shape"):
        stream.push(np.zeros((3, 50, 3)), np.ones((2, 50)))
    with pytest.raises(InputError, match="centre"):
        StreamingRefiner(LOADED, placement=Placement(np.zeros(2), 1.0))
    with pytest.raises(InputError, match="stride"):
        StreamingRefiner(LOADED, radius=1, stride=4)
    assert stream.finish().shape == (0, 50, 3)
    with pytest.raises(InputError, match="finished"):
        stream.push(np.zeros((3, 50, 3)))
