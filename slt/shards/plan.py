"""What is to be done: which inputs belong to which shard, and what makes a finished shard stale.

OUT/plan.json        stage, options, number of inputs and shards, and the key of all that decides the results
OUT/inputs.txt       a path a line; shard k is lines k * size up to (k + 1) * size
OUT/offsets.npy      where in `inputs.txt` each shard begins, so that one of a million is read without the others
OUT/shards/0000/0000000.safetensors, .json    the results of a shard, and its marker, which is written last
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.atomic import atomic_path, write_text
from skeletor.support.errors import InputError

PLAN, INPUTS, OFFSETS, SHARDS = "plan.json", "inputs.txt", "offsets.npy", "shards"
_A_FOLDER = 1000  # shards to a folder: file systems and people bear no more


@dataclass(frozen=True)
class Plan:
    """A stage over inputs. options: plain values of the stage. key: sha256 of all that decides what comes out."""

    folder: Path
    stage: str
    options: Mapping[str, Any]
    inputs: int
    size: int
    key: str

    @property
    def shards(self) -> int:
        """Number of shards; the last may have fewer inputs."""
        return -(-self.inputs // self.size)

    def inputs_of(self, shard: int) -> list[Path]:
        """The inputs of one shard, in their order."""
        offsets = np.load(self.folder / OFFSETS, mmap_mode="r")
        with open(self.folder / INPUTS, "rb") as file:
            file.seek(int(offsets[shard]))
            text = file.read(int(offsets[shard + 1] - offsets[shard]))
        return [Path(os.fsdecode(line)) for line in text.split(b"\n")[:-1]]

    def result(self, shard: int) -> Path:
        """The file with the results of a shard, without suffix."""
        return self.folder / SHARDS / f"{shard // _A_FOLDER:04d}" / f"{shard:07d}"


def write_plan(
    folder: Path,
    stage: str,
    options: Mapping[str, Any],
    inputs: Iterable[Path],
    size: int,
    code: Callable[[], str],
    as_given: bool = False,
) -> Plan:
    """The plan of a folder, written if there is none. code: gives the digest of the code that makes the results.

    Inputs are made absolute, for workers stand elsewhere; as_given: they are left, and workers have to stand where this
    process stands. InputError if there are none, if one has a line break in its name, or if the folder holds another
    plan: results of two must not be mixed.
    """
    if size < 1:
        raise InputError(f"--shard-size {size}: give a number of inputs of at least 1")
    folder.mkdir(parents=True, exist_ok=True)
    digest, count, offsets = hashlib.sha256(), 0, [0]
    with atomic_path(folder / INPUTS) as temporary, open(temporary, "wb") as file:
        for path in inputs:
            line = os.fsencode(path if as_given else os.path.abspath(path)) + b"\n"
            if line.count(b"\n") > 1:
                raise InputError(f"{str(path)!r}: has a line break in its name; rename it")
            file.write(line)
            digest.update(line)
            count += 1
            if count % size == 0:
                offsets.append(file.tell())
        if count % size:
            offsets.append(file.tell())
        if not count:
            raise InputError("no inputs; name files, or give a list with --list")
        about = {"stage": stage, "options": dict(options), "inputs": count, "size": size}
        decides = {**about, "listed": digest.hexdigest(), "code": code()}
        key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
        _refuse_other(folder, key)
    with atomic_path(folder / OFFSETS) as temporary, open(temporary, "wb") as file:
        np.save(file, np.array(offsets, np.int64))
    write_text(folder / PLAN, json.dumps({**about, "key": key}, indent=1) + "\n")
    return Plan(folder, stage, options, count, size, key)


def _refuse_other(folder: Path, key: str) -> None:
    """InputError if the folder holds a plan that another key belongs to."""
    if (folder / PLAN).exists() and read_plan(folder).key != key:
        raise InputError(
            f"{folder}: holds another plan (other inputs, options or code); take another folder, or delete this one"
        )


def read_plan(folder: Path) -> Plan:
    """The plan in a folder. InputError if there is none, or it is damaged."""
    try:
        raw = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        return Plan(folder, str(raw["stage"]), dict(raw["options"]), int(raw["inputs"]), int(raw["size"]), raw["key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        damaged = (folder / PLAN).exists()
        advice = "delete the file, and `slt shards` writes it anew" if damaged else "`slt shards` writes one"
        raise InputError(f"{folder / PLAN}: no plan of shards ({error}); {advice}") from error
