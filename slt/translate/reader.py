"""What turns poses into sentences, whatever lies behind it: the face of `Translator` and `slt.recognise.Cascade`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from skeletor.poses.pose import PoseSequence

if TYPE_CHECKING:
    from slt.translate.joey.decoding.decode import Encoded, Hypothesis

Poses = Sequence[PoseSequence | np.ndarray]  # 3D poses in shoulder widths, or what `Reader.features` gives of them


class Reader(Protocol):
    """A trained system from poses to sentences. All methods raise InputError for poses of another kind."""

    @property
    def recognised(self) -> tuple[str, ...]:
        """The glosses that it tells apart on the way; () if it reads none."""
        ...

    @property
    def width(self) -> int:
        """Numbers in a state of `encode`."""
        ...

    def features(self, pose: PoseSequence) -> np.ndarray:
        """(T', F) float32: all that it takes from a pose (T, 50, 3); smaller, and taken by the methods below too."""
        ...

    def encode(self, poses: Poses) -> list[Encoded]:
        """States (B, T', H), from which an unknown motion can be told."""
        ...

    def translate(self, poses: Poses) -> list[Hypothesis]:
        """One hypothesis for each pose."""
        ...

    def recognise(self, poses: Poses) -> list[tuple[str, ...]]:
        """The glosses read in each pose. Raises InputError if it reads none."""
        ...

    def plain(self) -> dict[str, Any]:
        """Options of networks and search, for `model.yaml`."""
        ...

    def save(self, folder: Path, text_from: Path) -> None:
        """Write weights and vocabulary into a folder; the vocabulary's files are copied from `text_from`."""
        ...
