"""What a detector did wrong, told from the true 2D; and hands that stand still, told from the detections alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.pose import PoseSequence

SLOW_FRAMES = 25  # a second: what changes more slowly is `slow` in `error_parts`


@dataclass(frozen=True)
class HandEvents:
    """(T, 2) bool for the left and the right hand. A swapped hand is not also frozen."""

    lost: np.ndarray
    swapped: np.ndarray
    frozen: np.ndarray


def hand_events(detected: PoseSequence, true: PoseSequence) -> HandEvents:
    """Lost, swapped and frozen hands of a detection in 2D, told with the truth in the same pixels.

    A hand is *lost* where a joint of it is missing. It is *swapped* where it is more than a palm's length away from
    itself, and less than half as far from the other hand. It is *frozen* where the true hand moved by more than a
    tenth of a palm since the frame before, and the detection by less than a quarter of that. Distances are means
    over the hand's joints; a palm is as long as the clip ever shows it (95 % quantile of root to middle knuckle).
    """
    hands = [joints for joints, _ in hands_and_wrists(true.skeleton)]
    frames = len(true)
    lost, swapped, frozen = (np.zeros((frames, 2), bool) for _ in range(3))
    for k, own in enumerate(hands):
        found, here, there = detected.keypoints[:, own], true.keypoints[:, own], true.keypoints[:, hands[1 - k]]
        palm = float(np.quantile(np.linalg.norm(here[:, 9] - here[:, 0], axis=1), 0.95))
        lost[:, k] = np.isnan(found).any((1, 2))
        off, off_other = _distance(found, here), _distance(found, there)
        swapped[:, k] = (off > palm) & (off_other < 0.5 * off)  # NaN compares as False
        moved, should = _moved(found), _moved(here)
        frozen[:, k] = (should > 0.1 * palm) & (moved < 0.25 * should) & ~swapped[:, k]
    return HandEvents(lost, swapped, frozen)


def standing_hands(pose: PoseSequence, tolerance: float) -> np.ndarray:
    """(T, J) bool: joints of a hand whose shape did not change at all since the frame before.

    A real hand is never quite still, so the estimator has put out its last result again. tolerance: the largest
    motion of a joint relative to the hand's root that counts as none, in the units of the pose.
    """
    result = np.zeros(pose.confidence.shape, bool)
    for joints, _ in hands_and_wrists(pose.skeleton):
        shape = pose.keypoints[:, joints] - pose.keypoints[:, joints[:1]]
        still = np.abs(np.diff(shape, axis=0)).max((1, 2), initial=0.0) < tolerance
        result[1:, joints] = still[:, None]
    return result


def error_parts(difference: np.ndarray) -> dict[str, np.ndarray]:
    """An error (T, J, 3) as the sum of three: static (mean of the clip), slow, and fast, each (T, J, 3).

    slow: the mean over SLOW_FRAMES frames less the clip's. No refiner that looks at one clip can know the static
    part, which is one wrong length or depth all the time; smoothing can take away the fast part alone.
    """
    static = np.broadcast_to(difference.mean(0, keepdims=True), difference.shape)
    slow = uniform_filter1d(difference, SLOW_FRAMES, axis=0, mode="nearest") - static
    return {"static": static, "slow": slow, "fast": difference - static - slow}


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=2).mean(1)


def _moved(points: np.ndarray) -> np.ndarray:
    result = np.zeros(len(points))
    result[1:] = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(1)
    return result
