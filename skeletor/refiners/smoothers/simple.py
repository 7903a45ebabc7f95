"""Smoothers without training that a refiner has to beat: zero, hold, cubic, one_euro, gaussian. See also `kalman`.

All take the positions of a joint from the frames of `evidence`: those with enough confidence. A joint that has no
position in any frame stays missing (`zero` alone puts 0 there). Confidence stays as it was.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from skeletor.poses.pose import PoseSequence
from skeletor.refiners.base import REFINERS, FunctionRefiner
from skeletor.refiners.smoothers.smooth import SmoothOptions, evidence, linear, observed_joints, smoother
from skeletor.support.progress import log

SPEED_CUTOFF = 1.0  # Hz, of the 1-Euro filter's speed; the value of the paper
FILLED_WEIGHT = 0.05  # of a filled joint in the Gaussian mean, and the least of any: it decides only inside gaps
REACH = 4.0  # the Gaussian is cut off after so many sigmas


class ZeroOptions(SmoothOptions):
    """Options of `zero`."""

    name: Literal["zero"] = "zero"


@REFINERS.register(ZeroOptions, "zeros in gaps")
def build_zero(options: ZeroOptions) -> FunctionRefiner:
    """`zero` as a refiner."""
    return smoother(options, zero)


def zero(pose: PoseSequence, minimum_confidence: float = 0.3) -> PoseSequence:
    """Put 0 where a joint is missing or has low confidence: what the paper's network sees.

    0 is the neck if the pose is normalised. No gap is left, not even of a joint that is never seen.
    """
    sure = observed_joints(pose, minimum_confidence)
    return pose.replace(np.where(sure[..., None], pose.keypoints, np.float32(0)))


class HoldOptions(SmoothOptions):
    """Options of `hold`."""

    name: Literal["hold"] = "hold"


@REFINERS.register(HoldOptions, "last position held")
def build_hold(options: HoldOptions) -> FunctionRefiner:
    """`hold` as a refiner."""
    return smoother(options, hold)


def hold(pose: PoseSequence, minimum_confidence: float = 0.3) -> PoseSequence:
    """Keep a joint where it was last sure; before its first sure frame, where it is in that one."""
    if not len(pose):
        return pose
    known = evidence(pose, minimum_confidence)  # (T, J)
    last = np.maximum.accumulate(np.where(known, np.arange(len(pose))[:, None], -1), axis=0)
    frame = np.where(last < 0, known.argmax(0), last)
    held = np.take_along_axis(pose.keypoints, frame[..., None], axis=0)
    seen = known.max(axis=0, keepdims=True)[..., None]  # (1, J, 1)
    return pose.replace(np.where(seen, held, pose.keypoints))


class CubicOptions(SmoothOptions):
    """Options of `cubic`."""

    name: Literal["cubic"] = "cubic"


@REFINERS.register(CubicOptions, "cubic splines in gaps")
def build_cubic(options: CubicOptions) -> FunctionRefiner:
    """`cubic` as a refiner."""
    return smoother(options, cubic)


def cubic(pose: PoseSequence, minimum_confidence: float = 0.3) -> PoseSequence:
    """Fill gaps with the natural cubic spline through all sure frames of a joint; sure frames keep their values.

    Before the first and after the last sure frame the nearest one is held. In a gap of n frames the spline leaves
    the segment between the gap's ends by at most 3/4 n times the joint's fastest sure motion per frame (the slopes
    of a natural spline are at most 3 times the steepest chord), so it cannot explode.
    """
    from scipy.interpolate import CubicSpline

    from skeletor.refiners.fill import interpolate_array  # needs torch, a config does not

    if not len(pose):
        return pose
    known = evidence(pose, minimum_confidence)
    filled = interpolate_array(pose.keypoints, known).copy()
    later = np.flip(np.maximum.accumulate(np.flip(known, 0), axis=0), 0)
    gap = ~known & np.maximum.accumulate(known, axis=0) & later  # between two sure frames
    joints = np.flatnonzero(gap.any(axis=0))
    if not len(joints):
        return pose.replace(filled)
    masks, group_of = np.unique(known[:, joints], axis=1, return_inverse=True)  # joints of one mask share a spline
    for group, mask in enumerate(masks.T):
        own = joints[group_of.ravel() == group]
        knots, wanted = np.flatnonzero(mask), np.flatnonzero(gap[:, own[0]])
        positions = pose.keypoints[np.ix_(knots, own)].astype(np.float64)  # (knots, own, D)
        filled[np.ix_(wanted, own)] = CubicSpline(knots, positions, bc_type="natural")(wanted)
    return pose.replace(filled)


class OneEuroOptions(SmoothOptions):
    """Options of `one_euro`: min_cutoff in Hz, beta in Hz per shoulder width per second."""

    name: Literal["one-euro"] = "one-euro"
    min_cutoff: float = Field(default=6.0, gt=0, le=1000)
    beta: float = Field(default=8.0, ge=0, le=1000)


@REFINERS.register(OneEuroOptions, "linear + 1-Euro filter")
def build_one_euro(options: OneEuroOptions) -> FunctionRefiner:
    """`one_euro` as a refiner; version 2: lengths are shoulder widths in every unit."""
    return smoother(options, one_euro, "2")


def one_euro(
    pose: PoseSequence, minimum_confidence: float = 0.3, min_cutoff: float = 6.0, beta: float = 8.0
) -> PoseSequence:
    """`linear`, then the 1-Euro filter of each coordinate (Casiez, Roussel, Vogel, CHI 2012, algorithm 1).

    A low-pass filter whose cutoff grows with the speed: min_cutoff (Hz) + beta (Hz per shoulder width per second)
    times the absolute speed. Of points in another unit without shoulders a width is 1 unit, which is told. The filter
    is causal and therefore lags; the filling before it looks at the gap's far end. How the defaults were found:
    experiments/ablations/smoothers.py.
    """
    if not len(pose):
        return pose
    beta = beta / _shoulder_width(pose)
    filled = linear(pose, minimum_confidence).keypoints
    track = np.nan_to_num(filled.astype(np.float64))  # (T, J, D)
    result = np.empty_like(track)
    value, speed = track[0], np.zeros(track.shape[1:])
    result[0] = value
    speed_share = _share(np.array(SPEED_CUTOFF), pose.fps)
    for t in range(1, len(track)):
        # The paper's algorithm takes the difference to the last filtered value, not to the last raw one.
        speed = speed + speed_share * ((track[t] - value) * pose.fps - speed)
        value = value + _share(min_cutoff + beta * np.abs(speed), pose.fps) * (track[t] - value)
        result[t] = value
    return pose.replace(_with_unseen(result, filled))


def _shoulder_width(pose: PoseSequence) -> float:
    """The usual one in the pose's units; 1, which is told, if there are no shoulders."""
    if pose.provenance.units == "shoulder":
        return 1.0
    joints = pose.skeleton.joints
    if {"left_shoulder", "right_shoulder"} <= set(joints):
        left, right = (pose.keypoints[:, joints.index(f"{side}_shoulder"), :2] for side in ("left", "right"))  # (T, 2)
        widths = np.linalg.norm(left - right, axis=1)
        usual = float(np.median(widths[np.isfinite(widths)])) if np.isfinite(widths).any() else 0.0
        if usual > 0:
            return usual
    where = pose.provenance.source or "pose"
    log.warning(
        f"{where}: one-euro smooths by speeds in shoulder widths; no shoulders are seen, 1 unit is taken for one"
    )
    return 1.0


class GaussianOptions(SmoothOptions):
    """Options of `gaussian`: sigma in frames."""

    name: Literal["gaussian"] = "gaussian"
    sigma: float = Field(default=0.8, ge=0.1, le=50)


@REFINERS.register(GaussianOptions, "linear + Gaussian mean")
def build_gaussian(options: GaussianOptions) -> FunctionRefiner:
    """`gaussian` as a refiner."""
    return smoother(options, gaussian)


def gaussian(pose: PoseSequence, minimum_confidence: float = 0.3, sigma: float = 0.8) -> PoseSequence:
    """`linear`, then a mean over time with Gaussian weights (sigma in frames) times the confidences.

    Filled joints weigh next to nothing, so they count only where nothing else is in reach. At the ends of the
    clip the mean goes over the frames that exist. How the default was found: experiments/ablations/smoothers.py.
    """
    from scipy.ndimage import correlate1d

    if not len(pose):
        return pose
    filled = linear(pose, minimum_confidence).keypoints
    sure = np.where(evidence(pose, minimum_confidence), pose.confidence, 0).astype(np.float64)
    weight = np.maximum(sure, FILLED_WEIGHT)[..., None]  # (T, J, 1)
    reach = min(math.ceil(REACH * sigma), len(pose) - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    total = correlate1d(np.nan_to_num(filled.astype(np.float64)) * weight, kernel, axis=0, mode="constant")
    return pose.replace(_with_unseen(total / correlate1d(weight, kernel, axis=0, mode="constant"), filled))


def _share(cutoff: np.ndarray, fps: float) -> np.ndarray:
    """Weight of the new value in a first-order low-pass filter with this cutoff in Hz."""
    return 1 / (1 + fps / (2 * np.pi * cutoff))


def _with_unseen(smooth: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """float32, with the gaps of `filled`: those of joints that are never seen."""
    return np.where(np.isnan(filled), np.float32(np.nan), smooth.astype(np.float32))
