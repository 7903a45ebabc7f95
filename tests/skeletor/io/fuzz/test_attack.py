"""Damaged files, seeded: each reader refuses in one line or reads what is there, in bounded time and memory."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.skeletor.io.fuzz.attack import compare, mutations, touched

ROOT = Path(__file__).resolve().parents[4]
OWN = ["safetensors", "skels", "h5", "h5 chunked", "pt", "pt legacy", "npz", "npz pickled", "frame store", "weights"]


def attack(cases: int) -> subprocess.CompletedProcess[str]:
    """In a process of its own, because it forks and torch has threads."""
    command = [sys.executable, "-m", "tests.skeletor.io.fuzz", *OWN, "--cases", str(cases)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_damaged_files_are_refused_or_read_in_place() -> None:
    done = attack(150)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1 + len(OWN)


@pytest.mark.slow
def test_ten_thousand_damaged_files_a_reader() -> None:
    done = attack(10_000)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mutations_are_many_and_repeatable() -> None:
    data = bytes(range(256)) * 4 + b'{"fps": 25, "frames": 100}'
    first, again = (list(islice(mutations(data, np.random.default_rng(3)), 200)) for _ in range(2))
    assert first == again and len(set(first)) > 150
    lengths = np.array([len(part) - len(data) for part in first])
    assert (lengths < 0).any() and (lengths > 0).any() and (lengths == 0).any()


def test_what_is_misaligned_is_told_from_what_is_changed() -> None:
    values = np.arange(60.0).reshape(4, 5, 3)
    nudged, cut, moved = values.copy(), values[:3], np.roll(values, 1, axis=0)
    nudged[1, 2, 0] = 7
    assert compare({"a": values}, {"a": values.copy()}, 1)[0] == "same"
    assert compare({"a": values}, {"a": nudged}, 1)[0] == "changed"
    assert compare({"a": values}, {"a": cut}, 500)[0] == "misaligned"
    assert compare({"a": values}, {"a": moved}, 4)[0] == "misaligned"
    assert compare({"a": values, "b": values}, {"a": values}, 500)[0] == "misaligned"
    assert touched(b"abcdef", b"abXdeY") == 2 and touched(b"abcdef", b"abcXXdef") == 2 and touched(b"abcd", b"ab") == 2
