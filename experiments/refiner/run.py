"""Make tables: `python -m experiments.refiner.run experiments/table1.yaml ... [--quick] [--set key=value]`.

Trainings are kept under runs/refiner and skipped when nothing that they depend on has changed; a killed one goes on
where it was. Writes experiments/results/<name>.md and .json. With several files, one whose data are not there is left
out with a warning.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.refiner import ablation, detector, gaps, masks, noise, real
from experiments.refiner.config import (
    AblationTable,
    DetectorTable,
    GapTable,
    MaskTable,
    NoiseTable,
    RealTable,
    TableConfig,
    load_table,
    quick,
)
from experiments.refiner.report import Result, write_result
from skeletor.files.lock import locked
from skeletor.support.config import read_overrides
from skeletor.support.errors import InputError, SkeletorError
from skeletor.support.progress import log, log_to

WORK, RESULTS = Path("runs/refiner"), Path("experiments/results")
QUICK = Path("runs/refiner-quick")


def make(config: TableConfig, work: Path) -> Result:
    """The table that a config describes; files that it makes on the way go to `work`."""
    makers: dict[type[TableConfig], Callable[[Any, Path], Result]] = {
        MaskTable: masks.make,
        NoiseTable: noise.make,
        GapTable: gaps.make,
        DetectorTable: detector.make,
        RealTable: real.make,
        AblationTable: ablation.make,
    }
    return makers[type(config)](config, work)


def run(
    path: Path, work: Path, results: Path, overrides: dict[str, Any], small: bool = False, finished: str | None = None
) -> None:
    """Make the table of one YAML file and write it. finished: folder of an `slt run` in place of the file's."""
    config = load_table(path, overrides)
    if finished and isinstance(config, DetectorTable):
        overrides = {**overrides, "run": finished}
        config = load_table(path, overrides)
    config = quick(config) if small else config
    log.info("table %d: %s", config.number, config.title)
    options = "".join(f" --set {key}={value}" for key, value in overrides.items()) + (" --quick" if small else "")
    about = {
        "title": f"Table {config.number}. {config.title}",
        "command": f"python -m experiments.refiner.run {path}{options}",
        "seed": config.seed,
        "config": config.model_dump(mode="json"),
    }
    result = make(config, work)
    write_result(result, results, path.stem, about)
    log.info("\n%s", (results / f"{path.stem}.md").read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module's text. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", type=Path, nargs="+", metavar="YAML")
    parser.add_argument("--quick", action="store_true", help=f"tiny sizes, to try the code; results go to {QUICK}")
    parser.add_argument("--run", help="folder of a finished `slt run`, for the table that needs one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the YAML")
    options = parser.parse_args(arguments)
    work, results = (QUICK, QUICK / "results") if options.quick else (WORK, RESULTS)
    log_to(work / "log.txt")
    torch.set_num_threads(1)
    failed = 0
    for path in options.tables:
        try:
            with locked(work):
                run(path, work, results, read_overrides(options.set), options.quick, options.run)
        except InputError as error:
            failed += 1
            log.warning("%s left out: %s", path, error)
        except SkeletorError as error:
            log.error("%s: %s", path, error)
            return error.exit_code
    return 2 if failed == len(options.tables) else 0


if __name__ == "__main__":
    sys.exit(main())
