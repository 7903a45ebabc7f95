"""Subword regularisation: words of a sequence of pieces are segmented anew (Kudo 2018), and pieces are hidden."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from joeynmt.tokenizers import SentencePieceTokenizer
from joeynmt.vocabulary import Vocabulary

_START = "\u2581"  # sentencepiece's mark of a word's begin
_BEST = 12  # segmentations of a word that are drawn from


class Resampler:
    """Cuts each word of a sequence of ids anew: one of its 12 likeliest segmentations, with probability
    proportional to its own probability to the power alpha (Kudo 2018, section 3.3; there for sentences, but
    words are independent of each other in a unigram model).

    sentencepiece can draw by itself, but its generator cannot be set again: a resumed training would differ.
    """

    def __init__(self, tokenizer: SentencePieceTokenizer, words: Vocabulary, alpha: float) -> None:
        self._pieces, self._words, self._alpha = tokenizer.spm, words, alpha
        self._starts = np.array([token.startswith(_START) for token in words._itos])  # (V,)
        self._known: dict[tuple[int, ...], tuple[list[tuple[int, ...]], np.ndarray]] = {}

    def __call__(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(T,) int64 ids to (T',). Special symbols stay where they are."""
        assert ids.ndim == 1, ids.shape
        first = self._starts[ids] | (ids < len(self._words.specials))  # (T,)
        first[:1] = True
        bounds = [*np.flatnonzero(first).tolist(), len(ids)]
        plain = ids.tolist()
        draws = rng.random(len(bounds)).tolist()
        cut: list[int] = []
        for begin, end, draw in zip(bounds[:-1], bounds[1:], draws, strict=False):
            variants, limits = self._segmentations(tuple(plain[begin:end]))
            cut += variants[int(limits.searchsorted(draw, "right"))] if len(variants) > 1 else variants[0]
        return np.array(cut, np.int64)

    def _segmentations(self, word: tuple[int, ...]) -> tuple[list[tuple[int, ...]], np.ndarray]:
        """Segmentations of a word, and the running sum of their probabilities without the last (which is 1)."""
        if word not in self._known:
            tokens = [self._words._itos[k] for k in word]
            written = "".join(tokens).replace(_START, " ").strip()
            if word[0] < len(self._words.specials) or not written:
                self._known[word] = [word], np.empty(0)
            else:
                cuts = self._pieces.nbest_encode_as_pieces(written, _BEST) or [tokens]
                score = [sum(self._pieces.get_score(self._pieces.piece_to_id(p)) for p in cut) for cut in cuts]
                weights = np.exp(self._alpha * (np.array(score) - max(score)))
                limits = np.cumsum(weights / weights.sum())[:-1]
                self._known[word] = [tuple(map(self._words.lookup, cut)) for cut in cuts], limits
        return self._known[word]


def hide(ids: np.ndarray, rng: np.random.Generator, share: float, unknown: int, specials: int) -> np.ndarray:
    """(T,) ids of which about a share, specials left out, is exchanged for `unknown`."""
    hidden = (rng.random(len(ids)) < share) & (ids >= specials)
    return np.where(hidden, unknown, ids)


def spoken(glosses: Sequence[str]) -> str:
    """Glosses written like words, so that both may share pieces.

    Lower case, umlauts for AE, OE, UE, and the parts of a compound (WIE-AUSSEHEN, neg-HABEN) as words. UE stays behind
    a, e and q (BLAU-E, NEU-E, QUER); where the rule errs, it always errs in the same way.
    """
    text = " ".join(glosses).lower().replace("-", " ").replace("ae", "ä").replace("oe", "ö")
    return re.sub("(?<![aäeq])ue", "ü", text)
