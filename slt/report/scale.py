"""Axes: where round numbers stand between two values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_ROUND = (1, 2, 2.5, 5, 10)
_DECADES = 20.0  # from this ratio of largest to smallest on the axis is logarithmic


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; log: equal ratios are equally far apart."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value stands, in per cent of the axis: 0 at `low`, 100 at `high`."""
        low, high, at = (math.log(v) for v in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value)  # fmt: skip
        return 100 * (at - low) / (high - low)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values on the axis, about `count` of them."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if len(decades) < count else (1,)
            made = [step * 10.0**k for k in decades for step in steps]
        else:
            step = _step(self.high - self.low, count)
            made = [k * step for k in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]
        return [value for value in made if self.low * (1 - 1e-9) <= value <= self.high * (1 + 1e-9)]


def _step(width: float, count: int) -> float:
    rough = width / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(r * power for r in _ROUND if r * power >= rough * (1 - 1e-9))


def around(values: Sequence[float], zero: bool = False, log: bool = False) -> Axis:
    """An axis that holds all values, between round ones. zero: 0 too. log: allowed, where it is needed."""
    low, high = min(values), max(values)
    if log and low > 0 and high / low >= _DECADES:
        return Axis(low, high, True)
    low = min(low, 0.0) if zero else low
    if high - low < 1e-12:
        low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
    step = _step(high - low, 5)
    return Axis(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step)


def label(value: float) -> str:
    """A tick's value as text."""
    return f"{value:g}" if abs(value) >= 1e-12 else "0"
