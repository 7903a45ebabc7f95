"""Whole clips through the networks: points and confidences in, joints out. Shoulder widths; no gaps in the points."""

from __future__ import annotations

import torch
from torch import Tensor

from skeletor.learning.augment import mirrored
from skeletor.lifters.learned.networks.layers import LiftNetwork
from skeletor.lifters.learned.networks.registry import REGISTRY

NECK = 1  # the root of SIGNING_50 here


@torch.no_grad()
def lift_clip(
    network: LiftNetwork,
    points: Tensor,
    confidence: Tensor,
    mirror: Tensor | None = None,
    stride: int = 1,
    output: str = "centre",
    root: int = NECK,
) -> Tensor:
    """(T, J, 2), (T, J) -> (T, J, 3).

    mirror: (J,) permutation that exchanges left and right: the result is then the mean with that of the mirror image.
    stride: only every N-th frame, from the first on, is looked at (uplift-upsample only). output: "centre"
    or "sequence", see `uplift.lift_uplift` (uplift-upsample only). root: the joint from which uplift-upsample and
    anatomy see the others.
    """
    assert points.ndim == 3 and confidence.shape == points.shape[:2], (points.shape, confidence.shape)
    lifted: Tensor = REGISTRY[network.kind].lift(network, points, confidence, stride, output, root)
    if mirror is None:
        return lifted
    flip = torch.ones(1, dtype=torch.bool, device=points.device)
    other, sure = mirrored(points[None], confidence[None], flip, mirror)
    back, _ = mirrored(lift_clip(network, other[0], sure[0], None, stride, output, root)[None], sure, flip, mirror)
    return (lifted + back[0]) / 2
