"""The one runner: `python -m experiments NAME [NAME ...]`, or `--list`.

    python -m experiments table1 table5
    python -m experiments lifters --run runs/demo --set clips=20
    python -m experiments transfer --run runs/resynth --as transfer_resynth

All configs are checked before the first experiment begins. Trainings are kept under runs/ and skipped when nothing that
they depend on has changed; a killed one goes on where it was. Results go to experiments/results, as Markdown and JSON
with command, seed, config, signature and versions. Of several experiments, one whose data are not there is left out
with a warning.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when the numerical libraries are loaded

import torch

from experiments.catalogue import EXPERIMENTS, Experiment
from experiments.report import table
from experiments.request import RESULTS, Request
from skeletor.files.lock import locked
from skeletor.support.command import Parser, run_command
from skeletor.support.config import Config, read_overrides
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to
from slt.pipeline.place import CONFIG

QUICK = Path("runs/quick")
_NAME = re.compile(r"\w[\w.-]*")  # of the results' files


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = Parser("python -m experiments", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("names", nargs="*", metavar="NAME")
    found.add_argument("--list", action="store_true", help="all experiments, and what each needs")
    found.add_argument("--run", type=Path, metavar="DIR", help="folder of a finished `slt run`; default: runs/demo")
    found.add_argument("--corpus", type=Path, metavar="DIR", help="folder of PHOENIX14T, or of its annotation")
    found.add_argument("--config", type=Path, metavar="YAML", help="in place of the experiment's own file")
    found.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the config")
    found.add_argument("--as", dest="result", metavar="NAME", help="of the results' files")
    found.add_argument("--work", type=Path, metavar="DIR", help="where trainings are kept")
    found.add_argument("--results", type=Path, metavar="DIR")
    found.add_argument("--quick", action="store_true", help=f"tables and ablations of the refiner, tiny, into {QUICK}")
    found.add_argument(
        "--smoothers", action="store_true",
        help="tables 1 to 5 and 7, ablations of the refiner: the smoothers' rows anew, the others as they are stored",
    )  # fmt: skip
    found.add_argument("--debug", action="store_true", help="show where an unexpected error came from")
    return found


def listed() -> str:
    """The catalogue as a table."""
    rows = [
        [name, one.makes, one.needs, one.page, "" if one.minutes is None else str(one.minutes)]
        for name, one in EXPERIMENTS.items()
    ]
    return "\n".join(table(["name", "makes", "needs", "page", "minutes"], rows, texts=4))


def request_of(name: str, options: argparse.Namespace) -> Request:
    """What the command line asks of one experiment. InputError if there is none of that name, or no such run."""
    if name not in EXPERIMENTS:
        raise InputError(f"no experiment {name!r}; --list tells what there is")
    if options.run is not None:
        _check_run(options.run, EXPERIMENTS[name].without_run)
    if options.result is not None and not _NAME.fullmatch(options.result):
        raise InputError(f"--as {options.result}: no name of a result; letters, digits, '_', '-' and '.' make one")
    one = EXPERIMENTS[name]
    work, results = (QUICK, QUICK / "results") if options.quick else (one.folder, RESULTS)
    given = [
        f"--{key} {shlex.quote(str(value))}" for key in ("run", "corpus", "config") if (value := vars(options)[key])
    ]
    given += [f"--set {shlex.quote(item)}" for item in options.set]
    given += [f"--as {options.result}"] if options.result else []
    own = options.config.stem if options.config else one.result or name
    switches = [f"--{switch}" for switch in ("smoothers", "quick") if vars(options)[switch]]
    return Request(
        name=options.result or own,
        work=options.work or work,
        results=options.results or results,
        command=" ".join(["python -m experiments", name, *given, *switches]),
        config=options.config or one.file,
        changes=read_overrides(options.set),
        run=options.run,
        corpus=options.corpus,
        quick=options.quick,
        smoothers=options.smoothers,
    )


def _check_run(folder: Path, may_be_away: bool) -> None:
    """Raises InputError if there is no such folder or, where its rows would be left out in silence, no run in it."""
    advice = "give that of a finished `slt run`"
    if not may_be_away and not folder.is_dir():
        raise InputError(f"--run {folder}: no such folder; {advice}")
    if may_be_away and folder.is_dir() and not (folder / CONFIG).is_file():
        raise InputError(f"--run {folder}: no run lies in this folder (no {CONFIG}); {advice}")


def perform(one: Experiment[Any], request: Request, config: Config) -> None:
    """Make one experiment, alone in its folder."""
    log_to(request.work / "log.txt")
    torch.set_num_threads(1)
    with locked(request.work):
        log.info("%s: %s", request.name, one.makes)
        one.make(replace(request, signature=one.signature(config)), config)


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 2 if none of the experiments could be made. InputError for a bad name or config."""
    options = parser().parse_args(arguments)
    if options.list or not options.names:
        print(listed())
        return 0 if options.list else 2
    asked = [(EXPERIMENTS[name], request) for name, request in ((n, request_of(n, options)) for n in options.names)]
    checked = [(one, request, one.load(request)) for one, request in asked]
    failed = 0
    for one, request, config in checked:
        try:
            perform(one, request, config)
        except InputError as error:
            failed += 1
            log.warning("%s left out: %s", request.name, error)
    return 2 if failed == len(checked) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: errors are one line."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return run_command(lambda: run(given), "experiments", "--debug" in given)


if __name__ == "__main__":
    sys.exit(main())
