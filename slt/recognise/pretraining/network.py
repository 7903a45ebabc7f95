"""The encoder in pretraining: with heads that are of no use afterwards, and their losses."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, smooth_l1_loss

from slt.recognise.network import Encoder
from slt.recognise.pretraining.config import PretrainConfig
from slt.recognise.pretraining.views import ORDERS
from slt.translate.features import WIDTH

_NEAR = 2  # steps about a step that are no contrast to it: much of them is the same signing


class Found(NamedTuple):
    """predicted (B, T, F) from the states, and of each stream its own columns; steps (B, T', P) as they are compared;
    orders (B, orders) logits; real (B, T'). None: no objective needs it."""

    predicted: tuple[Tensor, ...] | None
    steps: Tensor | None
    orders: Tensor | None
    real: Tensor


class PretrainNetwork(Encoder):
    """(B, T, F + 1), as of `Encoder.encode`, to `Found`."""

    def __init__(self, config: PretrainConfig) -> None:
        super().__init__(config.recogniser)
        wide, narrow = config.recogniser.hidden, config.recogniser.width
        s, wanted = config.recogniser.subsample, config.objectives
        sizes = [(wide, WIDTH), *((narrow, len(columns)) for columns in self.columns)]
        self.predict = nn.ModuleList(nn.Linear(a, s * b) for a, b in sizes) if "masked" in wanted else None
        self.compare = (
            nn.Sequential(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, config.projection))
            if "contrastive" in wanted
            else None
        )
        self.ordered = nn.Sequential(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, len(ORDERS)))
        if "order" not in wanted:
            self.ordered = nn.Sequential()

    def forward(self, frames: Tensor) -> Found:
        """(B, T, F + 1) -> what the heads make of it."""
        parts, states, real = self.encode(frames)
        predicted = None
        if self.predict is not None:
            rows = frames.shape[1]
            predicted = tuple(
                head(x).unflatten(2, (self.subsample, -1)).flatten(1, 2)[:, :rows]
                for head, x in zip(self.predict, (states, *parts), strict=True)
            )
        orders = None
        if len(self.ordered):
            count = real.sum(1, keepdim=True)  # (B, 1)
            orders = self.ordered((states * real[..., None]).sum(1) / count)  # (B, orders)
        return Found(predicted, None if self.compare is None else self.compare(states), orders, real)


def masked_loss(predicted: tuple[Tensor, ...], columns: list[list[int]], target: Tensor, hidden: Tensor,
                stream_weight: float) -> Tensor:  # fmt: skip
    """Mean error (Huber's) of what was hidden: of the joined prediction, and weighted of the streams'.

    predicted: (B, T, F), and of each stream its columns; target, hidden: (B, T, F).
    """
    total = _mean_error(predicted[0], target, hidden)
    for part, own in zip(predicted[1:], columns, strict=True):
        total = total + stream_weight * _mean_error(part, target[..., own], hidden[..., own])
    return total


def _mean_error(predicted: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
    errors = smooth_l1_loss(predicted.float(), target, reduction="none") * hidden
    mean: Tensor = errors.sum() / hidden.sum().clamp(min=1)
    return mean


def contrastive_loss(first: Tensor, second: Tensor, real: Tensor, temperature: float) -> Tensor:
    """A step of one view is to be likest to the same step of the other view (InfoNCE, both ways).

    first, second: (B, T', P) of the same clips; real: (B, T'). The contrast are all other steps of the batch, but for
    those that are next to it.
    """
    clip, time = real.nonzero(as_tuple=True)  # (N,) each
    a, b = (normalize(x[clip, time].float(), dim=1) for x in (first, second))  # (N, P)
    alike = a @ b.T / temperature  # (N, N)
    apart = (time[:, None] - time).abs()
    near = (clip[:, None] == clip) & (apart > 0) & (apart <= _NEAR)
    alike = alike.masked_fill(near, -torch.inf)
    same = torch.arange(len(clip), device=alike.device)
    return (cross_entropy(alike, same) + cross_entropy(alike.T, same)) / 2


def order_loss(logits: Tensor, orders: Tensor) -> Tensor:
    """Cross-entropy of the segments' orders (B,), -1 for none; 0 if all are none."""
    total = cross_entropy(logits.float(), orders, ignore_index=-1, reduction="sum")
    return total / (orders >= 0).sum().clamp(min=1)
