"""When not to translate: no signer, or a motion that the model does not know. The rule: docs/abstention.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

FILE = "abstention.safetensors"
_SEEN = 0.1  # confidence from which a joint counts as seen
_BANK = 4096
_SHRINK = 0.1


@dataclass(frozen=True)
class Signal:
    """How a signal is judged. sign: +1 if large values are bad, -1 if small ones are. floor: smallest scale."""

    sign: int
    floor: float
    message: str


SIGNALS: Mapping[str, Signal] = {
    "body": Signal(-1, 0.05, "no signer found: shoulders seen in {value:.0%} of the frames, {limit:.0%} needed"),
    "hands": Signal(-1, 0.05, "no signing hands found: a hand seen in {value:.0%} of the frames, {limit:.0%} needed"),
    "motion": Signal(-1, 0.1, "nobody signs: hands move {value:.2f} shoulder widths a second, {limit:.2f} needed"),
    "length": Signal(-1, 0.1, "too short: {value:.1f} log frames, {limit:.1f} needed"),
    "log_prob": Signal(-1, 0.03, "the words are too uncertain: mean log probability {value:.2f}, {limit:.2f} needed"),
    "proportions": Signal(1, 0.3, "a body unlike those in training: distance {value:.1f}, at most {limit:.1f}"),
    "states": Signal(1, 0.05, "a motion unlike those in training: distance {value:.2f}, at most {limit:.2f}"),
}
SIGNER = ("body", "hands")  # what can be told from the key points alone
