"""What a model of isolated signs makes of a clip: labels with how likely each is."""

from __future__ import annotations

from dataclasses import dataclass

TOP = 5  # guesses that are told


@dataclass(frozen=True)
class Guess:
    """A label, and how likely it is, 0 to 1."""

    label: str
    confidence: float
