"""Confidences in 3 bits: a frame of 50 joints in 3D then takes 319 bytes (300 of them float16 positions).

Eight levels: 0, .05, .15, .32, .49, .66, .83, 1. A confidence becomes the nearest one, but only 0 becomes 0, so what is
missing or merely inferred stays exactly that; and since .1 lies half way between two levels, a joint is above the
default `minimum_confidence` of .1 after packing if and only if it was before. The error is at most .085, and at most
.05 below .15. Training uses nothing else of a target's confidence than whether it is 0; of a source's it uses the
comparison with `minimum_confidence`, and the value as one input of the network.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

LEVELS = (0.0, 0.05, 0.15, 0.32, 0.49, 0.66, 0.83, 1.0)
BITS = 3
_EDGES = ((np.array(LEVELS[1:-1]) + np.array(LEVELS[2:])) / 2).round(6).astype(np.float32)


def packed_bytes(joints: int) -> int:
    """C, the number of bytes of a frame's J confidences: ceil(3 J / 8)."""
    return -(-BITS * joints // 8)


def pack_confidence(confidence: np.ndarray) -> np.ndarray:
    """(F, J) in [0, 1] -> (F, C) uint8, C = packed_bytes(J)."""
    codes = np.where(confidence > 0, 1 + np.searchsorted(_EDGES, confidence, side="right"), 0).astype(np.uint8)
    bits = codes[..., None] >> np.arange(BITS - 1, -1, -1, dtype=np.uint8) & 1  # (F, J, 3)
    return np.packbits(bits.reshape(len(codes), BITS * codes.shape[1]), axis=1)


def unpack_confidence(packed: Tensor, joints: int) -> Tensor:
    """(..., C) uint8 -> (..., J) float32, on the tensor's device; inverse of `pack_confidence` up to its rounding."""
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=packed.device)
    bits = packed[..., None].bitwise_right_shift(shifts).bitwise_and(1).flatten(-2)[..., : BITS * joints]
    bits = bits.unflatten(-1, (joints, BITS))
    codes = bits[..., 0] * 4 + bits[..., 1] * 2 + bits[..., 2]
    return torch.tensor(LEVELS, device=packed.device)[codes.int()]
