"""A table with its smoothers' rows made anew, and the rows of what was trained as they are stored: no training.

    python -m experiments table1 table5 --smoothers

So smoothers can be added or changed where trainings take hours. The stored rows are of the same test data, or nothing
is written: a row without options (ANCHORS) must come out as it is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.ablations import network
from experiments.report import Result
from experiments.request import Request
from experiments.tables import known, real
from experiments.tables.compare import LABELS, Spread, is_smoother, smoothers
from experiments.tables.config import AblationTable, GapTable, MaskTable, NoiseTable, RealTable, TableConfig
from skeletor.support.errors import InputError

ANCHORS = (LABELS["none"], LABELS["linear"])  # rows that tell whether the test data are still those of the stored rows
CLOSE = 1e-4  # relative; another processor rounds otherwise
Numbers = dict[str, Any]


def check(config: TableConfig) -> None:
    """InputError if a table of this kind has no rows that can be made alone."""
    if type(config) not in _RENEWED:
        raise InputError(f"table {config.number} has no rows of smoothers to be made alone; leave --smoothers out")


def renewed(config: TableConfig, request: Request, about: Mapping[str, Any]) -> tuple[Result, Numbers]:
    """The table, and `about` with how the kept rows came about, under "kept".

    InputError if there is no stored table, or its test data are others.
    """
    file = request.results / f"{request.name}.json"
    if not file.is_file():
        raise InputError(f"{file}: not there, so no rows can be kept; make the table without --smoothers")
    stored = json.loads(file.read_text(encoding="utf-8"))
    result = _RENEWED[type(config)](config, stored["numbers"], file)
    kept = stored.get("kept") or {key: stored[key] for key in ("command", "signature", "versions") if key in stored}
    made = {key: value for key, value in stored["config"].items() if key != "smoothers"}  # what made the kept rows
    note = (
        f"The rows of smoothers were made anew with `{about['command']}`; all others are those that "
        f"`{kept['command']}` had made before, on the same test data.\n"
    )
    more = [kept["note"] + "\n"] if "note" in kept else []
    about = {**about, "config": {**about["config"], **made}, "kept": kept}
    return Result([*more, *result.sections, note], result.numbers), about


def _masks(config: MaskTable, numbers: Numbers, file: Path) -> Result:
    new = known.smoothed_masks(config, *known.mask_tasks(config))
    kept = {
        label: {**row, "dev": [_spreads(errors) for errors in row["dev"]], "test": _spreads(row["test"])}
        for label, row in _kept(numbers["rows"], {label: row["test"] for label, row in new.items()}, file, "test")
    }
    return known.mask_result(config, {**kept, **new})


def _noise(config: NoiseTable, numbers: Numbers, file: Path) -> Result:
    new = known.noise_rows(config, smoothers(config.smoothers))
    kept = {
        label: {float(strength): _spreads(errors) for strength, errors in row.items()}
        for label, row in _kept(numbers["rows"], new, file)
    }
    return known.noise_result(config, {**new, **kept})


def _gaps(config: GapTable, numbers: Numbers, file: Path) -> Result:
    rows = known.gap_rows(config, smoothers(config.smoothers))
    for target, new in rows.items():
        rows[target] = new | {
            label: {band: {int(n): known.Cell(**cell) for n, cell in cells.items()} for band, cells in row.items()}
            for label, row in _kept(numbers[target], new, file)
        }
    return known.gap_result(config, rows)


def _real(config: RealTable, numbers: Numbers, file: Path) -> Result:
    found, tasks, folds = real.material(config)
    new = {m.label: real.real_row(tasks, found, folds, [m] * len(folds)) for m in smoothers(config.smoothers)}
    return real.real_result(config, found, {**new, **dict(_kept(numbers["rows"], new, file))})


def _ablation(config: AblationTable, numbers: Numbers, file: Path) -> Result:
    new = network.ablation_rows(config, smoothers(config.smoothers))
    return network.result({**new, **dict(_kept(numbers["rows"], new, file))})


_RENEWED: dict[type[TableConfig], Callable[[Any, Numbers, Path], Result]] = {
    MaskTable: _masks,
    NoiseTable: _noise,
    GapTable: _gaps,
    RealTable: _real,
    AblationTable: _ablation,
}


def _kept(stored: Numbers, new: Mapping[str, Any], file: Path, part: str = "") -> Iterator[tuple[str, Any]]:
    """The stored rows of what was trained. part: of a stored row, that a new row is compared with."""
    anchors = [label for label in ANCHORS if label in stored and label in new]
    if not anchors:
        raise InputError(f"{file}: has no row that tells its test data ({' or '.join(ANCHORS)}); make the table whole")
    for label in anchors:
        if not _alike(stored[label][part] if part else stored[label], json.loads(json.dumps(new[label], default=vars))):
            raise InputError(f"{file}: its row {label!r} is of other test data than today's; make the table whole")
    return ((label, row) for label, row in stored.items() if label not in new and not is_smoother(label))


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return bool(np.isclose(one, other, rtol=CLOSE, atol=1e-9, equal_nan=True))


def _spreads(errors: Mapping[str, Mapping[str, float]]) -> dict[str, Spread]:
    return {key: Spread(**spread) for key, spread in errors.items()}
