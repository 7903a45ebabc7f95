"""What every registered lifter promises."""

from typing import Any

import numpy as np
import pytest

from skeletor.lifters.registry import LIFTERS, Lifter, build_lifter
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from tests.skeletor.refiners2d.parts2d import clips

QUICK: dict[str, dict[str, Any]] = {"reference": {"cycles": 20}}


@pytest.fixture(name="lifter", params=LIFTERS.names())
def _lifter(request: pytest.FixtureRequest) -> Lifter:
    return build_lifter(LIFTERS.parse({"mode": request.param, "absent": "filled", **QUICK.get(request.param, {})}))


def gappy(pose: PoseSequence) -> PoseSequence:
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[3:6, 8:29], confidence[3:6, 8:29] = np.nan, 0
    return pose.replace(keypoints, confidence)


def test_every_lifter_gives_all_joints_in_3d_and_keeps_what_was_seen(
    lifter: Lifter, request: pytest.FixtureRequest
) -> None:
    pose = gappy(clips(1, 50)[1]["clip0"])
    lifted = lifter(pose)
    assert lifted.keypoints.shape == (len(pose), 50, 3) and lifted.keypoints.dtype == np.float32
    assert not lifted.missing.any() and lifted.fps == pose.fps and lifted.provenance.units == "shoulder"
    assert abs(np.median(lifted.keypoints[:, 1, 2])) < 1e-6
    assert (lifted.confidence[pose.missing] == 0).all()
    record = lifted.provenance.stages[-1]
    mode = request.node.callspec.params["lifter"]
    assert (record.name, record.version, record.config["mode"]) == ("lift", lifter.version, mode)


def test_every_lifter_takes_many_clips_in_their_order(lifter: Lifter) -> None:
    poses = list(clips(3, 60)[1].values())
    for one, other in zip(map(lifter, poses), lifter.many(poses), strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)
    assert lifter.many([]) == []


def test_every_lifter_refuses_3d(lifter: Lifter) -> None:
    pose = clips(1, 0)[1]["clip0"]
    with pytest.raises(InputError, match="2D"):
        lifter(pose.replace(np.concatenate([pose.keypoints, pose.keypoints[..., :1]], 2)))
