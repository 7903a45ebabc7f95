"""A Gaussian over the poses of a part of the body, and the pose that is most probable under it given detections.

A pose is brought to the mean shape by a similarity (`skeletor.refiners2d.alignment`). There the true pose x is
Gaussian, with mean m and covariance S, and a detection is y = x + noise, whose variance v(c) depends on the joint's
confidence c alone. The most probable true pose is then m + S (S + V)^-1 (y - m). S is made wide along shift, scale and
rotation, so that the prior has no say in where a pose lies, how large it is and how it is turned. A missing joint has
an infinite variance: it is filled from the others.

What a detector always gets wrong (a wrist that it puts further up the arm, fingers that it straightens) is no noise
about the truth. Where there are enough poses to learn it, a linear map of the estimate corrects it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from skeletor.refiners2d.alignment import Similarity, align, mean_shape, radius
from skeletor.refiners2d.base import FittedOptions, PartPoses
from skeletor.refiners2d.weights import register_fitted
from skeletor.support.config import Config
from skeletor.support.errors import InputError

FREE = 30.0  # variance along shift, scale and rotation, in squared radii: no say
UNSEEN = 1e6  # variance of a missing joint
FLOOR = 1e-4  # variance that is added to each coordinate of the prior
EVEN = 0.3  # standard deviation that is added to the noise when poses are aligned, so that no single joint decides
CHUNK = 2048  # poses that are solved together
FOLDS = 4
CHOICE = 6000  # poses that the choice of hyperparameters looks at
SCALES = (1.0, 0.7, 0.5, 0.4, 0.3, 0.2)
PENALTIES = (None, 100.0, 10.0, 1.0, 0.01, 1e-4)


@dataclass(frozen=True, eq=False)
class GaussianPrior:
    """A fitted prior of N joints in the plane.

    mean (N, 2): centred, RMS radius 1. covariance (2N, 2N): of true poses about it. noise (3,): the logarithm of
    the variance of a coordinate of a detection is noise[0] + noise[1] c + noise[2] c^2, c clipped to
    `confidences`. noise_scale: the standard deviation that is used, as a share of that; below 1, because errors
    have heavy tails: their variance is that of few joints far off. rotate: whether poses may be turned.
    correction (2N + 1, 2N): of the estimate, from its offsets to the mean and a constant, in radii; None: none.
    """

    mean: np.ndarray
    covariance: np.ndarray
    noise: np.ndarray
    confidences: tuple[float, float]
    noise_scale: float = 1.0
    rotate: bool = True
    correction: np.ndarray | None = None

    def deviation(self, confidence: np.ndarray) -> np.ndarray:
        """Standard deviation of a coordinate, in radii, by confidence of any shape."""
        c = np.clip(confidence, *self.confidences)
        return np.asarray(self.noise_scale * np.exp(0.5 * (self.noise[0] + self.noise[1] * c + self.noise[2] * c * c)))

    def refine(self, points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """The most probable poses. points (F, N, 2), NaN where missing; confidence (F, N) -> (F, N, 2) float64.

        A pose with fewer than two seen joints has neither size nor place and comes back as it is.
        """
        assert points.ndim == 3 and points.shape[1:] == self.mean.shape, points.shape
        assert confidence.shape == points.shape[:2], confidence.shape
        refined = np.array(points, np.float64)
        known = np.flatnonzero((~np.isnan(points[..., 0])).sum(1) >= 2)
        wide = self.wide()
        for k in range(0, len(known), CHUNK):
            part = known[k : k + CHUNK]
            place = self.place(refined[part], confidence[part])
            offset = self.estimate(place.apply(refined[part]), confidence[part], wide)
            refined[part] = place.undo(self.mean + offset)
        return refined

    def place(self, points: np.ndarray, confidence: np.ndarray) -> Similarity:
        """What brings poses (F, N, 2), NaN where missing, to the mean; sure joints decide more."""
        seen = ~np.isnan(points[..., 0])
        weights = np.where(seen, 1 / (self.deviation(confidence) ** 2 + EVEN**2), 0)
        return align(np.where(seen[..., None], points, 0), self.mean[None], weights, self.rotate)

    def estimate(self, placed: np.ndarray, confidence: np.ndarray, wide: np.ndarray) -> np.ndarray:
        """(F, N, 2) most probable offsets to the mean for poses that are in place; wide: of `wide`."""
        seen = ~np.isnan(placed[..., 0])
        offset = np.where(seen[..., None], placed - self.mean, 0).reshape(len(placed), -1)  # (F, 2N)
        variance = np.repeat(np.where(seen, self.deviation(confidence) ** 2, UNSEEN), 2, axis=1)  # (F, 2N)
        matrix = wide + variance[:, :, None] * np.eye(variance.shape[1])  # (F, 2N, 2N)
        solved = np.linalg.solve(matrix, offset[..., None])[..., 0] @ wide
        if self.correction is not None:
            solved = solved + _with_one(solved) @ self.correction
        return np.asarray(solved.reshape(placed.shape))

    def wide(self) -> np.ndarray:
        """(2N, 2N) the covariance with the directions in which the prior has no say."""
        count = len(self.mean)
        free = [np.tile([1.0, 0], count), np.tile([0, 1.0], count), self.mean.ravel()]
        if self.rotate:
            free.append((self.mean[:, ::-1] * (-1, 1)).ravel())
        basis = np.stack([direction / np.linalg.norm(direction) for direction in free])
        return np.asarray(self.covariance + FREE * basis.T @ basis)


def fit_gaussian(
    truth: np.ndarray,
    detected: np.ndarray,
    confidence: np.ndarray,
    noise_scale: float = 1.0,
    penalty: float | None = None,
    rotate: bool = True,
) -> GaussianPrior:
    """Fit a prior to true poses (F, N, 2) and their detections (F, N, 2), NaN where missing, confidence (F, N).

    The coefficients of the noise maximise its likelihood; the correction is a ridge regression with that penalty
    (None: no correction). Raises InputError if fewer than 2N poses are whole.
    """
    whole = np.isfinite(truth).all((1, 2))
    if whole.sum() < 2 * truth.shape[1]:
        raise InputError(
            f"{int(whole.sum())} whole true poses of {truth.shape[1]} joints; {2 * truth.shape[1]} are needed to fit"
        )
    truth, detected, confidence = (a[whole].astype(np.float64) for a in (truth, detected, confidence))
    mean, turned = mean_shape(truth, rotate)
    flat = (turned - mean).reshape(len(turned), -1)
    covariance = flat.T @ flat / len(flat) + FLOOR * np.eye(flat.shape[1])
    squares = (((detected - truth) / radius(truth)[:, None, None]) ** 2).mean(2)  # (F, N)
    seen = np.isfinite(squares)
    if not seen.any():
        raise InputError("no joint of the true poses is detected; nothing to fit the noise to")
    c = confidence[seen]
    noise = _log_variance(squares[seen], c)
    prior = GaussianPrior(mean, covariance, noise, (float(c.min()), float(c.max())), noise_scale, rotate)
    return prior if penalty is None else _corrected(prior, truth, detected, confidence, penalty)


def choose_gaussian(
    truth: np.ndarray,
    detected: np.ndarray,
    confidence: np.ndarray,
    folds: np.ndarray,
    rotate: bool = True,
    scales: Sequence[float] = SCALES,
    penalties: Sequence[float | None] = PENALTIES,
) -> tuple[float, float | None, float]:
    """`noise_scale` and `penalty` with the least error of joints over held-out folds, and that error.

    folds (F,): what must not be divided shares a number. The error is the mean distance, in the units of the poses.
    """
    sums = np.zeros((len(scales), len(penalties)))
    count = 0
    for fold in np.unique(folds):
        rest, held = folds != fold, folds == fold
        train = truth[rest], detected[rest], confidence[rest]
        plain = fit_gaussian(*train, rotate=rotate)
        for row, scale in enumerate(scales):
            scaled = replace(plain, noise_scale=scale)
            for column, penalty in enumerate(penalties):
                prior = scaled if penalty is None else _corrected(scaled, *train, penalty)
                error = np.linalg.norm(prior.refine(detected[held], confidence[held]) - truth[held], axis=2)
                sums[row, column] += np.nansum(error)
        count += int(np.isfinite(error).sum())
    best = np.unravel_index(sums.argmin(), sums.shape)
    return scales[int(best[0])], penalties[int(best[1])], float(sums[best] / max(count, 1))


def _corrected(
    prior: GaussianPrior, truth: np.ndarray, detected: np.ndarray, confidence: np.ndarray, penalty: float
) -> GaussianPrior:
    """The prior with a correction, fitted to what its estimates leave; sure poses count more."""
    known = np.isfinite(truth).all((1, 2)) & ((~np.isnan(detected[..., 0])).sum(1) >= 2)
    truth, detected, confidence = truth[known], detected[known], confidence[known]
    inputs, left = [], []
    wide = prior.wide()
    for k in range(0, len(truth), CHUNK):
        part = slice(k, k + CHUNK)
        place = prior.place(detected[part], confidence[part])
        offset = prior.estimate(place.apply(detected[part]), confidence[part], wide)
        inputs.append(offset.reshape(len(offset), -1))
        left.append((place.apply(truth[part]) - prior.mean - offset).reshape(len(offset), -1))
    x, y = _with_one(np.concatenate(inputs)), np.concatenate(left)
    weight = 1 / (prior.deviation(confidence) ** 2).mean(1, keepdims=True)
    weight = weight / weight.sum()
    square = x.T @ (weight * x) + penalty * np.eye(x.shape[1])
    return replace(prior, correction=np.linalg.solve(square, x.T @ (weight * y)))


def _with_one(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.ones((len(values), 1))], 1)


def _log_variance(squares: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(3,) coefficients of a quadratic for log v(c) by Newton's method on sum(log v + squares / v).

    A little ridge on the slopes keeps them still where all confidences are alike.
    """
    design = np.stack([np.ones_like(confidence), confidence, confidence**2], 1)  # (M, 3)
    ridge = np.diag([0, 1e-3, 1e-3]) * len(squares)
    squares = np.maximum(squares, 1e-12)
    b = np.array([np.log(squares.mean()), 0, 0])
    for _ in range(100):
        ratio = squares * np.exp(-design @ b)
        gradient = design.T @ (1 - ratio) + ridge @ b
        hessian = (design * ratio[:, None]).T @ design + ridge
        step = np.linalg.solve(hessian, gradient)
        b = b - step * min(1, 2 / max(np.abs(design @ step).max(), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(b)


class GaussianOptions(FittedOptions):
    """Options of `gaussian`."""

    name: Literal["gaussian"] = "gaussian"


class PriorHeader(Config):
    """What a file of weights says of a prior, beside its tensors."""

    noise_scale: float = Field(gt=0, le=1000)
    confidences: list[float] = Field(min_length=2, max_length=2)
    rotate: bool


class GaussianFitting:
    """A `GaussianPrior` a part, its hyperparameters chosen on held-out clips."""

    header = PriorHeader

    def fit(self, poses: PartPoses, seed: int) -> tuple[GaussianPrior, dict[str, Any]]:
        """See `skeletor.refiners2d.base.Fitting`; no randomness is needed."""
        scale, penalty, about = choose_for(poses)
        return fit_gaussian(poses.truth, poses.detected, poses.confidence, scale, penalty, not poses.upright), about

    def pack(self, part: GaussianPrior, bones: list[tuple[int, int]]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """See `skeletor.refiners2d.base.Fitting`."""
        return pack_prior(part)

    def unpack(self, tensors: Mapping[str, np.ndarray], header: PriorHeader, joints: int) -> GaussianPrior:
        """See `skeletor.refiners2d.base.Fitting`."""
        return unpack_prior(tensors, header, joints)


@register_fitted(GaussianOptions, "most probable pose, given the detections")
def gaussian_fitting(options: GaussianOptions) -> GaussianFitting:
    """How `gaussian` is fitted; it has no options of its own."""
    return GaussianFitting()


def choose_for(poses: PartPoses) -> tuple[float, float | None, dict[str, Any]]:
    """`noise_scale` and `penalty` for a part, and what is to be known of the choice."""
    some = slice(None, None, max(1, -(-len(poses.truth) // CHOICE)))
    true, seen = poses.truth[some], poses.detected[some]
    folds = (poses.clip % FOLDS)[some]
    scale, penalty, error = choose_gaussian(true, seen, poses.confidence[some], folds, not poses.upright)
    raw = float(np.nanmean(np.linalg.norm(seen - true, axis=2)))
    about = {"poses": len(poses.truth), "noise_scale": scale, "penalty": penalty, "held_out": error, "raw": raw}
    return scale, penalty, about


def pack_prior(prior: GaussianPrior) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors of a prior, and the values of its `PriorHeader`."""
    arrays = {key: getattr(prior, key) for key in ("mean", "covariance", "noise", "correction")}
    tensors = {f"prior.{key}": value for key, value in arrays.items() if value is not None}
    header = {"noise_scale": prior.noise_scale, "confidences": list(prior.confidences), "rotate": prior.rotate}
    return tensors, header


def unpack_prior(tensors: Mapping[str, np.ndarray], header: PriorHeader, joints: int) -> GaussianPrior:
    """The prior again. ValueError or KeyError if it is none of so many joints."""
    low, high = header.confidences
    prior = GaussianPrior(
        tensors["prior.mean"],
        tensors["prior.covariance"],
        tensors["prior.noise"],
        (float(low), float(high)),
        float(header.noise_scale),
        header.rotate,
        tensors.get("prior.correction"),
    )
    _check_prior(prior, joints)
    return prior


def _check_prior(prior: GaussianPrior, count: int) -> None:
    """ValueError unless a prior is one of `count` joints whose covariance is a covariance."""
    size = 2 * count
    right = prior.mean.shape == (count, 2) and prior.covariance.shape == (size, size) and prior.noise.shape == (3,)
    if not right or (prior.correction is not None and prior.correction.shape != (size + 1, size)):
        raise ValueError(f"a prior of {count} joints has the wrong shape")
    arrays = [prior.mean, prior.covariance, prior.noise, *([] if prior.correction is None else [prior.correction])]
    if any(not np.issubdtype(array.dtype, np.floating) for array in arrays):
        raise ValueError(f"a prior of {count} joints holds no real numbers")
    values = np.linalg.eigvalsh(prior.covariance)
    even = np.allclose(prior.covariance, prior.covariance.T, rtol=1e-3, atol=1e-6 * abs(values).max())
    if not even or values[0] < -1e-3 * values[-1]:
        raise ValueError(f"the covariance of {count} joints is none")
