"""The gaps of joints between two observations, and the ways in which their straight fill may be bent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from skeletor.refiners.networks.arm import ArmBends, arm_bends, at_frames

# Ways to bend a fill: to leave and to reach the ends as a curve with the speed that the joint had there; not to start
# and stop at noisy ends; to go on as the wrist, or as the other hand's fingers, go on; to be late or early; to ease in
# and out.
BENDS = ("leave", "arrive", "first", "last", "wrist", "other", "late", "ease")
# And of a hand, by what its arm does meanwhile: `skeletor.refiners.networks.arm`.
ARM_BENDS = ("turn", "tilt", "lag")
REACH = 16  # frames: gaps with ends further apart are not bent (they are not filled with a line either, see `HORIZON`)
SLOPES = 8  # frames: a curve over a longer gap swings no further than over one of this length
STILL = 0.1  # of the mean spread: a path of this length counts half against the clock


@dataclass(frozen=True)
class Gaps:
    """For joints (B, T, J) of a window: where the gap around each hidden one ends, and what lies there.

    inside: bool, hidden and between two observations at most REACH frames apart. u: how far in time from the first to
    the last end, 0 to 1; length: frames between the ends. span (B, T, J, D): from the first end to the last. before,
    after: the joint's step into the first and out of the last end. ways: how far the wrist, and the other hand, are on
    their paths, less `u`. past, future: distances to the last and next observation, in units of REACH. arm: the bends
    ARM_BENDS, where the network takes them.
    """

    FACTS: ClassVar[int] = 5
    inside: Tensor
    u: Tensor
    length: Tensor
    span: Tensor
    before: Tensor
    after: Tensor
    ways: tuple[Tensor, Tensor]
    past: Tensor
    future: Tensor
    arm: ArmBends | None = None

    def bases(self) -> list[Tensor]:
        """One (B, T, J, D) for each of BENDS, then of ARM_BENDS if there is an arm.

        All are 0 at both ends of a gap, but for `first` and `last` at one.
        """
        u, n = self.u[..., None], self.length.clamp(max=SLOPES)[..., None]
        line = self.span / self.length.clamp(min=1)[..., None]
        wrist, other = (way[..., None] * self.span for way in self.ways)
        return [
            n * u * (1 - u) ** 2 * (self.before - line),
            n * u**2 * (1 - u) * (line - self.after),
            (1 - u) * self.before,
            u * self.after,
            wrist,
            other,
            u * (1 - u) * self.span,
            u * (1 - u) * (1 - 2 * u) * self.span,
            *(() if self.arm is None else (self.arm.turn, self.arm.tilt, self.arm.lag)),
        ]

    def bent(self, amounts: Tensor) -> Tensor:
        """(B, T, J, K) amounts of the K bases -> (B, T, J, D) to be added to the fill; 0 outside gaps."""
        total = torch.zeros_like(self.span)
        for k, basis in enumerate(self.bases()):
            total = total + amounts[..., k : k + 1] * basis
        return torch.where(self.inside[..., None], total, 0.0)

    def facts(self, confidence: Tensor, scale: Tensor) -> Tensor:
        """(B, T, J, K + FACTS) what an encoder is told of each joint and its K bases. scale: (J, D) its spread."""
        sizes = [(basis / scale).norm(dim=-1) for basis in self.bases()]
        sizes[4:6] = self.ways  # with their signs
        inside = self.inside.to(confidence.dtype)
        facts = [size * inside for size in sizes]
        return torch.stack([*facts, confidence, inside, self.past, self.future, self.u * inside], dim=-1)


def find_gaps(
    points: Tensor,
    local: Tensor,
    observed: Tensor,
    carrier: Tensor,
    hands: Sequence[Sequence[int]],
    scale: Tensor,
    elbow: Tensor | None = None,
) -> Gaps:
    """The gaps of joints `local` (B, T, J, D), which lie at `points` and are seen from their `carrier` (J,).

    observed: (B, T, J) bool. hands: joints of each hand. scale: (J, D) spread of the joints. elbow: (J,) the joint that
    each one's carrier hangs on; None: without the bends of the arm.
    """
    frames = points.shape[1]
    time = torch.arange(frames, device=points.device).view(1, -1, 1).expand(observed.shape)
    low = torch.where(observed, time, -1).cummax(1).values
    high = torch.where(observed, time, frames).flip(1).cummin(1).values.flip(1)
    past = torch.where(low < 0, 2 * REACH, (time - low).float()).clamp(max=2 * REACH) / REACH
    future = torch.where(high >= frames, 2 * REACH, (high - time).float()).clamp(max=2 * REACH) / REACH
    inside = (low >= 0) & (high < frames) & ~observed & (high - low <= REACH)
    low, high = torch.where(inside, low, time), torch.where(inside, high, time)
    first, last = at_frames(local, low), at_frames(local, high)
    before = torch.where(_seen(observed, low - 1)[..., None], first - at_frames(local, low - 1), 0.0)
    after = torch.where(_seen(observed, high + 1)[..., None], at_frames(local, high + 1) - last, 0.0)
    length = (high - low).to(points.dtype)
    u = (time - low) / length.clamp(min=1)
    still = STILL * float(scale.mean())
    path = _path(points).index_select(2, carrier)
    ways = tuple(_way(p, low, high, u, still) for p in (path, _other_path(local, path, hands)))
    arm = None if elbow is None else arm_bends(points, local, carrier, elbow, low, high, u)
    return Gaps(inside, u, length, last - first, before, after, (ways[0], ways[1]), past, future, arm)


def _seen(observed: Tensor, frame: Tensor) -> Tensor:
    """(B, T, J) bool: whether a joint is seen in another frame; not outside the window."""
    frames = observed.shape[1]
    return observed.gather(1, frame.clamp(0, frames - 1)) & (frame >= 0) & (frame < frames)


def _path(points: Tensor) -> Tensor:
    """(B, T, J) length of the way that each joint has gone since the window's first frame."""
    steps = points.diff(dim=1).norm(dim=-1)
    return torch.cat([torch.zeros_like(steps[:, :1]), steps], dim=1).cumsum(1)


def _other_path(local: Tensor, path: Tensor, hands: Sequence[Sequence[int]]) -> Tensor:
    """(B, T, J) mean way of the other hand's joints about their wrist, for joints of one of two hands; else `path`."""
    if len(hands) != 2:
        return path
    own = [_path(local[:, :, list(hand)]).mean(2) for hand in hands]
    result = path.clone()
    for hand, other in zip(hands, reversed(own), strict=True):
        result[:, :, list(hand)] = other[..., None]
    return result


def _way(path: Tensor, low: Tensor, high: Tensor, u: Tensor, still: float) -> Tensor:
    """(B, T, J) share of the way between two frames that is gone, less that of time; a short way follows the clock."""
    start, stop = path.gather(1, low), path.gather(1, high)
    return (path - start + still * u) / (stop - start + still) - u
