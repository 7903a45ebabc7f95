"""`python -m experiments repair_people`: what repair leaves of a smoother's errors on people whom nobody drew."""

from __future__ import annotations

import re
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.pages import fill
from experiments.people.clips import People, read_people
from experiments.people.config import SetConfig
from experiments.people.shares.config import SharesConfig
from experiments.people.shares.errors import MEASURES, Share, mean_error, share
from experiments.people.shares.rows import Row, holes_of, lift_stage, row_stage, rows_of
from experiments.report import Result, markdown, number, write_result
from experiments.request import RESULTS, Request
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from skeletor.support.workers import worker_pool
from slt.pipeline.cache.stage import Done

Sums = dict[str, np.ndarray]  # part -> (N, 4, 2)
HIDDEN, MOVED, ACCELERATION, ROOT = range(len(MEASURES))
PAGE = "table repair_people"


def make(request: Request, config: SharesConfig) -> None:
    """Hide, lift, repair, measure, write. Sets whose files are not there are left out; InputError if none is."""
    some = [one.model_copy(update={"every": one.every * config.every}) for one in config.sets]
    sets = [one for one in some if Path(one.file).exists()]
    for one in some:
        if one not in sets:
            log.warning("%s: no file %s; left out", one.name, one.file)
    if not sets:
        raise InputError("no recordings of real people: sets names their files, none is there")
    sections, numbers = [], {}
    for one in sets:
        rows = rows_of(config, one, request.finished)
        section, numbers[one.name] = of_set(config, read_people(one), _sums(config, one, rows, request.work))
        sections.append(section)
    title = "Real people: errors of repair as shares of carried linear interpolation's"
    write_result(Result(sections, numbers), request.results, request.name, title, request.about(config, config.seed))
    if request.results == RESULTS and request.name == "repair_people":
        link = f"[{RESULTS}/repair_people.md]({RESULTS}/repair_people.md)"
        fill(PAGE, "\n".join([*sections, f"Made by `python -m experiments repair_people`. The whole result: {link}."]))


def _sums(config: SharesConfig, of: SetConfig, rows: list[Row], work: Path) -> dict[str, Sums]:
    """Row -> its sums, in worker processes; kept under `work`."""
    lifts = lift_stage(config, of, work / "lifts" / _plain(of.name))
    judge = partial(_judge, config, of, lifts, work)
    if config.workers == 1:
        return {row.name: judge(row) for row in rows}
    with worker_pool(config.workers) as pool:
        return dict(zip([row.name for row in rows], pool.map(judge, rows), strict=True))


def _judge(config: SharesConfig, of: SetConfig, lifts: Done, work: Path, row: Row) -> Sums:
    return row_stage(config, of, row, lifts, work / "rows" / _plain(of.name) / _plain(row.name))


def _plain(name: str) -> str:
    return re.sub(r"\W+", "-", name).strip("-")


def of_set(config: SharesConfig, people: People, found: dict[str, Sums]) -> tuple[str, dict[str, Any]]:
    """The table of a set and its numbers. found: row -> sums by clip with holes."""
    who = {part: people.people[[k for k, _ in holes]] for part, holes in holes_of(config, people).items()}
    hands = [part for part, between in config.parts.items() if between is not None]
    both = np.concatenate([who[part] for part in hands])
    pooled = {row: np.concatenate([sums[part] for part in hands]) for row, sums in found.items()}
    bent = {row: mean_error(pooled[row][:, ACCELERATION], both) for row in config.smoothers}
    best = min((row for row in bent if bent[row] is not None), key=lambda row: bent[row] or 0.0, default=config.base)
    numbers: dict[str, Any] = {"smoothest": best, "gaps": {part: len(one) for part, one in who.items()}, "rows": {}}
    body = []
    for row, sums in found.items():
        shares = {
            part: share(sums[part][:, HIDDEN], found[config.base][part][:, HIDDEN], who[part], people.few)
            for part in config.parts
        }
        smooth = share(pooled[row][:, ACCELERATION], pooled[best][:, ACCELERATION], both, people.few)
        hidden = {part: mean_error(sums[part][:, HIDDEN], who[part]) for part in config.parts}
        moved, root = (mean_error(pooled[row][:, what], both) for what in (MOVED, ROOT))
        numbers["rows"][row] = {
            "hidden": hidden, "moved": moved, "root": root, "acceleration": smooth and asdict(smooth),
            "shares": {part: one and asdict(one) for part, one in shares.items()},
        }  # fmt: skip
        is_base = row == config.base
        cells = [f"1 (= {number(hidden[part])})" if is_base else _cell(one, True) for part, one in shares.items()]
        told = "1" if row == best else _cell(smooth, False)
        body.append([row, *cells, f"{moved or 0:.4f}", told, number(root)])
    head = ["", *config.parts, "seen moved", f"acceleration, of {best}'s", "root from wrist"]
    return markdown(f"{people.name}: what is left of the error", head, body, _note(config, people)), numbers


def _cell(one: Share | None, counted: bool) -> str:
    if one is None:
        return ""
    low, high = one.interval
    return f"{one.mean:.3f} [{low:.3f}, {high:.3f}]" + (f", {one.better} of {one.people}" if counted else "")


def _note(config: SharesConfig, people: People) -> str:
    over = "clips" if people.few else "people"
    return (
        f"Hidden: error of hidden joints over that of {config.base} on the same gaps, mean over people, its 95 % "
        f"interval (bootstrap over {over}), on how many people it is below 1. Gaps are as long as real losses of other "
        "people, in frames. The rest in shoulder widths. Seen moved: joints that were seen. Acceleration: error of "
        "second differences across gaps of hands, over that of the best smoother. Root from wrist: error of a hidden "
        "hand's place on its wrist."
    )
