"""`make real`: the experiment from its files to its tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from experiments.pages import fill
from experiments.people.captured import judge_lifters
from experiments.people.clips import read_people
from experiments.people.config import RealConfig, SetConfig, WayConfig
from experiments.people.judge import judge, lift_stage
from experiments.people.layout import captured_table, measures_of, sections_of, wins
from experiments.people.ways import ways_of
from experiments.report import Result, write_result
from experiments.request import RESULTS, Request
from skeletor.lifters.registry import LiftOptions
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from skeletor.support.workers import worker_pool
from slt.pipeline.cache.stage import Done

Job = tuple[SetConfig, WayConfig]


def make(request: Request, config: RealConfig) -> None:
    """Lift, repair, read and write. Sets whose files are not there are left out; InputError if none is."""
    some = [one.model_copy(update={"every": one.every * config.every}) for one in config.sets]
    sets = [one for one in some if _there(one.name, one.file)]
    if not sets:
        raise InputError("no recordings of real people: sets names their files, none is there")
    ways = ways_of(config, request.finished)
    with _captured(config) as captured:
        found = judged(config, sets, ways, request.work)
        lifters = captured()
    sections: list[str] = []
    numbers: dict[str, Any] = {}
    for one in sets:
        rows = {way.name: found[one.name, way.name] for way in ways}
        made, numbers[one.name] = sections_of(read_people(one), rows)
        for key, measure in (("wins", None), ("wins over a line", "linear")):
            measures = measures_of(ways, measure)
            numbers[one.name][key] = {what: wins(rows, what, measures) for what in ("hands", "frames")}
        sections += made
    if lifters:
        numbers["captured"] = lifters
        sections.append(captured_table(lifters, config.captured_clips))
    title = "Real people: what lifting and repair are worth to a reader, and what they do to joints"
    write_result(Result(sections, numbers), request.results, request.name, title, request.about(config, config.seed))
    if request.results == RESULTS and request.name == "real":
        link = f"The whole result: [{RESULTS}/real.md]({RESULTS}/real.md)."
        fill("table real", "\n".join([*sections, f"Made by `make real`. {link}"]))


@contextmanager
def _captured(config: RealConfig) -> Iterator[Callable[[], dict[str, Any]]]:
    """What gives the errors of the lifters on captured signing, {} without any; found beside the rest."""
    if not (config.captured and config.lifters and _there("captured signing", config.captured)):
        yield dict
        return
    work = partial(judge_lifters, Path(config.captured), config.lifters, config.captured_clips)
    if config.workers == 1:
        yield work
        return
    with worker_pool(1) as pool:
        yield pool.submit(work).result


def judged(
    config: RealConfig, sets: list[SetConfig], ways: list[WayConfig], work: Path
) -> dict[tuple[str, str], dict[str, Any]]:
    """What every row comes to on every set: in worker processes, kept under `work`."""
    lifters: dict[str, LiftOptions | None] = {_key(way.lift): way.lift for way in ways}
    places = [(one, key) for one in sets for key in lifters]
    lift = partial(_lift, config, lifters, work)
    jobs = [(one, way) for one in sets for way in ways]
    if config.workers == 1:
        lifts = dict(zip(((one.name, key) for one, key in places), map(lift, places), strict=True))
        results = [_judge(config, lifts, work, job) for job in jobs]
    else:
        with worker_pool(config.workers) as pool:
            lifts = dict(zip(((one.name, key) for one, key in places), pool.map(lift, places), strict=True))
            results = list(pool.map(partial(_judge, config, lifts, work), jobs))
    return {(one.name, way.name): result for (one, way), result in zip(jobs, results, strict=True)}


def _lift(config: RealConfig, lifters: dict[str, LiftOptions | None], work: Path, place: tuple[SetConfig, str]) -> Done:
    one, key = place
    folder = work / "lifts" / f"{_plain(one.name)}-{key}"
    return lift_stage(one, lifters[key], config.seed, config.repair_every, folder)


def _judge(config: RealConfig, lifts: dict[tuple[str, str], Done], work: Path, job: Job) -> dict[str, Any]:
    one, way = job
    folder = work / "rows" / _plain(one.name) / _plain(way.name)
    return judge(config, one, way, lifts[one.name, _key(way.lift)], folder)


def _key(lift: LiftOptions | None) -> str:
    return "2d" if lift is None else f"{lift.mode}-{lift.digest()}"


def _plain(name: str) -> str:
    return re.sub(r"\W+", "-", name).strip("-")


def _there(name: str, file: str) -> bool:
    if Path(file).is_file():
        return True
    log.warning("%s: no file %s; left out", name, file)
    return False
