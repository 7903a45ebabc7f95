"""Clips at other frame rates than the network's come out in step: no frame early or late, at the end neither."""

import numpy as np
import pytest

from skeletor.refiners.inference.windowed import SkeletorRefiner
from tests.skeletor.refiners.inference.test_stream import LOADED
from tests.skeletor.refiners.tiny import clips


class _AsItIs(SkeletorRefiner):
    """The network changes nothing: what is left is the way there and back."""

    def _refine_group(self, poses):
        return [pose.keypoints for pose in poses]


@pytest.mark.parametrize(
    ("fps", "frames"), [(50, 101), (50, 3), (60, 7), (30, 100), (29.97, 500), (24, 13), (26, 10), (12.5, 20)]
)
def test_motion_stays_in_step(fps: float, frames: int) -> None:
    pose = clips(1, frames=frames)[0].replace(fps=fps)
    ramp = np.broadcast_to(np.arange(frames, dtype=np.float32)[:, None, None], pose.keypoints.shape).copy()
    found = _AsItIs(LOADED)(pose.replace(ramp)).keypoints[:, 0, 0]
    late = found - np.arange(frames)
    edge = max(1, round(fps / 25))  # half a frame of the network at both ends is held
    np.testing.assert_allclose(late[edge:-edge], 0, atol=2e-3)
    assert np.abs(late).max() <= 0.5 * max(1.0, fps / 25 - 1) + 1e-3
