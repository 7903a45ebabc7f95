"""What is fitted to captured arms: on a made-up sequence, and what came out of the real one."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from experiments.people.arms.fit import LEFT, RIGHT, ArmsConfig, Clips, facing, fit, prior_of
from experiments.request import ROOT
from skeletor.lifters.fast_lifter import FastLifter
from skeletor.lifters.kinematic.fast import PRIOR
from skeletor.lifters.learned.mocap import turned
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

RESULT = ROOT / "experiments" / "results" / "arms.json"


def person(frames: int = 40) -> PoseSequence:
    """Arms whose elbows are before the trunk and bent by 80 degrees."""
    joints = {0: (0, -0.5, 0.2), 1: (0, 0, 0), RIGHT: (-0.5, 0, 0), LEFT: (0.5, 0, 0), 3: (-0.6, 0.6, 0.5),
              6: (0.6, 0.6, 0.5), 4: (-0.3, 0.1, 0.9), 7: (0.3, 0.1, 0.9)}  # fmt: skip
    points = np.full((frames, 50, 3), np.nan, np.float32)
    for joint, place in joints.items():
        points[:, joint] = place
    points[:, [4, 7], 1] += 0.3 * np.sin(np.linspace(0, 6, frames))[:, None]
    sure = (~np.isnan(points[..., 0])).astype(np.float32)
    return PoseSequence(points, sure, 25.0, SIGNING_50, Provenance(units="shoulder"))


@pytest.mark.parametrize("angle", [-2.0, 0.4, 3.0])
def test_people_face_the_camera_from_wherever_they_are_seen(angle: float) -> None:
    found = facing(turned(person(), angle)).keypoints
    np.testing.assert_allclose(found, person().keypoints, atol=1e-5)


def test_the_value_with_the_least_error_is_chosen() -> None:
    truth = person()
    clips = Clips([truth], [truth.replace(truth.keypoints[..., :2])])
    config = ArmsConfig(
        mocap="", activities=["a", "b"], judge="", begin={"flexion": 170}, options={"flexion": [20, 80, 140]}, sweeps=1
    )
    chosen = fit([clips, clips], config)
    errors = {float(value): clips.errors(prior_of({"flexion": value}))["arms"] for value in (20, 80, 140, 170)}
    assert errors[chosen["flexion"]] == min(errors.values()) < errors[170]


def test_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="no such option"):
        prior_of({"elbow": 1.0})


def test_the_package_believes_what_was_fitted() -> None:
    chosen = json.loads(Path(RESULT).read_text(encoding="utf-8"))["chosen"]
    assert asdict(prior_of(chosen)) == asdict(PRIOR)
    assert FastLifter().prior is PRIOR
