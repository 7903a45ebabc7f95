"""A command over its inputs by Slurm or Ray: a worker does with an input what the command does with it here.

A worker writes the results of its inputs to where they belong, and notes what it printed and how it ended. The command
tells that in the order of its inputs, as if it had done the work itself.

OUT/lift.shards/    plan, markers, records and logs of `slt lift` by an engine; goes when all shards are done
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from skeletor.files.lock import locked
from skeletor.lifters.choice import named_weights
from skeletor.poses.pose import file_sha256
from skeletor.support.batch import failure
from skeletor.support.errors import InputError, NothingToTranslate, SkeletorError, is_full, printable
from skeletor.support.progress import log, tell
from skeletor.support.signals import raise_end_behind
from slt.cli.engines.options import ENGINE_OPTIONS, decides, estimator_files, make_engine
from slt.cli.inputs import Input, result_path
from slt.shards.engines import Engine
from slt.shards.plan import PLAN, SHARDS, Plan, write_plan
from slt.shards.run import Outcome, records_of, run_plan
from slt.shards.work import Texts, TextStage

FOLDER = ".shards"
_MOST = 32  # inputs in a shard; up to a thousand inputs each is a shard of its own
_MANY = 1000
_LOST = 1  # exit code if a shard was lost to more than a full disk


@dataclass(frozen=True)
class Work:
    """What a command does. one: with an input, whose results are called like the path that is given, with suffixes.

    split: the inputs in place of a file, such as its clips.
    """

    one: Callable[[Input, Path], None]
    suffixes: Sequence[str]
    split: Callable[[Sequence[Input]], Sequence[Input]] = list


Make = Callable[[str, argparse.Namespace], Work]  # from the command's name and options; a function of a module


class _There(SkeletorError):
    """What went wrong in a worker, with the exit code that it had there."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(line)
        self.exit_code = code


@dataclass(frozen=True)
class _Command:
    """Builds, in a worker, the stage that a command is. See `slt.shards.shard.Build`."""

    name: str
    make: Make
    options: tuple[tuple[str, Any], ...]

    def __call__(self) -> TextStage:
        import cv2

        cv2.setNumThreads(1)  # shards share the cores
        args = argparse.Namespace(**dict(self.options))
        return partial(_records, self.make(self.name, args), args.output)


@contextmanager
def by_engine(
    name: str, make: Make, args: argparse.Namespace, inputs: Sequence[Input], bases: Mapping[Path, Path]
) -> Iterator[Callable[[Input], None]]:
    """Have the inputs done by the engine that the options name; gives what tells of each input, or raises its error.

    bases: of the results, by the inputs' `shown`; all lie in `args.output`, where the folder of shards is. It stays if
    a shard was lost or the command is broken off, and the next one goes on. InputError if the engine cannot begin, or
    that folder is of a run with other inputs or options.
    """
    folder = args.output / f"{name}{FOLDER}"
    engine = make_engine(args, args.workers, folder / "slurm")
    files = list(dict.fromkeys(one.file for one in inputs if one.usable))
    suffixes = make(name, args).suffixes  # options that cannot be are told before anything is handed out
    with locked(folder):
        told, lost = _work_off(folder, engine, _Command(name, make, _options(args)), files) if files else ({}, False)
        yield partial(_tell, told, bases, suffixes)
        if not lost:
            shutil.rmtree(folder, ignore_errors=True)


def _options(args: argparse.Namespace) -> tuple[tuple[str, Any], ...]:
    """Of the work alone: who does it decides nothing. A worker is one process."""
    own = {key: value for key, value in vars(args).items() if key not in (*ENGINE_OPTIONS, "inputs")}
    return tuple(sorted((own | {"workers": 0}).items()))


def _work_off(
    folder: Path, engine: Engine, command: _Command, files: Sequence[Path]
) -> tuple[dict[str, dict[str, Any]], bool]:
    """The records by input, and whether shards were lost."""
    options = {key: str(value) if isinstance(value, Path) else value for key, value in command.options}
    lifter = options.get("weights") or options.get("lift")
    weights = None if lifter is None else named_weights(str(lifter))
    files_of_weights = [*([] if weights is None else [weights]), *estimator_files(options)]
    size = max(1, min(_MOST, len(files) // _MANY))
    code = partial(decides, [command.make], options.get("model"), files_of_weights)
    if not (folder / SHARDS).exists():
        (folder / PLAN).unlink(missing_ok=True)  # of a run that was broken off before it began
    try:
        plan = write_plan(folder, f"slt {command.name}", options, files, size, code, as_given=True)
        outcome = run_plan(plan, engine, command)
    except SkeletorError:
        if not (folder / SHARDS).exists():  # nothing was begun
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for line in outcome.lines():
        tell(line)
    return dict(_told(plan, outcome)), bool(outcome.lost)


def _told(plan: Plan, outcome: Outcome) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records by what an input is shown as, or, where it has none, by its file."""
    lost = {one.shard: one for one in outcome.lost}
    for shard in range(plan.shards):
        if shard not in lost:
            yield from ((str(record.get("shown", record["input"])), record) for record in records_of(plan, shard))
            continue
        code = InputError.exit_code if lost[shard].refused else _LOST
        for path in plan.inputs_of(shard):
            yield printable(str(path)), {"code": code, "line": lost[shard].error}


def _tell(told: Mapping[str, dict[str, Any]], bases: Mapping[Path, Path], suffixes: Sequence[str], one: Input) -> None:
    """What a worker printed of an input, and its error."""
    record = told.get(str(one.shown))
    if record is None or "out" not in record:  # it was never done to its end: nothing older may stand for its result
        for suffix in suffixes:
            result_path(bases[one.shown], suffix).unlink(missing_ok=True)
        record = record or told.get(printable(str(one.file)), {})
        line = record.get("line") or record.get("failed") or "changed while it was worked on; start again"
        raise _There(record.get("code", InputError.exit_code), str(line))
    sys.stdout.write(record["out"])
    for line in record["err"].splitlines():
        log.warning("%s", line)
    if record["code"]:
        raise _There(record["code"], record["line"])


def _records(work: Work, folder: Path, path: Path) -> Texts:
    """In a worker: one file."""
    return {one.clip or "": _record(work, one, folder / one.name) for one in work.split([Input(path, path)])}


def _record(work: Work, one: Input, base: Path) -> dict[str, Any]:
    """Do the work; give what was printed, exit code and line of an error, and which files were written."""
    out, err, code, line = io.StringIO(), io.StringIO(), 0, ""
    with _captured(out, err):
        try:
            work.one(one, base)
        except Exception as error:
            raise_end_behind(error)
            if is_full(error):  # another node's disk may not be
                raise
            code, line = failure(one.shown, error)
    paths = [path for suffix in work.suffixes if (path := result_path(base, suffix)).is_file()]
    return {
        "input": printable(str(one.file)),
        "shown": str(one.shown),
        "code": code,
        "line": line,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "written": {os.path.abspath(path): file_sha256(path) for path in paths},
    } | ({"failed": line} if code not in (0, NothingToTranslate.exit_code) else {})


@contextmanager
def _captured(out: io.StringIO, err: io.StringIO) -> Iterator[None]:
    """What is printed, and warnings of the log, go there."""
    before, propagates, level = log.handlers, log.propagate, log.level
    log.handlers, log.propagate = [logging.StreamHandler(err)], False
    log.setLevel(logging.WARNING)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield
    finally:
        log.handlers, log.propagate = before, propagates
        log.setLevel(level)
