"""The training loss: JoeyNMT's label-smoothed cross-entropy without its dense target matrix, and R-Drop."""

from __future__ import annotations

import math
from typing import Any

import torch
from joeynmt.model import Model
from torch import Tensor, nn


class _SmoothedSum(torch.autograd.Function):
    """The sum without R-Drop. Its gradient is written in one pass; autograd would fill four (B, L, V) tensors."""

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, trg: Tensor, pad_index: int, smoothing: float) -> Tensor:
        """log_probs: (B, L, V), trg: (B, L). The sum over all real tokens."""
        real = trg != pad_index  # (B, L)
        right = log_probs.gather(2, trg.unsqueeze(2)).squeeze(2)  # (B, L)
        share = smoothing / (log_probs.shape[2] - 2)
        ctx.save_for_backward(trg, real)
        ctx.shape, ctx.pad_index, ctx.right, ctx.share = log_probs.shape, pad_index, 1 - smoothing, share
        loss = -right
        if smoothing > 0:
            others = log_probs.sum(2) - right - log_probs[:, :, pad_index]  # (B, L)
            entropy = (1 - smoothing) * math.log(1 - smoothing) + smoothing * math.log(share)
            loss = entropy - (1 - smoothing) * right - share * others
        return loss.masked_fill(~real, 0.0).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """The gradient of the log probabilities (B, L, V)."""
        trg, real = ctx.saved_tensors
        each = gradients[0] * real.to(gradients[0].dtype)  # (B, L)
        result = (-ctx.share * each).unsqueeze(2).repeat(1, 1, ctx.shape[2])  # (B, L, V)
        result[:, :, ctx.pad_index] = 0
        result.scatter_(2, trg.unsqueeze(2), (-ctx.right * each).unsqueeze(2))
        return result, None, None, None


class SmoothedLoss(nn.Module):
    """Sum over tokens of the cross-entropy with smoothed targets, equal to JoeyNMT's `XentLoss`.

    1 - smoothing goes to the reference token, smoothing / (V - 2) to every other one but padding; as there, the
    entropy of the smoothed targets is subtracted (a constant for each token). JoeyNMT writes these targets out as
    a (B * L, V) matrix, which takes longer than the softmax.

    r_drop: if above 0, the rows of a training batch are twice the same sentences, first half and second half, with
    other dropout, and r_drop / 2 * (KL(p || q) + KL(q || p)) is added for each token (Liang et al. 2021, eq. 3).
    """

    def __init__(self, pad_index: int, smoothing: float = 0.0, r_drop: float = 0.0) -> None:
        super().__init__()
        self.pad_index, self.smoothing, self.r_drop = pad_index, smoothing, r_drop

    def forward(self, log_probs: Tensor, *, trg: Tensor, **_: Any) -> Tensor:
        """The loss, a sum over tokens. log_probs: (B, L, V) natural logarithms. trg: (B, L) ids.

        JoeyNMT hands over the whole batch by keyword.
        """
        assert log_probs.dim() == 3 and log_probs.shape[:2] == trg.shape, (log_probs.shape, trg.shape)
        total: Tensor = _SmoothedSum.apply(  # type: ignore[no-untyped-call]  # untyped in torch
            log_probs, trg, self.pad_index, self.smoothing
        )
        if self.training and self.r_drop > 0:
            total = total + self.r_drop / 2 * self._distance(log_probs, trg != self.pad_index)
        return total

    @staticmethod
    def _distance(log_probs: Tensor, real: Tensor) -> Tensor:
        """Sum over tokens of KL(p || q) + KL(q || p)."""
        p, q = log_probs.chunk(2)  # (B / 2, L, V)
        each = ((p.exp() - q.exp()) * (p - q)).sum(2)  # (B / 2, L)
        return each.masked_fill(~real[: len(each)], 0.0).sum()


def smoothed_loss(model: Model, smoothing: float, r_drop: float) -> None:
    """Give a JoeyNMT model the loss `SmoothedLoss`; the model's own setter knows only `XentLoss`.

    Its output layer gives logits (B, L, V) in float32 from then on.
    """
    loss = SmoothedLoss(model.pad_index, smoothing, r_drop)
    loss.train(model.training)
    model._loss_function = loss
    model.decoder.output_layer.register_forward_hook(_single)


def _single(layer: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    """Logits are float32 also where matrix products are not: probabilities need it."""
    return output.float()
