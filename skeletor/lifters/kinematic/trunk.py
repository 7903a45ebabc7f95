"""How far the trunk is turned about the vertical, from where the shoulders and the wrists are in the picture.

Turned shoulders look nearer to each other, which does not say to which side. Arms do: people turn to where they reach,
and who turns takes the arms along. Both, and that nobody turns at once, make a chain of probabilities over time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeletor.lifters.kinematic.side_by_side import Layout, marginals

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_WRIST, RIGHT_WRIST = 5, 2, 7, 4
SURE = 0.3  # confidence from which a joint is evidence of a length
TINY = 1e-3
# Turns that are weighed: sines of the angle, above 0 with the left shoulder to the front.
_GRID = np.linspace(-0.9, 0.9, 37, dtype=np.float32)


@dataclass(frozen=True)
class TrunkPrior:
    """What is known of trunks before they are seen. Turns are sines of an angle.

    reach: mean turn for each shoulder width that the middle of the wrists is to the right of that of the shoulders in
    the picture. It is below 0: the person's left is there, and goes back. spread: of the turn about that mean.
    width_error: of the shoulders' seen width, relative. width_top: quantile of the seen widths that stands for the
    width. step: spread of the turn's change per frame.
    """

    reach: float = -0.5
    spread: float = 0.15
    width_error: float = 0.03
    width_top: float = 0.9
    step: float = 0.03


def turn(points: np.ndarray, weight: np.ndarray, layout: Layout, prior: TrunkPrior) -> np.ndarray:
    """(N,) how far the left shoulder is before the right one, from gapless 2D points (N, 50, 2), in their unit.

    weight: (N, 50) confidences, 0 = not seen. layout: which frames belong to one clip.
    """
    assert points.ndim == 3 and points.shape[1:] == (50, 2), points.shape
    assert weight.shape == points.shape[:2], weight.shape
    left, right = points[:, LEFT_SHOULDER], points[:, RIGHT_SHOULDER]  # (N, 2)
    seen = np.minimum(weight[:, LEFT_SHOULDER], weight[:, RIGHT_SHOULDER]) > SURE  # (N,)
    width = _width(np.linalg.norm(left - right, axis=1), seen, layout, prior)  # (N,)
    left_over = 1 - ((left - right) ** 2).sum(1) / width**2  # (N,) for the square of the turn
    cost = np.where(seen[:, None], ((_GRID**2 - left_over[:, None]) / (2 * prior.width_error)) ** 2, 0)  # (N, G)
    aside = (points[:, [LEFT_WRIST, RIGHT_WRIST], 0].mean(1) - (left + right)[:, 0] / 2) / width  # (N,)
    cost = cost + ((_GRID - prior.reach * aside[:, None]) / prior.spread) ** 2
    belief = marginals(cost[:, None], ((_GRID[:, None] - _GRID) / prior.step) ** 2, layout)  # (N, 1, G)
    turned: np.ndarray = (belief[:, 0] @ _GRID * width).astype(np.float32)
    return turned


def _width(widths: np.ndarray, seen: np.ndarray, layout: Layout, prior: TrunkPrior) -> np.ndarray:
    """(N,) width of the shoulders, one per clip, from its projections (N,): a high quantile."""
    result = np.ones(len(widths), np.float32)
    for part in layout.slices:
        values = widths[part][seen[part]]
        if len(values):
            result[part] = max(float(np.quantile(values, prior.width_top)), TINY)
    return result
