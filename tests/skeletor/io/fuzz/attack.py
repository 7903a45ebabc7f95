"""Damaged files by the thousand: mutations of sound ones, and what a reader makes of each, in a process of its own.

    python -m tests.skeletor.io.fuzz [reader ...] [--cases 10000] [--seed 0]

prints a line for each reader of `readers`. A case is fine if the reader refuses it by one line of InputError, or reads
the same shape with no more values changed than bytes; and takes less than 5 s and 1 GB.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import resource
import signal
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

from skeletor.support.errors import InputError

Arrays = Mapping[str, np.ndarray]
SECONDS, BYTES = 5, 1 << 30
FINE = ("refused", "same", "changed")
_NUMBERS = (0, 1, 2, 3, 127, 128, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)


@dataclass(frozen=True)
class Reader:
    """What is attacked. build: writes sound files called "victim" into a folder and gives those to damage; read: reads
    the folder."""

    name: str
    build: Callable[[Path], list[Path]]
    read: Callable[[Path], Arrays]
    rezipped: bool = False  # also mutate members of the archive, with checksums that fit


@dataclass
class Report:
    """How many cases came out how; the first few that are not fine; the longest and largest."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    bytes: int = 0

    @property
    def fails(self) -> int:
        """Cases that are not fine."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in FINE)


def mutations(data: bytes, rng: np.random.Generator, header: int = 2048) -> Iterator[bytes]:
    """Damaged versions of a file without end: bytes flipped, blocks cut, doubled, inserted, exchanged, counts edited.

    Half of the damage hits the first `header` bytes, where it hurts.
    """
    kinds = (_flip, _flip, _bit, _cut_end, _cut_out, _double, _insert, _overwrite, _exchange, _count, _count, _digits)
    while True:
        yield kinds[int(rng.integers(len(kinds)))](data, rng, header)


def zip_mutations(data: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Archives whose members are damaged, but whose directory and checksums fit."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = sorted(members)
    streams = {name: mutations(members[name] or b"0", rng, 256) for name in names}
    while True:
        victim = names[int(rng.integers(len(names)))]
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for name in names:
                archive.writestr(name, next(streams[name]) if name == victim else members[name])
        yield target.getvalue()


def attack(reader: Reader, cases: int, seed: int) -> Report:
    """Give a reader so many damaged files, in child processes with limits; a child that dies is one case."""
    report, done = Report(reader.name), 0
    while done < cases:
        source, sink = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(source)
            _work(reader, done, cases, seed, sink)  # never returns
        os.close(sink)
        with os.fdopen(source) as lines:
            for line in lines:
                outcome, words, seconds, size = json.loads(line)
                _note(report, done, outcome, words, seconds, size)
                done += 1
        _, status = os.waitpid(child, 0)
        if done < cases:
            slow = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
            _note(report, done, "slow" if slow else "died", f"status {status}", SECONDS if slow else 0.0, 0)
            done += 1
    return report


def _note(report: Report, case: int, outcome: str, words: str, seconds: float, size: int) -> None:
    report.outcomes[outcome] += 1
    report.seconds, report.bytes = max(report.seconds, seconds), max(report.bytes, size)
    if outcome not in FINE and len(report.bad) < 20:
        report.bad.append((case, outcome, words))


def _work(reader: Reader, first: int, cases: int, seed: int, sink: int) -> None:
    """Cases first <= k < cases, a line of JSON for each."""
    used = int(re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[1]) << 10  # type: ignore[index]
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * BYTES, used + 2 * BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    with os.fdopen(sink, "w") as lines, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = {path: path.read_bytes() for path in reader.build(folder)}
        whole = dict(reader.read(folder))
        for case in range(first, cases):
            victim, data, rezipped = _damage(reader, sound, case, seed)
            victim.write_bytes(data)
            signal.alarm(SECONDS)
            result = _judge(reader, folder, sound[victim], data, whole, rezipped)
            signal.alarm(0)
            victim.write_bytes(sound[victim])
            print(json.dumps(result), file=lines, flush=True)
    os._exit(0)


def _damage(reader: Reader, sound: Mapping[Path, bytes], case: int, seed: int) -> tuple[Path, bytes, bool]:
    """Which file to damage and how; the same for the same case and seed."""
    rng = np.random.default_rng([seed, case])
    victim = sorted(sound)[int(rng.integers(len(sound)))]
    rezipped = reader.rezipped and case % 3 == 0
    stream = zip_mutations(sound[victim], rng) if rezipped else mutations(sound[victim], rng)
    return victim, next(stream), rezipped


def _judge(
    reader: Reader, folder: Path, sound: bytes, data: bytes, whole: Arrays, rezipped: bool
) -> tuple[str, str, float, int]:
    """Outcome, words, seconds and bytes of one case."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = _peak(), perf_counter()
    try:
        found = reader.read(folder)
        outcome, words = "same", ""
        if not rezipped:
            outcome, words = compare(whole, found, touched(sound, data))
    except InputError as error:
        words = str(error)
        fine = "\n" not in words and "victim" in words  # the name of the file or folder that `build` made
        outcome = "refused" if fine else "unclear"
    except BaseException as error:
        outcome, words = "raised", f"{type(error).__name__}: {error}"
    seconds, size = perf_counter() - start, max(0, _peak() - before)
    if size > BYTES:
        outcome = "large"
    return outcome, words[:200], seconds, size


def _peak() -> int:
    """Largest resident memory in bytes since it was reset."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) << 10  # type: ignore[index]


def touched(sound: bytes, data: bytes) -> int:
    """How many bytes a mutation changed, at least 1 if any: those between the first and last that differ."""
    one, other = (np.frombuffer(part, np.uint8) for part in (sound, data))
    if len(one) == len(other):
        return int((one != other).sum())
    short = min(len(one), len(other))
    head = np.flatnonzero(one[:short] != other[:short])
    prefix = int(head[0]) if len(head) else short
    tail = np.flatnonzero(one[::-1][: short - prefix] != other[::-1][: short - prefix])
    suffix = int(tail[0]) if len(tail) else short - prefix
    return max(len(one), len(other)) - prefix - suffix


def compare(whole: Arrays, found: Arrays, bytes_changed: int) -> tuple[str, str]:
    """Whether what was read has the shapes of the sound file, and no more values changed than bytes."""
    lost, new = sorted(set(whole) - set(found)), sorted(set(found) - set(whole))
    if len(lost) != len(new):
        return "misaligned", f"{lost[:3]} are gone, {new[:3]} came"
    pairs = [(name, name) for name in whole if name in found] + list(zip(lost, new, strict=True))
    changed = 0
    for name, other in pairs:
        a, b = np.asarray(whole[name]), np.asarray(found[other])
        if a.shape != b.shape:
            return "misaligned", f"{name}: {a.shape} became {b.shape}"
        differ = (a != b) & ~((a != a) & (b != b))  # NaN equals NaN
        changed += int(differ.any(axis=2).sum() if differ.ndim == 3 else differ.sum())
    if changed > 2 * bytes_changed:  # a joint and its confidence go together
        return "misaligned", f"{changed} values changed by {bytes_changed} bytes"
    return ("changed", "") if changed else ("same", "")


def _place(data: bytes, rng: np.random.Generator, header: int) -> int:
    end = min(header, len(data)) if rng.random() < 0.5 else len(data)
    return int(rng.integers(end))


def _block(data: bytes, rng: np.random.Generator) -> int:
    """A length: a few bytes, a power of two, or up to a third of the file."""
    few, power, much = int(rng.integers(1, 9)), 1 << int(rng.integers(12)), int(rng.integers(1, 2 + len(data) // 3))
    return min((few, power, much)[int(rng.integers(3))], len(data))


def _flip(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    result = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        result[_place(data, rng, header)] = int(rng.integers(256))
    return bytes(result)


def _bit(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    result = bytearray(data)
    result[_place(data, rng, header)] ^= 1 << int(rng.integers(8))
    return bytes(result)


def _cut_end(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    return data[: _place(data, rng, header)]


def _cut_out(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    at = _place(data, rng, header)
    return data[:at] + data[at + _block(data, rng) :]


def _double(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    at, length = _place(data, rng, header), _block(data, rng)
    return data[: at + length] + data[at:]


def _insert(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    at, length = _place(data, rng, header), _block(data, rng)
    return data[:at] + (rng.bytes(length) if rng.random() < 0.5 else bytes(length)) + data[at:]


def _overwrite(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    at, other, length = _place(data, rng, header), _place(data, rng, header), _block(data, rng)
    part = data[other : other + length]
    return (data[:at] + part + data[at + len(part) :])[: len(data)]


def _exchange(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    length = max(1, _block(data, rng) // 2)
    one, other = sorted((_place(data, rng, header), _place(data, rng, header)))
    if one + length > other or other + length > len(data):
        return _flip(data, rng, header)
    a, b = data[one : one + length], data[other : other + length]
    return data[:one] + b + data[one + length : other] + a + data[other + length :]


def _count(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    """A whole number of 1 to 8 bytes becomes another: a neighbour, a multiple, or one at a border."""
    at, width = _place(data, rng, header), 1 << int(rng.integers(4))
    old = int.from_bytes(data[at : at + width], "little")
    near = (old + 1, old - 1, old * 2, old // 2, old + 150, old - 600, *_NUMBERS)
    new = near[int(rng.integers(len(near)))] % (1 << 8 * width)
    return data[:at] + new.to_bytes(width, "little")[: len(data) - at] + data[at + width :]


def _digits(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    """A number in text becomes another, which may be longer or shorter."""
    found = list(re.finditer(rb"\d+", data[:header] if rng.random() < 0.5 else data))
    if not found:
        return _flip(data, rng, header)
    number = found[int(rng.integers(len(found)))]
    old = int(number[0][:30])
    near = (old + 1, max(0, old - 1), old * 10, old // 10, *_NUMBERS, 10**30)
    return data[: number.start()] + str(near[int(rng.integers(len(near)))]).encode() + data[number.end() :]


def main(arguments: list[str]) -> int:
    """Attack the named readers, or all; 1 if a case is not fine."""
    from tests.skeletor.io.fuzz.readers import READERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", default=[reader.name for reader in READERS])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    fails = 0
    print(
        f"{'reader':16} {'cases':>6} {'refused':>8} {'same':>6} {'changed':>8} {'fails':>6} {'longest':>8} {'most':>8}"
    )
    for reader in (reader for reader in READERS if reader.name in options.readers):
        report = attack(reader, options.cases, options.seed)
        fails += report.fails
        counts = (report.outcomes[outcome] for outcome in FINE)
        numbers = "{:8d} {:6d} {:8d}".format(*counts)
        largest = f"{report.seconds:6.2f} s {report.bytes >> 20:5d} MB"
        print(f"{report.name:16} {options.cases:6d} {numbers} {report.fails:6d} {largest}", flush=True)
        for case, outcome, words in report.bad:
            print(f"    case {case}: {outcome}: {words}")
    return int(fails > 0)
