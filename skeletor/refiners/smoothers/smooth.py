"""The baselines that a refiner has to beat: linear interpolation, and Savitzky-Golay smoothing after it.

`SmoothOptions` and `smoother` are what all smoothers share: each is a function of a pose and of its own options.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
from pydantic import Field

from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.base import REFINERS, FunctionRefiner, RefineOptions
from skeletor.support.errors import InputError

NO_CARRIED = "of smoothers: a lost hand is not carried by its wrist, each joint is filled by itself"


def not_carried(name: str) -> dict[str, Any]:
    """Values of the option `carried` for --no-carried. InputError if the refiner of this name has no such option."""
    if "carried" not in REFINERS[name].options.model_fields:
        raise InputError(f"--no-carried is of smoothers, {name} is none; leave it out")
    return {"carried": False}


class SmoothOptions(RefineOptions):
    """What the options of every smoother have.

    minimum_confidence: joints below it are replaced. carried: hands are treated as seen from their wrists (`carried`):
    a lost hand goes on with its arm, which is nearly always better than a line between where it was and where it will
    be.
    """

    minimum_confidence: float = Field(default=0.3, ge=0, lt=1)
    carried: bool = Field(default=True, json_schema_extra={"earlier": [False]})


class LinearOptions(SmoothOptions):
    """Options of `linear`."""

    name: Literal["linear"] = "linear"


class SavgolOptions(SmoothOptions):
    """Options of `savgol`: a polynomial of `order` over `window` frames."""

    name: Literal["savgol"] = "savgol"
    window: int = Field(default=5, ge=3, le=101)
    order: int = Field(default=2, ge=1, le=10)


def smoother(options: SmoothOptions, function: Callable[..., PoseSequence], version: str = "1") -> FunctionRefiner:
    """The refiner of a function that takes a pose and, by their names, the options but `name` and `carried`."""
    record = options.model_dump(exclude={"name", "carried"})
    smooth = partial(function, **record)
    if options.carried:
        smooth = partial(carried, smoother=smooth, sure=options.minimum_confidence)
        record["carried"] = True
    return FunctionRefiner(options.name, version, smooth, record)


@REFINERS.register(LinearOptions, "linear interpolation")
def build_linear(options: LinearOptions) -> FunctionRefiner:
    """`linear`; version 2: never-sure joints are filled from what there is."""
    return smoother(options, linear, "2")


@REFINERS.register(SavgolOptions, "linear + Savitzky-Golay")
def build_savgol(options: SavgolOptions) -> FunctionRefiner:
    """`savgol`; version 2 as of `linear`."""
    return smoother(options, savgol, "2")


def observed_joints(pose: PoseSequence, minimum_confidence: float) -> np.ndarray:
    """(T, J) bool: joints with a position and at least this confidence (never those of confidence 0)."""
    return ~pose.missing & (pose.confidence > 0) & (pose.confidence >= minimum_confidence)


def evidence(pose: PoseSequence, minimum_confidence: float) -> np.ndarray:
    """(T, J) bool: the frames that say where a joint is.

    The sure ones (`observed_joints`). For a joint that is never sure, those with any confidence; if there are
    none either, those with a position: better than to leave its gaps open.
    """
    known = observed_joints(pose, minimum_confidence)
    for weaker in (~pose.missing & (pose.confidence > 0), ~pose.missing):
        known = np.where(known.any(0), known, weaker)
    return known


def linear(pose: PoseSequence, minimum_confidence: float = 0.3) -> PoseSequence:
    """Replace missing and low-confidence joints by interpolation between the frames where they are sure.

    Before the first and after the last sure frame the nearest one is held. A joint that is never sure is
    taken from what there is (`evidence`); one without any position stays NaN. Confidence stays as it was:
    a joint that was missing stays at 0.
    """
    from skeletor.refiners.fill import interpolate_array  # needs torch, a config does not

    return pose.replace(interpolate_array(pose.keypoints, evidence(pose, minimum_confidence)))


def savgol(pose: PoseSequence, minimum_confidence: float = 0.3, window: int = 5, order: int = 2) -> PoseSequence:
    """`linear`, then a Savitzky-Golay filter along time: a polynomial of `order` over `window` frames.

    A clip shorter than the window is filtered with the longest odd window that fits, or not at all.
    """
    from scipy.signal import savgol_filter  # takes seconds to load

    if window % 2 == 0 or window <= order:
        raise InputError(f"savgol: window {window} must be odd and larger than the order {order}")
    pose = linear(pose, minimum_confidence)
    fitting = min(window, len(pose) - 1 + len(pose) % 2)
    if fitting <= order:
        return pose
    smooth = savgol_filter(np.nan_to_num(pose.keypoints), fitting, order, axis=0).astype(np.float32)
    smooth[pose.missing] = np.nan  # a joint that is never seen: nothing to smooth
    return pose.replace(smooth)


def carried(pose: PoseSequence, smoother: Callable[[PoseSequence], PoseSequence], sure: float) -> PoseSequence:
    """Smooth hands as seen from their wrists, and put them back on the smoothed wrists.

    A lost hand then goes on with its wrist, as in `skeletor.refiners.fill.fill_carried`. sure: the smoother's minimum
    confidence, for the wrists that hands are seen from. A hand whose wrist is never seen is smoothed as it is.
    """
    whole = smoother(pose)
    carried_hands = [(hand, wrist) for hand, wrist in hands_and_wrists(pose.skeleton) if wrist not in hand]
    if not carried_hands:
        return whole
    wrists = linear(pose, sure).keypoints
    local, result = pose.keypoints.copy(), whole.keypoints.copy()
    for hand, wrist in carried_hands:
        local[:, hand] -= wrists[:, [wrist]]
    local_result = smoother(pose.replace(local, np.where(np.isnan(local).any(-1), 0, pose.confidence))).keypoints
    for hand, wrist in carried_hands:
        moved = local_result[:, hand] + whole.keypoints[:, [wrist]]  # (T, 21, D)
        result[:, hand] = np.where(np.isnan(moved), result[:, hand], moved)
    return whole.replace(result)
