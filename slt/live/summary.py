"""How a live session went: how many frames were looked at, how many were lost, how late the sentences came."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from slt.live.session import Ending, Fixed


@dataclass
class Tally:
    """Counts of a session so far. came: frames to be looked at; dropped: those of them for which there was no time.

    cpu_s: CPU time of the whole process, in seconds; stream_s: length of the stream.
    """

    came: int = 0
    dropped: int = 0
    cpu_s: float = 0.0
    stream_s: float = 0.0
    sentences: int = 0
    understood: int = 0
    delays: dict[Ending, list[float]] = field(default_factory=dict)
    _frames: int = 0
    _first: float = 0.0
    _last: float = 0.0

    def looked(self, now: float) -> None:
        """The joints of one more frame are known, at that moment."""
        self._first = now if self._frames == 0 else self._first
        self._last = now
        self._frames += 1

    def add(self, one: Fixed) -> None:
        """One more sentence is fixed."""
        self.sentences += 1
        self.understood += one.text is not None
        self.delays.setdefault(one.ending, []).append(one.delay_s)

    @property
    def frames(self) -> int:
        """Frames that were looked at."""
        return self._frames

    @property
    def rate(self) -> float | None:
        """Of them, how many a second of real time; None with too few to tell."""
        took = self._last - self._first
        return (self._frames - 1) / took if self._frames > 1 and took > 0 else None

    def lines(self) -> list[str]:
        """The summary in words."""
        rate = "" if self.rate is None else f", {self.rate:.1f} a second"
        cpu = f"; {1000 * self.cpu_s / self.frames:.0f} ms of CPU time each" if self.frames else ""
        share = f" ({100 * self.dropped / self.came:.1f} %)" if self.dropped else ""
        lines = [
            f"{self.frames} frames looked at{rate}{cpu}; {self.dropped} of {self.came} dropped for lack of time{share}",
            f"{self.sentences} {'sentence' if self.sentences == 1 else 'sentences'} in {self.stream_s:.1f} s, "
            f"{self.sentences - self.understood} not understood",
        ]
        told: dict[Ending, str] = {"rest": "ended by a rest", "cut": "cut for its length"}
        for ending, what in told.items():
            if waits := self.delays.get(ending):
                middle, worst = median(waits), max(waits)
                lines.append(f"text of a sentence {what}: fixed {middle:.2f} s after it (median; worst {worst:.2f} s)")
        return lines

    def plain(self) -> dict[str, Any]:
        """The same as plain values; delays in seconds."""
        return {
            "frames": self.frames,
            "frames_per_second": self.rate,
            "came": self.came,
            "dropped": self.dropped,
            "cpu_s": self.cpu_s,
            "stream_s": self.stream_s,
            "sentences": self.sentences,
            "understood": self.understood,
            "delays_s": {ending: list(waits) for ending, waits in self.delays.items()},
        }
