"""What a training step costs beside what a card could do and what is wanted of it: the page of `make gpu-bench`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.report import number, table


@dataclass(frozen=True)
class Card:
    """By NVIDIA's data sheets. tflops: dense bf16 TFLOP/s; tbytes: TB/s of its memory."""

    name: str
    tflops: float
    tbytes: float


CARDS = (
    Card("H200", 989.0, 4.8),
    Card("H100", 989.0, 3.35),
    Card("A100", 312.0, 2.04),
    Card("L40S", 362.0, 0.864),
    Card("L4", 121.0, 0.3),
    Card("4090", 165.0, 1.01),
    Card("T4", 65.0, 0.32),
)
GOAL_CARD = CARDS[0]  # the goals are for one of its class
WINDOWS, TIMES = 30_000.0, 20.0  # windows/s of the refiner; times one CPU core, of a reader
READERS = ("recogniser", "translator (ctc)")
TABLE_5 = "Re-synthesised Table 5 with three seeds within an hour: not measured by this command."


@dataclass(frozen=True)
class Cost:
    """Of one step. launches, waits: kernels, and times that the host waits for a value; gflop: of forward and backward
    passes; gbytes: that the kernels read and write if each finds its operands in memory, and leaves them there; rate:
    samples a second. python: share of a step that is spent outside of torch's operators, None if that was not looked
    at; one_core: samples a second of a CPU core, None if it was not measured.
    """

    training: str
    samples: int
    launches: int
    waits: int
    gflop: float
    rate: float
    gbytes: float = 0.0
    python: float | None = None
    one_core: float | None = None

    def share(self, peak: float) -> float:
        """Of a peak in TFLOP/s."""
        return self.gflop / self.samples * self.rate / 1000 / peak

    def by_flop(self, card: Card) -> float:
        """Samples a second that a card's arithmetic allows."""
        return 1000 * card.tflops * self.samples / self.gflop

    def by_bytes(self, card: Card) -> float:
        """Samples a second that a card's memory allows, kernel by kernel; fewer, joined kernels need less."""
        return 1000 * card.tbytes * self.samples / self.gbytes


def card_of(device: str) -> Card | None:
    """The card of that name, None if it is not known."""
    return next((card for card in CARDS if card.name in device), None)


def goal(row: Cost, on_gpu: bool) -> str:
    """What is wanted of a training on an H200, and what of it was reached; on a CPU that is not measured."""
    if row.training in READERS:
        wanted, found = f"{TIMES:g} times a core", None if row.one_core is None else row.rate / row.one_core
        reached = None if found is None else f"{found:.1f} times: {'yes' if found >= TIMES else 'no'}"
    else:
        wanted, reached = f"{WINDOWS:,.0f}/s", f"{row.rate:,.0f}/s: {'yes' if row.rate >= WINDOWS else 'no'}"
    return f"{wanted}; {reached if on_gpu and reached else 'not measured'}"


def markdown(rows: Sequence[Cost], device: str, on_gpu: bool) -> str:
    """The tables. device: its name."""
    card = card_of(device) if on_gpu else None
    shown = card or GOAL_CARD
    head = ["training", "samples a step", "launches a step", "waits a step", "Python", "GFLOP a step", "GB a step",
            "samples/s", "of the peak"]  # fmt: skip
    body = [
        [row.training, str(row.samples), f"{row.launches}", f"{row.waits}",
         "" if row.python is None else f"{100 * row.python:.0f} %", number(row.gflop), number(row.gbytes),
         f"{row.rate:,.0f}", f"{100 * row.share(card.tflops):.1f} %" if card else ""]
        for row in rows
    ]  # fmt: skip
    limits = ["training", "goal on an H200-class card", f"{shown.name}: samples/s by FLOP", f"{shown.name}: by bytes"]
    bounds = [
        [row.training, goal(row, on_gpu), f"{row.by_flop(shown):,.0f}", f"{row.by_bytes(shown):,.0f}"] for row in rows
    ]
    note = (
        f"{device}. On a CPU the optimizer has a dozen launches and a wait for each weight, on a GPU one launch, and "
        "all bytes are of float32. Python: of a profiled step, the share outside of torch's operators. By bytes: if "
        "each kernel reads its operands from memory and writes them there; joined kernels need less. "
        f"{TABLE_5} Made by `make gpu-bench`."
    )
    return "\n".join([*table(head, body), "", *table(limits, bounds, texts=2), "", note]) + "\n"
