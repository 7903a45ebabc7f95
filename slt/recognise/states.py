"""What every reader with a recogniser in it has of that: the states from which an unknown motion can be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from skeletor.poses.pose import PoseSequence
from slt.recognise.ensemble.recognisers import Recognisers
from slt.recognise.recogniser import Recogniser, raw_features
from slt.translate.joey.decoding.decode import Encoded
from slt.translate.reader import Poses


@dataclass(frozen=True, eq=False)
class OfRecogniser:
    """The part of a `slt.translate.reader.Reader` that its recogniser gives."""

    recogniser: Recogniser | Recognisers

    @property
    def width(self) -> int:
        """Numbers in a state of the recogniser."""
        return self.recogniser.config.hidden

    def features(self, pose: PoseSequence) -> np.ndarray:
        """(T', F) float32 features of a pose."""
        return raw_features(pose, self.recogniser.config)

    def encode(self, poses: Poses) -> list[Encoded]:
        """The recogniser's states (1, T', H) of each pose."""
        return [
            Encoded(torch.from_numpy(one)[None], torch.ones(1, 1, len(one), dtype=torch.bool), (k,))
            for k, one in enumerate(self.recogniser.states(poses))
        ]
