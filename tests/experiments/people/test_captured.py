"""Lifters on captured 3D signing, on a made-up body."""

from pathlib import Path

import numpy as np
import pytest

from experiments.people.captured import arm_errors, judge_lifters, read_captured, truth_of
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError


def body(frames: int = 20, seed: int = 0) -> np.ndarray:
    """(T, 8, 3) metres: nose, neck, right shoulder, elbow, wrist, left ones; wrists before the body."""
    rest = [(0, -0.2, 0), (0, 0, 0), (-0.18, 0, 0), (-0.22, 0.28, 0.02), (-0.1, 0.2, 0.25), (0.18, 0, 0),
            (0.22, 0.28, 0.02), (0.1, 0.2, 0.25)]  # fmt: skip
    points = np.repeat(np.array(rest, np.float32)[None], frames, 0)
    points[:, 4] += np.linspace(0, 0.15, frames)[:, None] * np.array([-1, -1, 0], np.float32)
    return points + np.random.default_rng(seed).normal(0, 0.002, points.shape).astype(np.float32)


def test_the_truth_scaled_is_no_error_and_depth_0_is_the_depth_itself() -> None:
    truths = [truth_of(body(), "hands missing")]
    assert arm_errors(truths, truths) == pytest.approx({"arms": 0, "wrist depth": 0}, abs=1e-6)
    middle = np.median(truths[0].keypoints[:, [2, 5]].mean(1), axis=0)
    scaled = [truths[0].replace((truths[0].keypoints - middle) * 1.3 + 5)]
    assert arm_errors(scaled, truths) == pytest.approx({"arms": 0, "wrist depth": 0}, abs=1e-5)
    flat = [truths[0].replace(truths[0].keypoints * np.array([1, 1, 0], np.float32))]
    assert arm_errors(flat, truths)["wrist depth"] == pytest.approx(0.25 / 0.36, rel=0.05)


def test_flat_hands_go_on_along_the_forearm() -> None:
    pose = truth_of(body(), "flat hands")
    assert not pose.missing.any()
    for side, out in (("right", 1), ("left", -1)):
        hand = pose.keypoints[:, SIGNING_50.group(f"{side}_hand")]
        wrist, elbow = (pose.keypoints[:, SIGNING_50.index(f"{side}_{j}")] for j in ("wrist", "elbow"))
        np.testing.assert_allclose(hand[:, 0], wrist, atol=1e-6)
        along = (wrist - elbow) / np.linalg.norm(wrist - elbow, axis=1, keepdims=True)
        np.testing.assert_allclose(((hand[:, 12] - wrist) * along).sum(1), 0.53, atol=1e-4)
        thumb = hand[:, 4] - hand[:, 20]
        assert (np.sign(thumb[:, 0]) == out).all()  # palms to the camera, fingers up: thumbs towards each other
    assert truth_of(body(), "hands missing").missing[:, 8:].all()


def test_inverse_kinematics_beats_a_plane(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{f"signer1_{k:02d}": body(seed=k) for k in range(3)}, signer2_00=body())
    assert {k: len(v) for k, v in read_captured(tmp_path / "a.npz", 2).items()} == {"signer1": 2, "signer2": 1}
    found = judge_lifters(tmp_path / "a.npz", [FastOptions()], 1)
    for hands in ("hands missing", "flat hands"):
        for signer in ("signer1", "signer2"):
            assert found["fast"][hands][signer]["arms"] < 0.5 * found["depth 0"][hands][signer]["arms"]
    np.savez(tmp_path / "b.npz", signer1_00=np.zeros((4, 9, 3)))
    with pytest.raises(InputError, match=r"signer1_00 has shape \(4, 9, 3\)"):
        read_captured(tmp_path / "b.npz", 1)
