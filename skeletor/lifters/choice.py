"""Which lifter a `--lift NAME` means: one that needs no weights, a kind of network, or a file of weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skeletor.lifters.registry import LIFTERS, Lifter, LiftOptions, lift_weights
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from skeletor.support.registry import given_weights

# kind of network -> the config of its training
NETWORKS = {
    "uplift-upsample": "configs/lift_uplift.yaml",
    "anatomy": "configs/lift_anatomy.yaml",
    "joint-token": "configs/lift_joint_token.yaml",
}
SHIPPED_KIND = "joint-token"
FIRST = "1"  # version of all lifters when models did not tell it yet


def lift_help() -> str:
    """What a `--lift NAME` may be."""
    others = ", ".join(mode for mode in LIFTERS if mode != "learned")
    networks = ", ".join(NETWORKS)
    return f"learned (the shipped network), {others}; {networks} (the newest weights under runs/); or a file of weights"


def lift_values(name: str) -> dict[str, Any]:
    """Values of a `LiftConfig` for a name as in `lift_help`; a mode alone: with the weights that are there.

    Raises InputError if it is none, or a network without trained weights.
    """
    if name in LIFTERS:
        return {"mode": name}
    if name in NETWORKS:
        found = newest_lifter(name)
        if found is None and name == SHIPPED_KIND:
            return {"mode": "learned", "weights": None}
        if found is None:
            raise InputError(f"--lift {name}: no weights of it under runs/; slt lift train {NETWORKS[name]} makes some")
        return {"mode": "learned", "weights": str(found)}
    if not Path(name).is_file():
        raise InputError(f"--lift {name}: neither a lifter nor a file; give {lift_help()}")
    return {"mode": "learned", "weights": name}


def named_weights(name: str) -> Path | None:
    """The file that a name as in `lift_values` means now, None if it means none. The newest of a kind may change.

    Raises InputError as `lift_values`.
    """
    weights = lift_values(name).get("weights")
    return None if weights is None else Path(weights)


def stored_lift(stored: Mapping[str, Any], folder: Path) -> LiftOptions:
    """The options of the lifter of a model folder. stored: its config, with weights relative to the folder.

    Raises InputError if it is a network without weights: those of this program need not be those of its training.
    """
    filled = {"absent": "filled"}  # by models that are older than the choice
    own = LIFTERS.check(filled | dict(stored), f"{folder}/model.yaml: lift")
    weights = given_weights(own)
    if weights is None and lift_weights(own) is not None:
        raise InputError(f"{folder}: lifts with a network whose weights it does not hold; copy the model folder again")
    return own if weights is None else own.model_copy(update={"weights": str(folder / weights)})


def exchange_warnings(trained: str, lifter: Lifter, exchanged: str | None) -> tuple[str, ...]:
    """What to say of poses that are not lifted as those that a model was trained on.

    trained: version of the lifter at the model's training, "" if it is not known. lifter: that is used now. exchanged:
    its name where it is another one.
    """
    if exchanged is not None:
        return (f"lifted by {exchanged}, the model was trained on another lifter's poses",)
    if trained in ("", lifter.version):
        return ()
    return (
        f"the model was trained on poses of version {trained} of the lifter {lifter.name}, this is version "
        f"{lifter.version}: it may read worse; train it anew",
    )


def elsewhere_warnings(trained: str, own: str, pose: PoseSequence) -> tuple[str, ...]:
    """What to say of 3D poses that another lifter, or another version of it, made than a model was trained on.

    trained: version of the lifter at the model's training, "" if it is not known. own: its mode. Poses that do not tell
    how they were lifted are taken as they are.
    """
    record = pose.provenance.stage("lift")
    if record is None:
        return ()
    mode = str(record.config.get("mode", own))
    if mode != own:
        return (f"lifted by {mode}, the model was trained on poses lifted by {own}",)
    if trained in ("", record.version):
        return ()
    return (
        f"lifted by version {record.version} of the lifter {mode}, the model was trained on version {trained}: it may "
        "read worse; lift the 2D poses anew",
    )


def exchanged_lift(own: LiftOptions, name: str | None) -> LiftOptions:
    """`own`, or another lifter if a name as in `lift_values` is given; of the options, those stay that both have.

    Stride and upsampling do not: they depend on the weights.
    """
    if name is None or name == own.mode:
        return own
    values = lift_values(name)
    kept = own.model_dump(exclude={"stride", "upsample"})
    return LIFTERS.check(LIFTERS.renamed(kept, values["mode"]) | values, f"--lift {name}")


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
