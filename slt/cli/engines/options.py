"""Options of the engines that do the work of a command, and what decides whether its results are still the same."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skeletor.poses.pose import file_sha256
from skeletor.support.errors import InputError
from slt.estimators.ahead import usable_cores
from slt.estimators.registry import ESTIMATORS
from slt.shards.engines import ENGINES, Engine, Local, Slurm
from slt.shards.on_ray import Ray

if TYPE_CHECKING:
    from slt.pipeline.cache.code import Code

LOCAL = ENGINES[0]
ENGINE_OPTIONS = ("executor", "address", "slurm")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """`--executor` and what belongs to it."""
    about = "who does the work: processes here, Slurm, or Ray; default: %(default)s"
    parser.add_argument("--executor", choices=ENGINES, default=LOCAL, help=about)
    address = "of a Ray cluster: HOST:PORT, ray://HOST:PORT or auto; default: one is started here"
    parser.add_argument("--address", help=address)
    slurm = "of sbatch as submitit names it: timeout_min=60, slurm_partition=gpu, ...; cluster=local runs without Slurm"
    parser.add_argument("--slurm", action="append", default=[], metavar="KEY=VALUE", help=slurm)


def make_engine(args: argparse.Namespace, workers: int | None, logs: Path, option: str = "--workers") -> Engine:
    """The engine that the options name. workers: as `option` says; None is one a core. logs: folder of submitit's.

    InputError for a number or an option that does not fit.
    """
    refuse_options_of_others(args)
    count = usable_cores() if workers is None else workers
    if count < 1:
        raise InputError(f"{option} {count}: give a number of at least 1")
    if args.executor == "slurm":
        parameters = dict(_parameter(text) for text in args.slurm)
        cluster = str(parameters.pop("cluster", "slurm"))
        return Slurm(logs, count, cluster, parameters)
    if args.executor == "ray":
        return Ray(args.address, workers)
    return Local(count)


def refuse_options_of_others(args: argparse.Namespace) -> None:
    """InputError for an option of another engine than the one that is asked for."""
    if args.slurm and args.executor != "slurm":
        raise InputError("--slurm: is of --executor slurm")
    if args.address is not None and args.executor != "ray":
        raise InputError("--address: is of --executor ray")


def decides(entries: Sequence[Code], model: str | None, files: Sequence[Path]) -> str:
    """Digest of the code of `entries`, of a model folder and of those files that exist; it tells plans apart."""
    from slt.inference.model_files import CONFIG
    from slt.pipeline.cache.code import code_digest

    named = [*([] if model is None else [Path(model) / CONFIG]), *files]  # it has the hashes of all files of the folder
    return " ".join([code_digest(entries), *(file_sha256(path) for path in named if path.is_file())])


def estimator_files(options: Mapping[str, Any]) -> list[Path]:
    """The files of weights of the estimator that a command's option `estimator` names, or else of its model.

    Empty without that option, and for most estimators. InputError if there is no such estimator.
    """
    name, model = options.get("estimator"), options.get("model")
    if "estimator" not in options:
        return []
    if name is not None:
        keys = {"weights": "pose_weights", "detector": "detector"}
        named = {key: str(options[own]) for key, own in keys.items() if options.get(own) is not None}
        return list(ESTIMATORS.check({"name": name} | named, "--estimator").files().values())
    if model is None:
        return []
    from slt.inference.estimation import estimator_config
    from slt.inference.model_files import read_model_config

    return list(estimator_config(read_model_config(Path(model)), Path(model)).files().values())


def _parameter(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--slurm {text}: give KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
