"""Which lifter a `--lift NAME` means: one that needs no weights, a kind of network, or a file of weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skeletor.lifters.registry import LIFTERS, LiftConfig
from skeletor.support.config import check_config
from skeletor.support.errors import InputError

# kind of network -> the config of its training
NETWORKS = {
    "uplift-upsample": "configs/lift_uplift.yaml",
    "anatomy": "configs/lift_anatomy.yaml",
    "joint-token": "configs/lift_joint_token.yaml",
}
SHIPPED_KIND = "joint-token"
PLAIN = tuple(mode for mode in LIFTERS if mode != "learned")
HELP = (
    f"learned (the shipped network), {', '.join(PLAIN)}; {', '.join(NETWORKS)} (the newest weights under runs/); "
    "or a file of weights"
)


def lift_values(name: str) -> dict[str, Any]:
    """Values of a `LiftConfig` for a name as in `HELP`; "learned": mode alone, for the weights that are there.

    Raises InputError if it is none, or a network without trained weights.
    """
    if name in PLAIN:
        return {"mode": name, "weights": None}
    if name == "learned":
        return {"mode": name}
    if name in NETWORKS:
        found = newest_lifter(name)
        if found is None and name == SHIPPED_KIND:
            return {"mode": "learned", "weights": None}
        if found is None:
            raise InputError(f"--lift {name}: no weights of it under runs/; slt lift train {NETWORKS[name]} makes some")
        return {"mode": "learned", "weights": str(found)}
    if not Path(name).is_file():
        raise InputError(f"--lift {name}: neither a lifter nor a file; give {HELP}")
    return {"mode": "learned", "weights": name}


def stored_lift(stored: Mapping[str, Any], folder: Path) -> LiftConfig:
    """The lifter of a model folder. stored: its config, with weights relative to the folder.

    Raises InputError if it is a network without weights: those of this program need not be those of its training.
    """
    own = check_config(dict(stored), LiftConfig, f"{folder}/model.yaml: lift")
    if own.mode == "learned" and own.weights is None:
        raise InputError(f"{folder}: lifts with a network whose weights it does not hold; copy the model folder again")
    return own if own.weights is None else own.model_copy(update={"weights": str(folder / own.weights)})


def exchanged_lift(own: LiftConfig, name: str | None) -> LiftConfig:
    """`own`, or another lifter if a name as in `lift_values` is given; the options that do not belong to it stay."""
    if name is None or name == own.mode:
        return own
    values = lift_values(name)
    foreign = {"minimum_confidence", "hand_reach"} if values["mode"] == "learned" else set()
    kept = {**own.model_dump(exclude=foreign), "stride": 1, "upsample": "interpolation"}
    return check_config({**kept, **values}, LiftConfig, f"--lift {name}")


def newest_lifter(kind: str, root: Path | None = None) -> Path | None:
    """The weights of that kind that were written last under runs/ (or $SLT_RUNS), or None."""
    from skeletor.lifters.learned.training import WEIGHTS
    from skeletor.lifters.learned.weights import load_lifter

    root = root or Path(os.environ.get("SLT_RUNS", "runs"))
    found = [*root.glob(f"*/{WEIGHTS}"), *root.glob(f"lifters-*/*/{WEIGHTS}")]
    for path in sorted(found, key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            if load_lifter(path).info.kind == kind:
                return path
        except InputError:  # damaged, or of another version: not ours to use
            continue
    return None
