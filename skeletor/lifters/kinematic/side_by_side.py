"""Clips side by side in one array: smoothing and chains of probabilities that never cross the border of a clip."""

from __future__ import annotations

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
        """The slice of the N frames that each clip takes, in order."""
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


def marginals(cost: np.ndarray, jump: np.ndarray, layout: Layout) -> np.ndarray:
    """(N, H, S) probabilities of S states in H chains per clip, by the forward-backward algorithm.

    cost: (N, H, S), -2 log likelihood of each state. jump: cost of a step from state i to state j, (S, S) for all
    steps, or (N, H, S, S) for the step into each frame. Clips run side by side, so the loop is as long as the longest.
    """
    assert cost.ndim == 3 and len(cost) == sum(layout.lengths), cost.shape
    # The floors keep a jump that cannot be from cutting the chain.
    seen = np.maximum(np.exp(-0.5 * (cost - cost.min(2, keepdims=True))), 1e-6)
    steps = np.maximum(np.exp(-0.5 * jump), 1e-6)
    lengths = np.array(layout.lengths)
    order = np.argsort(-lengths, kind="stable")  # longest first: the clips that still run are a prefix
    first = (np.cumsum(lengths) - lengths)[order]
    running = (lengths[order][None] > np.arange(lengths.max())[:, None]).sum(1)  # (T,)
    ahead = np.empty_like(seen)  # evidence up to and with each frame
    behind = np.ones_like(seen)  # evidence after it
    ahead[first] = seen[first]
    for t in range(1, len(running)):
        rows = first[: running[t]] + t
        way = steps if jump.ndim == 2 else steps[rows]
        now = (ahead[rows - 1][:, :, None] @ way)[:, :, 0] * seen[rows]
        ahead[rows] = now / (now.sum(2, keepdims=True) + 1e-30)
    for t in range(len(running) - 1, 0, -1):
        rows = first[: running[t]] + t
        way = steps if jump.ndim == 2 else steps[rows]
        now = (way @ (behind[rows] * seen[rows])[..., None])[..., 0]
        behind[rows - 1] = now / (now.sum(2, keepdims=True) + 1e-30)
    both = ahead * behind
    posterior: np.ndarray = both / (both.sum(2, keepdims=True) + 1e-30)
    return posterior
