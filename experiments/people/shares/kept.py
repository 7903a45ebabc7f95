"""Rows of the table of shares that are kept as they are stored: their weights are not here, their test data are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.support.errors import InputError

CLOSE = 1e-4  # relative; another processor rounds otherwise
Numbers = dict[str, Any]


def read_stored(file: Path) -> Numbers:
    """The results as they are stored. InputError if there are none."""
    if not file.is_file():
        raise InputError(f"{file}: not there, so no rows can be kept; make the table without kept=true")
    found: Numbers = json.loads(file.read_text(encoding="utf-8"))
    return found


def with_kept(rows: Numbers, stored: Mapping[str, Any], made: Numbers, base: str, name: str) -> Numbers:
    """Rows of a set, in the stored order, with those that are stored and were not made.

    made: today's "gaps" and "smoothest". InputError if the row `base`, the gaps or the best smoother are others: then
    the stored rows are of other test data.
    """
    told = ("hidden", "root")
    today, then = ([one[base].get(key) for key in told] for one in (rows, stored["rows"]))
    if not _alike(today, then) or {key: stored[key] for key in made} != made:
        raise InputError(f"{name}: its stored rows are of other test data than today's; make the table whole")
    return {row: rows.get(row, stored["rows"].get(row)) for row in [*stored["rows"], *rows]}


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return all(map(_alike, one, other))
    return bool(np.isclose(one, other, rtol=CLOSE, atol=1e-9))
