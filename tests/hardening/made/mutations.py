"""What is done to the bytes of a sound file: seeded, as a bad disk, a cut download or an attacker do it."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

_HUGE = (0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 10**6, 10**9)
_WORDS = (
    "nan",
    "NaN",
    "inf",
    "-1",
    "0",
    "1e999",
    "-1e38",
    "",
    "99999999999999999999",
    "true",
    "null",
    "[]",
    "{}",
    '"x"',
    "9" * 5000,
)
_HEAD = 2048  # bytes in which headers lie
_TOKEN = re.compile(rb"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Mutation:
    """touched: values that may differ without a word, as no reader could know. structure: bytes came or went."""

    kind: str
    content: bytes
    touched: int
    structure: bool = False


def mutate(content: bytes, spans: tuple[tuple[int, int], ...], text: bool, rng: random.Random) -> Mutation:
    """One of the kinds below, drawn."""
    kinds: list[Callable[[], Mutation | None]] = [
        lambda: _flip(content, rng, 0, len(content)),
        lambda: _flip(content, rng, 0, min(len(content), _HEAD)),
        lambda: _truncate(content, rng),
        lambda: _insert(content, rng),
        lambda: _delete(content, rng),
        lambda: _repeat(content, rng),
        lambda: _zeros(content, rng),
        lambda: _append(content, rng),
        lambda: _words(content, rng) if text else _numbers(content, rng),
        lambda: _nan(content, rng) if not text else _words(content, rng),
        lambda: _frames(content, spans, rng),
        lambda: _words(content, rng, _HEAD),
    ]
    while True:
        made = rng.choice(kinds)()
        if made is not None and made.content != content:
            return made


def _flip(content: bytes, rng: random.Random, first: int, last: int) -> Mutation:
    data, count = bytearray(content), rng.choice((1, 1, 1, 2, 4, 16))
    for _ in range(count):
        at = rng.randrange(first, last)
        data[at] = data[at] ^ (1 << rng.randrange(8)) if rng.random() < 0.5 else rng.randrange(256)
    return Mutation("flip", bytes(data), count)


def _truncate(content: bytes, rng: random.Random) -> Mutation:
    size = len(content) - rng.choice((1, 2, 4, 8, 600)) if rng.random() < 0.3 else rng.randrange(len(content))
    return Mutation("truncate", content[: max(0, size)], 0, True)


def _insert(content: bytes, rng: random.Random) -> Mutation:
    at, size = rng.randrange(len(content)), rng.choice((1, 2, 4, 8, 12, 24, 600, 1200))
    return Mutation("insert", content[:at] + rng.randbytes(size) + content[at:], size, True)


def _delete(content: bytes, rng: random.Random) -> Mutation:
    at, size = rng.randrange(len(content)), rng.choice((1, 2, 4, 8, 12, 24, 600, 1200))
    return Mutation("delete", content[:at] + content[at + size :], 2, True)


def _repeat(content: bytes, rng: random.Random) -> Mutation:
    at, size = rng.randrange(len(content)), rng.choice((4, 12, 600, 1200, 4096))
    return Mutation("repeat", content[: at + size] + content[at : at + size] + content[at + size :], 2, True)


def _zeros(content: bytes, rng: random.Random) -> Mutation:
    at, size = rng.randrange(len(content)), rng.choice((4, 64, 512))
    size = min(size, len(content) - at)
    return Mutation("zeros", content[:at] + bytes(size) + content[at + size :], size)


def _append(content: bytes, rng: random.Random) -> Mutation:
    return Mutation("append", content + rng.randbytes(rng.choice((1, 4, 600, 4096))), 0, True)


def _numbers(content: bytes, rng: random.Random) -> Mutation:
    """A count or an offset says something else."""
    size = rng.choice((1, 2, 4, 8))
    at = rng.randrange(max(1, min(len(content), rng.choice((_HEAD, len(content)))) - size))
    value = rng.choice(_HUGE) & (256**size - 1)
    return Mutation("number", content[:at] + value.to_bytes(size, "little") + content[at + size :], size)


def _nan(content: bytes, rng: random.Random) -> Mutation:
    """Values that are none, at random places."""
    data, count = bytearray(content), rng.choice((1, 3, 10))
    for _ in range(count):
        form = rng.choice(("<f", "<d"))
        size = struct.calcsize(form)
        at = rng.randrange(max(1, len(data) - size))
        data[at : at + size] = struct.pack(form, rng.choice((float("nan"), float("inf"), -1e38, 1e-40)))
    return Mutation("nan", bytes(data), 4 * count)


def _words(content: bytes, rng: random.Random, last: int | None = None) -> Mutation | None:
    """A number in text says something else: counts, empty lists, NaN."""
    found = list(_TOKEN.finditer(content[: last or len(content)]))
    if not found:
        return None
    token = rng.choice(found)
    word = rng.choice(_WORDS).encode()
    return Mutation("word", content[: token.start()] + word + content[token.end() :], 2, len(word) == 0)


def _frames(content: bytes, spans: tuple[tuple[int, int], ...], rng: random.Random) -> Mutation | None:
    """Whole frames are cut out of the middle, or stand there twice."""
    if len(spans) < 4:
        return None
    first = rng.randrange(1, len(spans) - 2)
    last = rng.randrange(first + 1, len(spans))
    start, stop = spans[first][0], spans[last][0]
    if rng.random() < 0.6:
        return Mutation("frames cut", content[:start] + content[stop:], 0, True)
    return Mutation("frames twice", content[:stop] + content[start:stop] + content[stop:], 0, True)
