"""A case, what came of it, and what all suites are given."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tests.hardening.children import Server

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What came of a case. reason: one line of what is wrong, "" if nothing is. skipped: it could not be tried."""

    case: str
    reason: str = ""
    skipped: bool = False


@dataclass(frozen=True)
class Case:
    """run: tries it; several outcomes where a chain of tries is one piece of work (kills in one folder)."""

    name: str
    run: Callable[[], Iterable[Outcome]]


def single(name: str, check: Callable[[], str]) -> Case:
    """A case of one outcome; `check` gives what is wrong, or ""."""
    return Case(name, lambda: [Outcome(name, check())])


@dataclass(frozen=True)
class Context:
    """What a suite is given.

    work: folder of its own. share: of the cases that are tried, above 0 up to 1. servers: idle processes in which
    calls and commands run, one for each case at a time. model: gives the folder of a trained model (made if need be).
    """

    work: Path
    share: float
    seed: int
    server: Callable[[], Server]
    model: Callable[[], Path]
    shared: Path

    def count(self, full: int) -> int:
        """How many of so many cases are tried; at least one."""
        return max(1, round(full * self.share))

    def generator(self, *names: object) -> random.Random:
        """Random numbers that depend on the seed and these names alone."""
        return random.Random(zlib.crc32(repr((self.seed, *names)).encode()))

    def sample(self, items: Sequence[T], *names: object) -> list[T]:
        """A seeded choice of the items, in their order."""
        chosen = self.generator("sample", *names).sample(range(len(items)), self.count(len(items)))
        return [items[k] for k in sorted(chosen)]

    def folder(self, *names: str) -> Path:
        """A folder inside the work folder, made if it is not there."""
        path = self.work.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return path


@dataclass(frozen=True)
class Suite:
    """goal: for the table. parallel: its cases may run beside each other."""

    name: str
    goal: str
    cases: Callable[[Context], Iterator[Case]]
    parallel: bool = True
