"""Measured noise: what is planted into clips is found, and is drawn again."""

from pathlib import Path

import numpy as np
import pytest
import torch

from skeletor.files.plain_json import to_json
from skeletor.io.formats import write_poses
from skeletor.learning.corrupt import Corruption, body_of, corrupt
from skeletor.learning.fit_noise import fit_noise, read_clips
from skeletor.learning.measured import MeasuredNoise, gap_lengths, measured_runs, read_noise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.poses.turns import Turn, with_turns
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips

LEFT, RIGHT = list(range(8, 29)), list(range(29, 50))


def without(pose: PoseSequence, frames: slice, joints: list[int]) -> PoseSequence:
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    points[frames, joints], confidence[frames, joints] = np.nan, 0
    return pose.replace(points, confidence)


def noisy(pose: PoseSequence, deviation: float, seed: int) -> PoseSequence:
    noise = np.random.default_rng(seed).normal(size=pose.keypoints.shape) * deviation
    return pose.replace(pose.keypoints + noise)


def test_planted_gaps_are_counted() -> None:
    poses = clips(2)
    poses[0] = without(without(poses[0], slice(5, 6), LEFT), slice(5, 8), RIGHT)
    poses[1] = without(without(poses[1], slice(0, 10), LEFT), slice(20, 23), RIGHT)
    noise = fit_noise(poses, 25)
    assert noise.frames == 80 and noise.hand_gaps == [1, 0, 2] and noise.frame_gaps == []
    assert noise.hand_share == pytest.approx(7 / 160) and noise.absent_share == pytest.approx(10 / 17, abs=1e-6)
    assert noise.both_share == pytest.approx(2 / 7, abs=1e-6)  # one frame of each hand's gaps


def test_planted_jitter_is_found_and_motion_is_not_taken_for_it() -> None:
    still = fit_noise(clips(4, frames=200), 25)
    assert max(still.hand_jitter, still.body_jitter, still.depth_jitter) < 0.001
    found = fit_noise([noisy(pose, 0.01, k) for k, pose in enumerate(clips(4, frames=200))], 25)
    assert found.hand_jitter == pytest.approx(0.01, rel=0.1) and found.depth_jitter == pytest.approx(0.01, rel=0.1)
    assert found.body_jitter == pytest.approx(0.01, rel=0.1)


def test_units_and_skeleton_do_not_matter() -> None:
    pose = noisy(clips(1, frames=100, skeleton=BODY25_HANDS, dims=2)[0], 0.01, 0)
    pixels = PoseSequence(pose.keypoints * 200 + 300, pose.confidence, 25, BODY25_HANDS, Provenance(units="pixel"))
    assert fit_noise([pixels], 25).hand_jitter == pytest.approx(fit_noise([pose], 25).hand_jitter, rel=0.05)


def test_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="no frame in which anybody"):
        fit_noise([without(clips(1)[0], slice(0, 40), list(range(50)))], 25)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_was_detected_gives_finite_numbers_or_one_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(10):
        shape = (int(rng.integers(0, 9)), 50, int(rng.integers(2, 4)))
        points = rng.normal(size=shape).astype(np.float32) * np.float32(rng.choice([0, 1e-30, 1, 100, 1e20]))
        confidence = rng.choice([0, 0.05, 0.5, 1], shape[:2]).astype(np.float32)
        gone = rng.random(shape[:2]) < rng.choice([0, 0.3, 1])
        points[gone], confidence[gone] = np.nan, 0
        units = "shoulder" if rng.integers(2) else "pixel"
        try:
            pose = PoseSequence(points, confidence, 25.0, SIGNING_50, Provenance("x", units=units))
            found = fit_noise([pose, pose], 25).model_dump()
        except InputError as error:
            assert len(str(error).splitlines()) == 1
        else:
            assert all(np.isfinite(value) for value in found.values() if isinstance(value, float))
            assert MeasuredNoise.model_validate(found).frames == 2 * shape[0]


def test_folders_are_read_at_one_rate(tmp_path: Path) -> None:
    write_poses({"a": clips(1)[0]}, tmp_path / "a.safetensors")
    write_poses({"b": clips(1)[0]}, tmp_path / "b.safetensors")
    assert [(len(pose), pose.fps) for pose in read_clips([tmp_path], 12.5)] == [(20, 12.5)] * 2


def test_runs_have_the_measured_lengths_and_share() -> None:
    g = torch.Generator().manual_seed(0)
    lengths = gap_lengths([0, 0, 1], even=0.0, longest=8)
    gone = measured_runs((200, 100), torch.tensor(0.06), lengths, torch.zeros(1), g)
    edges = torch.nn.functional.pad(gone.int(), (1, 1)).diff(dim=1)
    starts, stops = (edges == 1).nonzero()[:, 1], (edges == -1).nonzero()[:, 1]
    runs = (stops - starts)[(stops < 100) & (starts > 0)]
    assert float((runs == 3).float().mean()) > 0.85  # two runs may touch
    assert float(gone.float().mean()) == pytest.approx(0.06, rel=0.1)
    assert gap_lengths([3, 1], 0.5, 4).tolist() == pytest.approx([0.5, 0.25, 0.125, 0.125])
    assert gap_lengths([], 0.0, 4).tolist() == [0.25] * 4


def measured(**changes: float | list[int]) -> MeasuredNoise:
    zero = dict.fromkeys(MeasuredNoise.model_fields, 0.0) | {
        "fps": 25.0,
        "frames": 1,
        "hand_gaps": [],
        "frame_gaps": [],
    }
    return MeasuredNoise.model_validate({**zero, **changes})


def test_corruption_draws_what_was_measured() -> None:
    """Hands together as often as measured, jitter of its size on each part."""
    points, confidence = torch.zeros(64, 60, 50, 3), torch.ones(64, 60, 50)
    body = body_of(SIGNING_50, torch.randn(50, 3, generator=torch.Generator().manual_seed(0)))
    names = ("frame_mask", "joint_mask", "frame_noise", "joint_noise", "hand_freeze", "hand_swap", "frame_drop")
    values = dict.fromkeys((*names, "jitter_speed", "even_gaps"), 0.0)
    noise = measured(both_share=1.0, hand_jitter=0.02, hand_gaps=[0, 5])
    options = Corruption.model_validate({**values, "hand_drop": 0.1, "vary": False, "measured": noise})
    moved, kept = corrupt(points, confidence, body, options, torch.Generator().manual_seed(1))
    left, right = kept[:, :, 8] > 0, kept[:, :, 29] > 0
    assert torch.equal(left, right) and 0.05 < float((~left).float().mean()) < 0.15
    seen = kept > 0
    assert float(moved[:, :, :8].abs().max()) == 0
    assert 0.015 < float(moved[..., 0][seen & (torch.arange(50) >= 8)].std()) < 0.06
    less = options.model_copy(update={"measured_jitter": 0.5})
    half = corrupt(points, confidence, body, less, torch.Generator().manual_seed(1))
    torch.testing.assert_close(half[0], moved / 2)


def test_a_file_of_noise_comes_back_and_others_are_refused(tmp_path: Path) -> None:
    noise = measured(both_share=0.25, hand_gaps=[3, 1])
    (tmp_path / "n.json").write_text(to_json(noise.model_dump(), 1))
    assert read_noise(tmp_path / "n.json") == noise
    (tmp_path / "x.json").write_text('{"fps": 25}')
    with pytest.raises(InputError, match=r"x\.json"):
        read_noise(tmp_path / "x.json")


def test_of_people_in_turns_each_turn_is_a_clip(tmp_path: Path) -> None:
    turns = [Turn(0, 13, 1), Turn(13, 40, 2)]
    write_poses({"talk": with_turns(clips(1, frames=40)[0], turns, ["left", "right"])}, tmp_path / "talk.safetensors")
    assert [len(pose) for pose in read_clips([tmp_path / "talk.safetensors"], 25.0)] == [13, 27]
