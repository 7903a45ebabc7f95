"""What a model of isolated signs makes of a clip: labels with how likely each is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TOP = 5  # guesses that are told


@dataclass(frozen=True)
class Guess:
    """A label, and how likely it is, 0 to 1."""

    label: str
    confidence: float

    def line(self) -> str:
        """As it is printed below the label that was taken."""
        return f"  {self.label}  {self.confidence:.3f}"


def guess_lines(text: str | None, top: Iterable[Guess] | None) -> tuple[str, ...]:
    """A line for each guess, the best first; () where nothing was understood, or the model makes none."""
    return () if text is None else tuple(one.line() for one in top or ())
