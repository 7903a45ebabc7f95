"""The three units of the tables, and their spread."""

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.tables.compare import PriorRefiner, clip_errors, smoothers, spread, task_errors
from experiments.tables.config import MotionConfig
from experiments.tables.data import Task, hidden, motion_clips, motion_store
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.fill import fill_carried
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


def test_a_carried_hand_follows_its_wrist() -> None:
    truth = motion_clips(MotionConfig(train=2, dev=1, test=1), "test")[0]
    hit = truth.confidence < 0
    hit[10:20, 29:50] = True
    task = hidden([truth], [hit])
    found = smoothers(["linear-carried"])[0].refiner(task.inputs[0]).keypoints
    np.testing.assert_allclose(found[~hit], truth.keypoints[~hit], atol=1e-5)
    # where hand and wrist are both known at the gap's ends, the offset between them goes over linearly
    offset = found[:, 29] - truth.keypoints[:, 4]
    step = offset[10:20] - offset[9:19]
    assert abs(step - step[0]).max() < 1e-5
    points, seen = torch.from_numpy(truth.keypoints)[None], torch.from_numpy(~hit)[None]
    np.testing.assert_allclose(fill_carried(points, seen, truth.skeleton)[0], found, atol=1e-5)


def test_the_prior_alone_fills_gaps_and_keeps_what_is_seen(tmp_path: Path) -> None:
    data = MotionConfig(train=6, dev=1, test=1)
    store = motion_store(data, tmp_path)
    truth = motion_clips(data, "test")[0]
    hit = np.random.default_rng(0).random(truth.confidence.shape) < 0.15
    task = hidden([truth], [hit])
    found = PriorRefiner(store.folder)(task.inputs[0]).keypoints
    line = smoothers(["linear-carried"])[0].refiner(task.inputs[0]).keypoints
    np.testing.assert_allclose(found[~hit], truth.keypoints[~hit], atol=1e-6)
    error, before = (np.abs(x - truth.keypoints)[hit].mean() for x in (found, line))
    assert error < 0.5 * before
