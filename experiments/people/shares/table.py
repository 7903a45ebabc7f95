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
from experiments.people.shares.errors import MEASURES, mean_error, share
from experiments.people.shares.kept import read_stored, with_kept
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
    stored = read_stored(request.results / f"{request.name}.json") if config.kept else {}
    for one in sets:
        people, sums = read_people(one), _sums(config, one, rows_of(config, one, request.finished), request.work)
        section, numbers[one.name] = of_set(config, people, sums, stored.get("numbers", {}).get(one.name))
        sections.append(section)
    about = request.about(config, config.seed)
    if config.kept:
        kept = stored.get("kept") or {key: stored[key] for key in ("command", "signature", "versions")}
        about["kept"] = kept
        sections.append(
            f"Rows whose weights were not there are those that `{kept['command']}` had made, on the same data.\n"
        )
    title = "Real people: errors of repair as shares of carried linear interpolation's"
    write_result(Result(sections, numbers), request.results, request.name, title, about)
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


def of_set(
    config: SharesConfig, people: People, found: dict[str, Sums], stored: dict[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """The table of a set and its numbers.

    found: row -> sums by clip with holes. stored: the set's numbers of which rows that were not found are kept.
    """
    who = {part: people.people[[k for k, _ in holes]] for part, holes in holes_of(config, people).items()}
    hands = [part for part, between in config.parts.items() if between is not None]
    both = np.concatenate([who[part] for part in hands])
    pooled = {row: np.concatenate([sums[part] for part in hands]) for row, sums in found.items()}
    bent = {row: mean_error(pooled[row][:, ACCELERATION], both) for row in config.smoothers}
    best = min((row for row in bent if bent[row] is not None), key=lambda row: bent[row] or 0.0, default=config.base)
    numbers: dict[str, Any] = {"smoothest": best, "gaps": {part: len(one) for part, one in who.items()}}
    rows: dict[str, Any] = {}
    for row, sums in found.items():
        shares = {
            part: share(sums[part][:, HIDDEN], found[config.base][part][:, HIDDEN], who[part], people.few)
            for part in config.parts
        }
        smooth = share(pooled[row][:, ACCELERATION], pooled[best][:, ACCELERATION], both, people.few)
        hidden = {part: mean_error(sums[part][:, HIDDEN], who[part]) for part in config.parts}
        moved, root = (mean_error(pooled[row][:, what], both) for what in (MOVED, ROOT))
        rows[row] = {
            "hidden": hidden, "moved": moved, "root": root, "acceleration": smooth and asdict(smooth),
            "shares": {part: one and asdict(one) for part, one in shares.items()},
        }  # fmt: skip
    if stored is not None:
        rows = with_kept(rows, stored, dict(numbers), config.base, people.name)
    body = [_line(config, row, one, best) for row, one in rows.items()]
    head = ["", *config.parts, "seen moved", f"acceleration, of {best}'s", "root from wrist"]
    text = markdown(f"{people.name}: what is left of the error", head, body, _note(config, people))
    return text, numbers | {"rows": rows}


def _line(config: SharesConfig, row: str, one: dict[str, Any], best: str) -> list[str]:
    """The cells of a row, from its numbers."""
    cells = [
        f"1 (= {number(one['hidden'][part])})" if row == config.base else _cell(one["shares"][part], True)
        for part in config.parts
    ]
    told = "1" if row == best else _cell(one["acceleration"], False)
    return [row, *cells, f"{one['moved'] or 0:.4f}", told, number(one["root"])]


def _cell(one: dict[str, Any] | None, counted: bool) -> str:
    """A share, as a dictionary of `Share`."""
    if one is None:
        return ""
    low, high = one["interval"]
    return f"{one['mean']:.3f} [{low:.3f}, {high:.3f}]" + (f", {one['better']} of {one['people']}" if counted else "")


def _note(config: SharesConfig, people: People) -> str:
    over = "clips" if people.few else "people"
    return (
        f"Hidden: error of hidden joints over that of {config.base} on the same gaps, mean over people, its 95 % "
        f"interval (bootstrap over {over}), on how many people it is below 1. Gaps are as long as real losses of other "
        "people, in frames. The rest in shoulder widths. Seen moved: joints that were seen. Acceleration: error of "
        "second differences across gaps of hands, over that of the best smoother. Root from wrist: error of a hidden "
        "hand's place on its wrist."
    )
