"""Gloss2Text models that decode together: each word by the mean of their probabilities."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.support.errors import InputError
from slt.recognise.ensemble.files import MOST, member, members
from slt.translate.joey.decoding.decode import Decoding, Encoded, Hypothesis, decode_ensemble, encode, tune_ensemble
from slt.translate.joey.text import text_digest
from slt.translate.translator import NOTHING, WEIGHTS, Translator, gloss_sources

Sentences = Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Translators:
    """The face of a Gloss2Text `Translator`, of several. The first one's file has how they search.

    members: of one vocabulary of glosses and of words (`Translators.of` checks).
    """

    members: tuple[Translator, ...]

    @staticmethod
    def of(several: Sequence[Translator]) -> Translators:
        """Raises InputError, in one line, for none, too many, or such as cannot decode together."""
        if not 1 <= len(several) <= MOST:
            raise InputError(f"Gloss2Text models that decode together: {len(several)}; give 1 to {MOST}")
        first = several[0]
        for number, other in enumerate(several, 1):
            if not other.glosses:
                raise InputError(f"Gloss2Text models that decode together: number {number} reads no glosses")
            same = (text_digest(other.text), other.glosses, other.config.gloss_pieces) == (
                text_digest(first.text), first.glosses, first.config.gloss_pieces,
            )  # fmt: skip
            if not same:
                raise InputError(
                    f"Gloss2Text models that decode together: number {number} has other glosses or words than the first"
                )
        return Translators(tuple(several))

    def translate_glosses(self, sentences: Sentences) -> list[Hypothesis]:
        """One hypothesis per sequence of glosses; an empty one where there are no glosses."""
        first, given = self.members[0], [sentence for sentence in sentences if sentence]
        if not given:
            return [NOTHING] * len(sentences)
        models = [one.model for one in self.members]
        made = iter(decode_ensemble(models, self._encoded(given), first.text, first.decoding))
        return [next(made) if sentence else NOTHING for sentence in sentences]

    def tuned(self, sentences: Sentences, references: Sequence[str]) -> Translators:
        """The same, with the length penalty that has the best BLEU-4 at the largest beam of the recipe.

        sentences: glosses as they are read, of clips that nobody learned from; references: what they mean.
        """
        first = self.members[0]
        pairs = [(s, text) for s, text in zip(sentences, references, strict=True) if s]
        if not pairs:
            return self
        c = first.config
        best, _ = tune_ensemble(
            [one.model for one in self.members], self._encoded([s for s, _ in pairs]), first.text,
            [text for _, text in pairs], [max(c.beams)], c.alphas, c.max_words, c.score_tokens,
        )  # fmt: skip
        return self.searching(best.alpha)

    def searching(self, alpha: float) -> Translators:
        """The same, with a length penalty, and the largest beam of the recipe."""
        c = self.members[0].config
        decoding = Decoding(max(c.beams), alpha if max(c.beams) > 1 else 0.0, c.max_words)
        return Translators((dataclasses.replace(self.members[0], decoding=decoding), *self.members[1:]))

    def _encoded(self, sentences: Sentences) -> list[list[Encoded]]:
        """By each member, states (B, L, H) of the sentences."""
        first = self.members[0]
        sources = gloss_sources(sentences, first.glosses, first.text, first.config.gloss_pieces)
        return [list(encode(one.model, sources, 1, one.device)) for one in self.members]

    def plain(self) -> dict[str, Any]:
        """Options of the first network and of the search, for `model.yaml`."""
        return self.members[0].plain()

    def save(self, folder: Path, text_from: Path) -> None:
        """Write a file for each member; the vocabulary is copied from `text_from`. Raises InputError if it cannot."""
        for number, one in enumerate(self.members, 1):
            one.save(folder, text_from, member(WEIGHTS, number))

    @staticmethod
    def load(folder: Path, device: str = "auto", there: Collection[str] = (WEIGHTS,)) -> Translator | Translators:
        """What `save` wrote; there: the names of the folder's files. One alone is what it is.

        Raises InputError as `Translator.load` and `of`.
        """
        found = [Translator.load(folder, device, name=name) for name in members(WEIGHTS, there) or [WEIGHTS]]
        return found[0] if len(found) == 1 else Translators.of(found)
