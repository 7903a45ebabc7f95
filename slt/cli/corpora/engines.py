"""Options of the engines that do the work of `slt shards` and of `slt run`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from skeletor.support.errors import InputError
from slt.estimators.ahead import usable_cores
from slt.shards.engines import ENGINES, Engine, Local, Ray, Slurm


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """`--executor` and what belongs to it."""
    parser.add_argument("--executor", choices=ENGINES, default=ENGINES[0], help="default: %(default)s")
    parser.add_argument("--address", help="of a Ray cluster; default: one is started here")
    slurm = "of sbatch as submitit names it: timeout_min=60, slurm_partition=gpu, ...; cluster=local runs without Slurm"
    parser.add_argument("--slurm", action="append", default=[], metavar="KEY=VALUE", help=slurm)


def make_engine(args: argparse.Namespace, workers: int | None, logs: Path, option: str = "--workers") -> Engine:
    """The engine that the options name. workers: as `option` says; None is one a core. logs: folder of submitit's.

    InputError for a number or an option that does not fit.
    """
    count = usable_cores() if workers is None else workers
    if count < 1:
        raise InputError(f"{option} {count}: give a number of at least 1")
    if args.executor == "slurm":
        parameters = dict(_parameter(text) for text in args.slurm)
        cluster = str(parameters.pop("cluster", "slurm"))
        return Slurm(logs, count, cluster, parameters)
    if args.slurm:
        raise InputError("--slurm: is of --executor slurm")
    if args.executor == "ray":
        return Ray(args.address, workers)
    return Local(count)


def _parameter(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--slurm {text}: give KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
