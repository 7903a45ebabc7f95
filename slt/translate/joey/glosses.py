"""Gloss recognition beside translation: a CTC head (Graves et al. 2006) on the encoder, its loss and its reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from joeynmt.model import Model
from torch import Tensor, nn

from skeletor.support.errors import InputError

BLANK = 0  # the head's first output; gloss k of the vocabulary is output k + 1


@dataclass(frozen=True)
class Recognition:
    """What a gloss head learns. vocabulary: the glosses of train, sorted. train, dev: glosses of each example."""

    vocabulary: tuple[str, ...]
    train: tuple[tuple[str, ...], ...]
    dev: tuple[tuple[str, ...], ...]

    def ids(self) -> list[list[int]]:
        """The head's outputs (1 to the number of glosses; 0 is the blank) that spell each training example."""
        numbers = {gloss: k + 1 for k, gloss in enumerate(self.vocabulary)}
        return [[numbers[gloss] for gloss in glosses] for glosses in self.train]


def make_recognition(train: Sequence[Sequence[str]], dev: Sequence[Sequence[str]]) -> Recognition:
    """The glosses that a head learns; the vocabulary is that of train alone.

    Raises InputError if an example has no glosses.
    """
    if not all(train) or not all(dev):
        raise InputError("gloss head: a sentence has no glosses; give the corpus' gloss column, or gloss_weight: 0")
    vocabulary = tuple(sorted({gloss for glosses in train for gloss in glosses}))
    return Recognition(vocabulary, tuple(map(tuple, train)), tuple(map(tuple, dev)))


def steps_needed(glosses: Sequence[Any]) -> int:
    """Fewest encoder steps from which CTC can read these glosses (Graves et al. 2006).

    One for each gloss, and one for a blank between two equal ones.
    """
    blanks: int = sum(a == b for a, b in pairwise(glosses))
    return len(glosses) + blanks


class GlossLoss:
    """CTC loss of training examples by their number; a clip too short for its glosses counts 0."""

    def __init__(self, ids: Sequence[Sequence[int]], weight: float, device: torch.device) -> None:
        rows = [torch.tensor(row, dtype=torch.long) for row in ids]
        self.weight = weight
        self.lengths = torch.tensor([len(row) for row in rows], device=device)  # (N,)
        self.targets = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device)  # (N, G)

    def __call__(self, logits: Tensor, steps: Tensor, indices: Tensor) -> Tensor:
        """Weighted sum over a batch: logits (B, T', 1 + glosses), steps (B,) of them real, indices (B,) of examples."""
        assert logits.dim() == 3 and steps.shape == indices.shape == logits.shape[:1], (logits.shape, steps.shape)
        log_probs = logits.log_softmax(2).transpose(0, 1)  # (T', B, 1 + glosses)
        loss = nn.functional.ctc_loss(
            log_probs, self.targets[indices], steps, self.lengths[indices], BLANK, reduction="sum", zero_infinity=True
        )
        return self.weight * loss


class GlossModel(Model):
    """JoeyNMT's model with a gloss head on its encoder.

    gloss_loss: set for a training, as JoeyNMT sets `loss_function`; its loss is then added to the text's, both as
    sums over the batch. text_weight: of the text's loss. Losses on dev are those of the text alone.
    """

    def __init__(self, parts: dict[str, Any], hidden: int, glosses: int) -> None:
        super().__init__(**parts)
        self.gloss_head = nn.Linear(hidden, 1 + glosses)
        self.gloss_loss: GlossLoss | None = None
        self.text_weight = 1.0

    def forward(self, return_type: str | None = None, **values: Any) -> tuple[Any, ...]:
        """As JoeyNMT's model; in training with `gloss_loss`, return_type "loss", the loss of the glosses is added.

        Then gives (loss, log probabilities (B, L, words), attention, number of right tokens).
        """
        if return_type != "loss" or not self.training or self.gloss_loss is None:
            result: tuple[Any, ...] = super().forward(return_type=return_type, **values)
            return result
        source = {key: values[key] for key in ("src", "src_length", "src_mask")}
        states, hidden = self._encode(**source)  # (B, T', H)
        out, _, attention, _ = self._decode(
            encoder_output=states, encoder_hidden=hidden, src_mask=values["src_mask"], trg_input=values["trg_input"],
            unroll_steps=values["trg_input"].shape[1], trg_mask=values["trg_mask"],
        )  # fmt: skip
        log_probs = out.log_softmax(2)  # (B, L, words)
        text = self.loss_function(log_probs, trg=values["trg"])
        gloss = self.gloss_loss(self.gloss_head(states), values["src_length"], values["indices"])
        right = (log_probs.argmax(2) == values["trg"])[values["trg_mask"].squeeze(1)].sum()
        return self.text_weight * text + gloss, log_probs, attention, right


def read_glosses(model: GlossModel, states: Tensor, mask: Tensor, vocabulary: Sequence[str]) -> list[tuple[str, ...]]:
    """Greedy CTC reading of encoder states (B, T', H), mask (B, 1, T'): best outputs, runs once, blanks out."""
    with torch.no_grad():
        best = model.gloss_head(states).argmax(2)  # (B, T')
    best = torch.where(mask[:, 0], best, BLANK)
    changes = torch.ones_like(best, dtype=torch.bool)
    changes[:, 1:] = best[:, 1:] != best[:, :-1]
    kept = changes & (best != BLANK)
    return [tuple(vocabulary[k - 1] for k in row[keep].tolist()) for row, keep in zip(best, kept, strict=True)]
