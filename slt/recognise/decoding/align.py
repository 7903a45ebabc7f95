"""When each gloss that was read is signed, and how sure it is: the best CTC alignment of a reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slt.recognise.decoding.decode import BLANK, Ids


@dataclass(frozen=True)
class Sign:
    """A gloss that was read, the seconds in which it is signed, and how sure it is, 0 to 1."""

    gloss: str
    start: float
    end: float
    confidence: float


def align(log_probs: np.ndarray, ids: Ids) -> list[tuple[int, int, float]]:
    """First step, step behind the last one, and confidence of each gloss of `ids`, by (T, 1 + glosses).

    The most probable path that spells the reading (Viterbi over CTC's states: Graves et al. 2006, section 4.1, with the
    maximum in place of the sum). A gloss's confidence is its mean probability over its steps. [] if there are fewer
    steps than the reading needs.
    """
    if not ids:
        return []
    states = np.full(2 * len(ids) + 1, BLANK)
    states[1::2] = ids
    local = log_probs[:, states]  # (T, S)
    jump = np.zeros(len(states), bool)  # from one gloss straight to the next, another one
    jump[3::2] = states[3::2] != states[1:-2:2]
    best = np.full((len(local), len(states)), -np.inf)
    came = np.zeros((len(local), len(states)), np.int64)  # from how many states before
    best[0, :2] = local[0, :2]
    for t in range(1, len(local)):
        stay = best[t - 1]
        step = np.concatenate([[-np.inf], stay[:-1]])
        leap = np.where(jump, np.concatenate([[-np.inf, -np.inf], stay[:-2]]), -np.inf)
        ways = np.stack([stay, step, leap])  # (3, S)
        came[t] = ways.argmax(0)
        best[t] = ways.max(0) + local[t]
    state = int(len(states) - 1 - (best[-1, -2] > best[-1, -1]))
    if not np.isfinite(best[-1, state]):
        return []
    path = [state]
    for t in range(len(local) - 1, 0, -1):
        state -= int(came[t, state])
        path.append(state)
    found = np.array(path[::-1])  # (T,)
    spans = [np.flatnonzero(found == 2 * k + 1) for k in range(len(ids))]
    return [
        (int(span[0]), int(span[-1]) + 1, float(np.exp(log_probs[span, gloss]).mean()))
        for span, gloss in zip(spans, ids, strict=True)
    ]
