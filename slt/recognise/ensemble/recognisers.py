"""Recognisers that read together: in each step the mean of what they hold for likely is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.support.errors import InputError
from slt.recognise.config import RecogniserConfig
from slt.recognise.decoding.decode import Ids, Reading, read, tune
from slt.recognise.decoding.trigram import Trigram
from slt.recognise.ensemble.files import MOST, member, members
from slt.recognise.recogniser import WEIGHTS, Recogniser, raw_features
from slt.translate.reader import Poses

BEAM = 8
READINGS = tuple(  # several heads that agree are surer than one, so more of the trigram and of the bonus is tried
    Reading(beam=BEAM, weight=weight, bonus=bonus) for weight in (0.2, 0.4, 0.6) for bonus in (0.5, 1.0, 1.5, 2.0, 3.0)
)
_SHARED = ("fps", "frame_stride", "subsample")  # what makes a step of one a step of the other


@dataclass(frozen=True, eq=False)
class Recognisers:
    """The face of a `Recogniser`, of several. The first one's states are told, and its file has how they are read.

    members: of one vocabulary, with the same steps (`Recognisers.of` checks).
    """

    members: tuple[Recogniser, ...]

    @staticmethod
    def of(several: Sequence[Recogniser]) -> Recognisers:
        """Raises InputError, in one line, for none, too many, or such as cannot read together."""
        if not 1 <= len(several) <= MOST:
            raise InputError(f"recognisers that read together: {len(several)}; give 1 to {MOST}")
        first = several[0]
        for number, other in enumerate(several[1:], 2):
            if other.glosses != first.glosses:
                raise InputError(f"recognisers that read together: number {number} has other glosses than the first")
            for name in _SHARED:
                mine, its = getattr(first.config, name), getattr(other.config, name)
                if mine != its:
                    raise InputError(
                        f"recognisers that read together: number {number} has {name} {its}, the first has {mine}"
                    )
        return Recognisers(tuple(several))

    @property
    def config(self) -> RecogniserConfig:
        """The first one's; what makes a step is the same in all."""
        return self.members[0].config

    @property
    def glosses(self) -> tuple[str, ...]:
        """Of the heads' outputs 1, 2, ..."""
        return self.members[0].glosses

    @property
    def trigram(self) -> Trigram:
        """Of the glosses."""
        return self.members[0].trigram

    @property
    def reading(self) -> Reading:
        """How the mean is read."""
        return self.members[0].reading

    def log_probabilities(self, poses: Poses) -> list[np.ndarray]:
        """(T', 1 + glosses) of each pose: `mean` of the members'. Errors as of `Recogniser.recognise`."""
        features = [raw_features(pose, self.config) for pose in poses]
        return [mean(each) for each in zip(*(m.log_probabilities(features) for m in self.members), strict=True)]

    def recognise(self, poses: Poses, reading: Reading | None = None) -> list[tuple[str, ...]]:
        """The glosses of each pose. Errors as of `Recogniser.recognise`."""
        way = reading or self.reading
        return [tuple(self.glosses[k - 1] for k in read(p, self.trigram, way)) for p in self.log_probabilities(poses)]

    def states(self, poses: Poses) -> list[np.ndarray]:
        """(T', H) of each pose: those of the first member. Errors as of `Recogniser.recognise`."""
        return self.members[0].states(poses)

    def tuned(self, log_probs: Sequence[np.ndarray], references: Sequence[Ids]) -> Recognisers:
        """The same, read in the way of `READINGS` (or of the first one) with the fewest wrong glosses.

        log_probs: of `log_probabilities`, of clips that nobody learned from; references: their glosses, from 1.
        """
        best, _ = tune(log_probs, references, self.trigram, [self.reading, *READINGS])
        first = dataclasses.replace(self.members[0], reading=best)
        return Recognisers((first, *self.members[1:]))

    def save(self, folder: Path) -> None:
        """Write a file for each member. Raises InputError if one cannot be written."""
        for number, one in enumerate(self.members, 1):
            one.save(folder, member(WEIGHTS, number))

    @staticmethod
    def load(folder: Path, device: str = "auto", there: Collection[str] = (WEIGHTS,)) -> Recogniser | Recognisers:
        """What `save` wrote; there: the names of the folder's files. One alone is what it is.

        Raises InputError as `Recogniser.load` and `of`.
        """
        found = [Recogniser.load(folder, device, name) for name in members(WEIGHTS, there) or [WEIGHTS]]
        return found[0] if len(found) == 1 else Recognisers.of(found)


def mean(several: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of log probabilities (T', 1 + glosses), made probabilities again: their normalised geometric mean.

    The mean of the probabilities itself reads worse (experiments/results/tried_and_lost.md).
    """
    total = np.sum(several, axis=0) / len(several)
    highest = total.max(1, keepdims=True)
    result: np.ndarray = total - highest - np.log(np.exp(total - highest).sum(1, keepdims=True))
    return result.astype(np.float32)
