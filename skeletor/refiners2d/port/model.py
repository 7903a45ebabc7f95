"""PORT in use: the frame in which it sees poses, the joints that it replaces, and the choice of its threshold.

Two ways to learn (`skeletor.refiners2d.port.training`):

masked: as published. Joints whose confidence lies under a threshold are masked and replaced by what the network
    makes of the others (equations 13 and 14).
errors: the network corrects the Gaussian estimate (`skeletor.refiners2d.gaussian`) of all joints, and knows where they
    were detected and how surely. No joint is thrown away, so there is no threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from skeletor.refiners2d.alignment import Similarity
from skeletor.refiners2d.gaussian import GaussianPrior
from skeletor.refiners2d.port.config import Learn, PortConfig
from skeletor.refiners2d.port.network import Port
from skeletor.support.errors import InputError

EXTRAS = 4  # of `errors`: the estimate's two coordinates, confidence, logarithm of the deviation
THRESHOLDS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
CHUNK = 2048
ROOT, AXIS = 0, 9  # a hand's root and the first joint of its middle finger


def build_port(config: PortConfig, joints: int, bones: Sequence[tuple[int, int]]) -> Port:
    """The network that a config describes, with fresh weights. InputError if the config's values do not fit."""
    errors = config.learn == "errors"
    try:
        net = Port(
            joints,
            bones,
            powers=config.powers,
            width=config.width,
            inner=config.inner,
            heads=config.heads,
            layers=config.layers,
            extras=EXTRAS if errors else 0,
            identity=config.identity,
            zeroed=config.zeroed,
            dropout=config.dropout,
            silent=errors,
        )
    except ValueError as error:
        raise InputError(f"port: {error}") from error
    return net


@dataclass(frozen=True, eq=False)
class PortModel:
    """A trained network ready for one part of the body.

    prior: poses are seen from its mean shape, aligned by sure joints; None: the paper's frame, see `picture_frame`.
    threshold: of `masked`, joints below it are replaced. share: of `errors`, how much of the network's correction
    is believed.
    """

    net: Port
    prior: GaussianPrior | None
    learn: Learn
    threshold: float = 0.0
    share: float = 1.0

    def refine(self, points: np.ndarray, confidence: np.ndarray, size: np.ndarray | None = None) -> np.ndarray:
        """Refined poses (F, N, 2) in float64. A pose with fewer than two joints to go by comes back as it is.

        points: (F, N, 2), NaN where missing. confidence: (F, N). size: (F, 2) width and height of the pictures in
        pixels, needed for the paper's frame alone.
        """
        assert points.ndim == 3 and points.shape[1:] == (self.net.joints, 2), points.shape
        assert confidence.shape == points.shape[:2], confidence.shape
        refined = np.array(points, np.float64)
        hidden = np.isnan(refined[..., 0]) | (confidence < self.threshold if self.learn == "masked" else False)
        known = np.flatnonzero((~hidden).sum(1) >= 2)
        for k in range(0, len(known), CHUNK):
            part = known[k : k + CHUNK]
            some = refined[part], confidence[part], hidden[part]
            refined[part] = self._corrected(*some) if self.learn == "errors" else self._filled(*some, size, part)
        return refined

    def _corrected(self, points: np.ndarray, confidence: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        assert self.prior is not None
        place, base, extras = error_inputs(self.prior, points, confidence)
        placed = np.where(hidden[..., None], 0, place.apply(points))
        return place.undo(base + self.share * run_net(self.net, placed, hidden, extras))

    def _filled(
        self,
        points: np.ndarray,
        confidence: np.ndarray,
        hidden: np.ndarray,
        size: np.ndarray | None,
        part: np.ndarray,
    ) -> np.ndarray:
        unit = np.ones((len(points), 2)) if self.prior is not None or size is None else size[part]
        scaled = points / unit[:, None]
        if self.prior is None:
            place = picture_frame(scaled)
        else:
            place = self.prior.place(np.where(hidden[..., None], np.nan, scaled), confidence)
        placed = np.nan_to_num(place.apply(scaled))
        filled = place.undo(run_net(self.net, placed, hidden)) * unit[:, None]
        return np.where(hidden[..., None], filled, points)


def picture_frame(points: np.ndarray) -> Similarity:
    """The paper's frame for poses (F, N, 2) that are divided by the picture's size: root at 0, AXIS on +x."""
    root = points[:, ROOT, 0] + 1j * points[:, ROOT, 1]
    axis = points[:, AXIS, 0] + 1j * points[:, AXIS, 1] - root
    factor = axis.conj() / np.maximum(abs(axis), 1e-12)
    factor = np.where(abs(axis) > 1e-12, factor, 1)
    return Similarity(factor[:, None], (-factor * root)[:, None])


def error_inputs(
    prior: GaussianPrior, points: np.ndarray, confidence: np.ndarray
) -> tuple[Similarity, np.ndarray, np.ndarray]:
    """What the network of `errors` is given: the place, the estimate (F, N, 2) there, and extras (F, N, EXTRAS)."""
    place = prior.place(points, confidence)
    base = prior.mean + prior.estimate(place.apply(points), confidence, prior.wide())
    deviation = np.log(prior.deviation(confidence))
    extras = np.concatenate([base, 2 * confidence[..., None] - 1, deviation[..., None]], 2)
    return place, base, extras


@torch.inference_mode()
def run_net(net: Port, points: np.ndarray, hidden: np.ndarray, extras: np.ndarray | None = None) -> np.ndarray:
    """The network's output (F, N, 2) for points (F, N, 2), hidden (F, N) bool and extras (F, N, E), all in NumPy."""
    more = None if extras is None else torch.from_numpy(extras).float()
    return np.asarray(net(torch.from_numpy(points).float(), torch.from_numpy(hidden), more).double().numpy())


def choose_port(
    model: PortModel,
    truth: np.ndarray,
    detected: np.ndarray,
    confidence: np.ndarray,
    size: np.ndarray | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    shares: Sequence[float] = SHARES,
) -> tuple[PortModel, float]:
    """The model with the threshold (or share) that has the least error on poses it was not trained on, and that error.

    truth, detected: (F, N, 2), NaN where missing. confidence: (F, N). size: (F, 2), see `PortModel.refine`. The error
    is the mean distance of joints, in the units of the poses.
    """
    models = (
        [replace(model, threshold=t) for t in thresholds]
        if model.learn == "masked"
        else [replace(model, share=s) for s in shares]
    )
    errors = [float(np.nanmean(np.linalg.norm(m.refine(detected, confidence, size) - truth, axis=2))) for m in models]
    best = int(np.argmin(errors))
    return models[best], errors[best]
