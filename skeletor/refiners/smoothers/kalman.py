"""The Kalman smoother as a refiner: constant velocity or acceleration, Rauch-Tung-Striebel smoothing."""

from __future__ import annotations

from math import factorial
from typing import Literal

import numpy as np
from pydantic import Field

from skeletor.poses.pose import PoseSequence
from skeletor.refiners.base import REFINERS, FunctionRefiner
from skeletor.refiners.smoothers.smooth import SmoothOptions, evidence, smoother

Motion = Literal["velocity", "acceleration"]
PROCESS_NOISE: dict[Motion, float] = {"velocity": 10.0, "acceleration": 320.0}
MEASUREMENT_NOISE = 0.02
CONFIDENCE_FLOOR = 0.05  # a joint that is used at all counts at least so much
# Variances of position, velocity and acceleration (per frame) in the first sure frame, with measurement noise 1. So
# wide that they bias nothing; the acceleration's is less, so that two measurements are joined by a straight line.
PRIOR = (1e8, 1e8, 1e4)


class KalmanOptions(SmoothOptions):
    """Options of `kalman`, see there."""

    name: Literal["kalman"] = "kalman"
    motion: Motion = "velocity"
    process_noise: float | None = Field(default=None, gt=0, le=1e6)
    measurement_noise: float = Field(default=MEASUREMENT_NOISE, gt=0, le=1e3)


@REFINERS.register(KalmanOptions, "Kalman smoother")
def build_kalman(options: KalmanOptions) -> FunctionRefiner:
    """`kalman` as a refiner."""
    return smoother(options, kalman)


def kalman(
    pose: PoseSequence,
    minimum_confidence: float = 0.3,
    motion: Motion = "velocity",
    process_noise: float | None = None,
    measurement_noise: float = MEASUREMENT_NOISE,
) -> PoseSequence:
    """Each joint moves with nearly constant velocity (or acceleration); its sure frames are noisy measurements.

    process_noise: by how much the velocity (units/s) or the acceleration (units/s^2) changes in a second, as a
    standard deviation; None takes the default of the motion. measurement_noise: standard deviation of a joint of
    confidence 1, in units; of a joint of confidence c it is 1/c times that. A missing joint is no measurement.
    Only the ratio of the two matters, so the result scales with the pose. How the defaults were found:
    experiments/ablations/smoothers.py. Before the first and after the last sure frame the smoothed position is held:
    the model would let the joint fly off. A joint that is never seen stays missing. Kalman 1960; Rauch, Tung,
    Striebel 1965.
    """
    known = evidence(pose, minimum_confidence)  # (T, J)
    seen = np.flatnonzero(known.any(0))
    if not len(seen):
        return pose
    known = known[:, seen]
    order = 2 if motion == "velocity" else 3
    ratio = (PROCESS_NOISE[motion] if process_noise is None else process_noise) / measurement_noise
    variance = np.where(known, np.maximum(pose.confidence[:, seen], CONFIDENCE_FLOOR) ** -2.0, np.inf)
    values = np.nan_to_num(pose.keypoints[:, seen].astype(np.float64))
    noise = ratio**2 * pose.fps ** (1 - 2 * order) * drift(order)
    smooth = smoothed(values, variance, transition(order), noise, np.diag(PRIOR[:order]))
    time, first, last = np.arange(len(pose))[:, None], known.argmax(0), len(pose) - 1 - known[::-1].argmax(0)
    held = np.take_along_axis(smooth, np.clip(time, first, last)[..., None], axis=0)
    result = pose.keypoints.copy()
    result[:, seen] = held
    return pose.replace(result)


def transition(order: int) -> np.ndarray:
    """(order, order) from one frame to the next: position and its derivatives per frame."""
    return np.array([[1 / factorial(j - i) if j >= i else 0.0 for j in range(order)] for i in range(order)])


def drift(order: int) -> np.ndarray:
    """(order, order) covariance that white noise of density 1 in the highest derivative adds within a frame."""
    last = order - 1
    return np.array(
        [
            [1 / (factorial(last - i) * factorial(last - j) * (2 * last - i - j + 1)) for j in range(order)]
            for i in range(order)
        ]
    )


def smoothed(
    values: np.ndarray, variance: np.ndarray, move: np.ndarray, noise: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    """Positions (T, J, D) given all measurements; every joint must have one.

    values: (T, J, D). variance: (T, J) of the measurements, infinite where there is none. move, noise: (n, n).
    prior: (n, n) covariance of the state in a joint's first measured frame, around that position and no motion.
    """
    states, covariances = _filter(values, variance, move, noise, prior)  # (T, J, n, D), (T, J, n, n)
    predicted = move @ states[:-1]
    carried = move @ covariances[:-1]
    gains = np.linalg.solve(carried @ move.T + noise, carried).swapaxes(2, 3)  # (T - 1, J, n, n)
    state = states[-1]
    result = np.empty_like(values)
    result[-1] = state[:, 0]
    for t in range(len(values) - 2, -1, -1):
        state = states[t] + gains[t] @ (state - predicted[t])
        result[t] = state[:, 0]
    return result


def _filter(
    values: np.ndarray, variance: np.ndarray, move: np.ndarray, noise: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """States (T, J, n, D) and their covariances (T, J, n, n) given the measurements up to each frame."""
    frames, joints, dims = values.shape
    order = len(move)
    first = np.isfinite(variance).argmax(0)  # (J,) nothing moves before the first measurement
    state = np.zeros((joints, order, dims))
    state[:, 0] = values[first, np.arange(joints)]
    covariance = np.tile(prior, (joints, 1, 1))
    states, covariances = np.empty((frames, *state.shape)), np.empty((frames, *covariance.shape))
    for t in range(frames):
        started = (t > first)[:, None, None]
        state = np.where(started, move @ state, state)
        covariance = np.where(started, move @ covariance @ move.T + noise, covariance)
        own = covariance[:, 0, 0]
        gain = covariance[:, :, 0] / (own + variance[t])[:, None]  # (J, n)
        left = (1 / (1 + own / variance[t]))[:, None]  # 1 - gain[:, 0], without loss of digits after a long gap
        row = left * covariance[:, 0]
        state = state + gain[:, :, None] * (values[t] - state[:, 0])[:, None]
        covariance = covariance - gain[:, :, None] * covariance[:, :1]
        covariance[:, 0] = covariance[:, :, 0] = row
        states[t], covariances[t] = state, covariance
    return states, covariances
