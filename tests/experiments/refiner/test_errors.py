"""The three units of the tables, and their spread."""

import numpy as np
import pytest

from experiments.refiner.errors import clip_errors, spread, task_errors
from experiments.refiner.tasks import Task
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError


def _pose(points: np.ndarray) -> PoseSequence:
    return PoseSequence(points, np.ones(points.shape[:2], np.float32), 25, SIGNING_50, Provenance(units="shoulder"))


def test_units_of_a_known_error() -> None:
    truth = _pose(np.random.default_rng(0).normal(size=(10, 50, 3)))
    hit = np.zeros((10, 50), bool)
    hit[4, :5] = True
    moved = truth.keypoints.copy()
    moved[4, :5] += [0.3, 0.0, 0.4]  # .5 shoulder widths
    errors = clip_errors(truth.replace(moved), truth, hit)
    assert errors["hit cm"] == pytest.approx(18, rel=1e-4)
    assert errors["hit mse"] == pytest.approx(0.25 / 3, rel=1e-4)
    assert errors["hit sum"] == pytest.approx(5 * 0.25, rel=1e-4)  # one frame has hidden joints
    assert errors["all cm"] == pytest.approx(18 * 5 / 500, rel=1e-4)
    assert errors["all mse"] == pytest.approx(0.25 * 5 / 500 / 3, rel=1e-4)
    assert errors["all sum"] == pytest.approx(5 * 0.25 / 10, rel=1e-4)


def test_a_gap_in_a_prediction_is_no_error_of_zero() -> None:
    truth = _pose(np.zeros((3, 50, 3)))
    points, confidence = truth.keypoints.copy(), truth.confidence.copy()
    points[1, 7], confidence[1, 7] = np.nan, 0
    with pytest.raises(InputError, match="left a joint missing"):
        clip_errors(truth.replace(points, confidence), truth, np.ones((3, 50), bool))


def test_spread_is_over_clips_and_leaves_out_those_without_hits() -> None:
    truths = [_pose(np.zeros((4, 50, 3))) for _ in range(3)]
    predicted = [t.replace(t.keypoints + shift) for t, shift in zip(truths, (0.1, 0.3, 9.0), strict=True)]
    hits = [np.ones((4, 50), bool), np.ones((4, 50), bool), np.zeros((4, 50), bool)]
    found = task_errors(predicted, Task(truths, truths, hits))["hit mse"]
    assert (found.min, found.ave, found.max) == pytest.approx((0.01, 0.05, 0.09), rel=1e-4)
    assert spread([]) == {}
