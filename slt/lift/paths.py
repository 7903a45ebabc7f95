"""Clips side by side in one array: smoothing and best paths that never cross the border of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Layout:
    """How N frames divide into clips. lengths: frames of each clip, all above 0."""

    lengths: tuple[int, ...]

    @cached_property
    def clip(self) -> np.ndarray:
        """(N,) index of each frame's clip."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,), (N,) first and last frame of each frame's clip."""
        stops = np.cumsum(self.lengths)
        return (stops - np.array(self.lengths))[self.clip], (stops - 1)[self.clip]

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The frames of each clip."""
        stops = np.cumsum(self.lengths)
        return tuple(slice(stop - n, stop) for stop, n in zip(stops.tolist(), self.lengths, strict=True))

    def neighbour(self, offset: int) -> np.ndarray:
        """(N,) index of the frame `offset` later in the same clip, held at its ends."""
        first, last = self.ends
        return np.clip(np.arange(len(self.clip)) + offset, first, last)

    def smooth(self, values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
        """(N, J, C) Gaussian mean over time of values (N, J, C) with weights (N, J); sigma in frames."""
        if sigma <= 0:
            return values
        total = np.zeros_like(values)
        mass = np.full((*weight.shape, 1), 1e-9, values.dtype)
        reach = max(1, round(3 * sigma))
        for offset in range(-reach, reach + 1):
            there = self.neighbour(offset)
            share = (np.exp(-0.5 * (offset / sigma) ** 2) * weight[there])[..., None].astype(values.dtype)
            total += share * values[there]
            mass += share
        return total / mass


def best_paths(cost: np.ndarray, place: np.ndarray, spread: float, layout: Layout) -> np.ndarray:
    """(N, H) the candidate of least total cost, per clip and chain (Viterbi).

    cost: (N, H, S) of each of S candidates; place: (N, H, S, C) where each is: a step from one frame to the next costs
    |difference / spread|^2. Clips run side by side, so the loop is as long as the longest clip.
    """
    frames, chains, states = cost.shape
    jump = np.zeros((frames, chains, states, states), np.float32)  # from [.., i, .] before to [.., ., j] now
    before = layout.neighbour(-1)
    jump = (((place[:, :, None] - place[before][:, :, :, None]) / spread) ** 2).sum(-1)
    first = np.cumsum([0, *layout.lengths[:-1]])
    lengths = np.array(layout.lengths)
    order = np.argsort(-lengths, kind="stable")  # longest first, so that the clips still running are a prefix
    first, lengths = first[order], lengths[order]
    running = [int((lengths > t).sum()) for t in range(int(lengths[0]))]
    came = np.zeros((frames, chains, states), np.int8)
    total = cost[first].copy()  # (clips, H, S)
    last = total.copy()
    for t, count in enumerate(running):
        if t == 0:
            continue
        rows = first[:count] + t
        ways = total[:count, :, :, None] + jump[rows]  # (clips, H, from, to)
        came[rows] = ways.argmin(2)
        total = ways.min(2) + cost[rows]
        last[:count] = total
    path = np.zeros((frames, chains), np.int64)
    ends = first + lengths - 1
    path[ends] = last.argmin(2)
    for t in range(len(running) - 1, 0, -1):
        rows = first[: running[t]] + t
        path[rows - 1] = np.take_along_axis(came[rows], path[rows][..., None], 2)[..., 0]
    return path
