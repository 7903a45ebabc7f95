"""Hands whose 3D is known, seen without perspective."""

import numpy as np
import pytest

from skeletor.lifters.kinematic import hand_depth


def rotations(count: int, seed: int) -> np.ndarray:
    """(count, 3, 3) random axes of left hands in the picture's left-handed space (y down, z to the camera)."""
    rng = np.random.default_rng(seed)
    turns, _ = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    turns[..., 2] = np.cross(turns[..., 0], turns[..., 1])
    return turns


@pytest.mark.parametrize("right", [False, True])
def test_one_of_the_two_tilts_is_the_true_one(right: bool) -> None:
    axes = rotations(200, 1)
    if right:
        axes[..., 2] *= -1
    size = np.random.default_rng(2).uniform(0.1, 2, 200)
    knuckles = np.einsum("fci,ki->fkc", axes[:, :2, :2], hand_depth.bases()[1:]) * size[:, None, None]
    maps = hand_depth.fit_palms(knuckles, np.ones((200, 4)))
    found = hand_depth.tilts(hand_depth.decompose(maps), size, np.full(200, right))
    error = np.abs(found - axes[:, None]).max((2, 3)).min(1)
    assert np.quantile(error, 0.9) < 0.02


def test_right_palm_to_the_camera() -> None:
    """A right hand held up, thumb to the picture's right, shows its palm: z out of the palm goes to the camera."""
    plane = hand_depth.bases()[1:] * np.array([1, -1])  # fingers up: y of the picture points down
    maps = hand_depth.fit_palms(plane[None], np.ones((1, 4)))
    for right, towards in ((True, 1), (False, -1)):
        axes = hand_depth.tilts(hand_depth.decompose(maps), np.ones(1), np.array([right]))
        np.testing.assert_allclose(axes[0, :, 2, 2], towards, atol=1e-2)


def test_fingers_are_found_again() -> None:
    """Poses from the sample itself, seen a little off; of the two tilts the true one explains them better."""
    rng = np.random.default_rng(3)
    axes = rotations(300, 4)
    axes = axes[np.abs(axes[:, 2, 2]) < 0.9]
    pick = rng.integers(hand_depth.POSES, size=(len(axes), 5))
    poses = hand_depth.finger_poses()[np.arange(5), pick]  # (F, 5, 3, 3)
    joints = np.einsum("fci,fkji->fkjc", axes, poses)
    seen = joints[..., :2] + rng.normal(0, 0.02, (*joints.shape[:3], 2))
    weight = np.ones(seen.shape[:3])
    found, cost = hand_depth.fit_fingers(seen, weight, axes, 0.1)
    assert np.abs(found - joints)[..., 2].mean() < 0.5 * np.abs(joints[..., 2]).mean()
    reversed_ = axes.copy()
    reversed_[:, 2, :2] *= -1
    reversed_[:, :2, 2] *= -1
    _, other = hand_depth.fit_fingers(seen, weight, reversed_, 0.1)
    assert (cost < other).mean() > 0.75


def test_unseen_fingers_take_the_mean_of_all_poses() -> None:
    axes = rotations(3, 5)
    found, _ = hand_depth.fit_fingers(np.zeros((3, 5, 3, 2)), np.zeros((3, 5, 3)), axes, 0.1)
    mean = hand_depth.finger_poses().mean(1)
    np.testing.assert_allclose(found, np.einsum("fci,kji->fkjc", axes, mean), atol=1e-5)


def test_bones_of_the_sample_have_their_lengths() -> None:
    poses = hand_depth.finger_poses()
    bones = np.diff(np.concatenate([np.zeros_like(poses[:, :, :1]), poses], 2), axis=2)
    lengths = np.linalg.norm(bones, axis=3)
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[:, :1], lengths.shape), rtol=1e-5)
