"""Glosses recognised, then translated: a recogniser with Gloss2Text behind it, or several of each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import ctc_loss

from slt.recognise.decoding.align import Sign, align
from slt.recognise.decoding.decode import BLANK, Ids, read
from slt.recognise.ensemble.files import drop_further
from slt.recognise.ensemble.recognisers import Recognisers
from slt.recognise.ensemble.translators import Translators
from slt.recognise.recogniser import WEIGHTS as RECOGNISER
from slt.recognise.states import OfRecogniser
from slt.translate.joey.decoding.decode import Hypothesis
from slt.translate.reader import Poses
from slt.translate.translator import WEIGHTS as TRANSLATOR
from slt.translate.translator import Translator

_LEAST = -99.0  # natural logarithm, of a reading that is as good as impossible


@dataclass(frozen=True, eq=False)
class Cascade(OfRecogniser):
    """A `slt.translate.reader.Reader`. translator: Gloss2Text. Where no gloss is read, nothing is translated."""

    translator: Translator | Translators

    @property
    def recognised(self) -> tuple[str, ...]:
        """The glosses that the recogniser tells apart."""
        return self.recogniser.glosses

    def recognise(self, poses: Poses) -> list[tuple[str, ...]]:
        """The glosses of each pose."""
        return self.recogniser.recognise(poses)

    def translate(self, poses: Poses) -> list[Hypothesis]:
        """One hypothesis for each pose; an empty one where no gloss is read.

        A token's log probability is Gloss2Text's plus the recogniser's for its reading, per gloss: who reads badly is
        not sure of the sentence.
        """
        reader = self.recogniser
        found = reader.log_probabilities(poses)
        ids = [read(one, reader.trigram, reader.reading) for one in found]
        sentences = self.translator.translate_glosses([[reader.glosses[k - 1] for k in one] for one in ids])
        return [
            dataclasses.replace(h, token_log_probs=tuple(p + certainty(one, k) for p in h.token_log_probs)) if k else h
            for h, one, k in zip(sentences, found, ids, strict=True)
        ]

    def signs(self, poses: Poses) -> list[tuple[Sign, ...]]:
        """When each gloss of `recognise` is signed and how sure it is; () where nothing is read."""
        reader = self.recogniser
        step = reader.config.subsample * reader.config.frame_stride / reader.config.fps  # seconds
        result = []
        for one in reader.log_probabilities(poses):
            ids = read(one, reader.trigram, reader.reading)
            spans = align(one, ids)
            result.append(
                tuple(
                    Sign(reader.glosses[gloss - 1], round(start * step, 3), round(stop * step, 3), round(sure, 4))
                    for (start, stop, sure), gloss in zip(spans, ids if spans else (), strict=True)
                )
            )
        return result

    def plain(self) -> dict[str, Any]:
        """Options of networks and search, for `model.yaml`."""
        return {"recogniser": self.recogniser.config.model_dump(mode="json"), **self.translator.plain()}

    def save(self, folder: Path, text_from: Path) -> None:
        """Write all files into a folder; the vocabulary's are copied from `text_from`.

        Further members of a larger system that was there before are removed, or they would be read with this one.
        """
        for name, part in ((RECOGNISER, self.recogniser), (TRANSLATOR, self.translator)):
            drop_further(folder, name, len(part.members) if isinstance(part, Recognisers | Translators) else 1)
        self.translator.save(folder, text_from)
        self.recogniser.save(folder)


def certainty(log_probs: np.ndarray, ids: Ids) -> float:
    """Natural log probability, per gloss, of reading `ids` in (T, 1 + glosses), over all alignments; at least -99."""
    steps, count = torch.tensor([len(log_probs)]), torch.tensor([len(ids)])
    loss = ctc_loss(torch.from_numpy(log_probs)[:, None], torch.tensor([ids]), steps, count, BLANK, reduction="sum")
    return max(_LEAST, -float(loss) / len(ids))
