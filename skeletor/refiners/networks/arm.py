"""What an arm that is seen tells of its hidden hand: where the hand turns to, and how far it is ahead of its wrist."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

OPPOSITE = 0.1  # 1 + cosine of two directions below which the turn between them is held back: its axis is unknown


@dataclass(frozen=True)
class ArmBends:
    """Bends (B, T, J, D) of the straight fill of joints of hands, 0 at both ends of a gap, and for other joints.

    turn, tilt: the hand turned with its forearm from either end, in the picture plane and in depth. lag: along the
    wrist's step, in the picture plane: a detector of bodies is calmer than one of hands, so in a fast motion the hand
    is ahead of its wrist.
    """

    turn: Tensor
    tilt: Tensor
    lag: Tensor


def arm_bends(
    points: Tensor,
    local: Tensor,
    carrier: Tensor,
    elbow: Tensor,
    low: Tensor,
    high: Tensor,
    u: Tensor,
) -> ArmBends:
    """The bends of joints `local` (B, T, J, D) as they are filled, which hang on `carrier` (J,).

    points: (B, T, J, D). elbow: (J,) the joint that the carrier hangs on, or the carrier itself: then nothing turns.
    low, high: (B, T, J) frames of the ends of each joint's gap, its own frame outside of gaps. u: (B, T, J) how far in
    time a frame is from the one to the other, 0 to 1.
    """
    share = u[..., None]
    carried = (carrier != torch.arange(len(carrier), device=carrier.device)).to(points.dtype)[:, None]  # (J, 1)
    planar = (torch.arange(points.shape[3], device=points.device) < 2).to(points.dtype)
    forearm = nn.functional.normalize(points.index_select(2, carrier) - points.index_select(2, elbow), dim=-1)
    first, last = at_frames(local, low), at_frames(local, high)
    from_first = _turned(first, at_frames(forearm, low), forearm) - first
    from_last = _turned(last, at_frames(forearm, high), forearm) - last
    turned = torch.lerp(from_first, from_last, share) * carried
    step = _steps(points).index_select(2, carrier)
    lag = (step - torch.lerp(at_frames(step, low), at_frames(step, high), share)) * carried * planar
    return ArmBends(turned * planar, turned * (1 - planar), lag)


def at_frames(values: Tensor, frame: Tensor) -> Tensor:
    """(B, T, J, D) values of each joint in another frame (B, T, J)."""
    index = frame.clamp(0, values.shape[1] - 1)[..., None].expand(-1, -1, -1, values.shape[3])
    return values.gather(1, index)


def _turned(values: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """Values (..., D) turned as a direction turns from `start` to `stop`; D is 2 or 3."""
    missing = 3 - values.shape[-1]
    v, a, b = (nn.functional.pad(x, (0, missing)) for x in (values, start, stop))
    axis = torch.linalg.cross(a, b)
    across = torch.linalg.cross(axis, v)
    onward = torch.linalg.cross(axis, across) / (1 + (a * b).sum(-1, keepdim=True)).clamp(min=OPPOSITE)
    return torch.as_tensor(v + across + onward)[..., : values.shape[-1]]


def _steps(points: Tensor) -> Tensor:
    """(B, T, J, D) half the way from the frame before to the frame behind; from the edges of the window half of one."""
    padded = torch.cat([points[:, :1], points, points[:, -1:]], dim=1)
    return (padded[:, 2:] - padded[:, :-2]) / 2
