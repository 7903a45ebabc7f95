"""Hostile files: nothing is executed, nothing outside is read, memory is capped, and one line is said."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.hardening.case import Case, Context, Suite, single
from experiments.hardening.made.attacks import Attack, Place, all_attacks, secrets
from experiments.hardening.made.models import small_model
from experiments.hardening.made.poses import pose_2d
from experiments.hardening.suites.key_points import judge
from experiments.hardening.watch import Watch

_FRAMES = 10_000
_SECONDS = 30.0  # CPU; a model is loaded, or a training begun
_WALL = 60.0


def suite() -> Suite:
    """The suite."""
    return Suite("hostile", "nothing executed, nothing read outside, memory capped", _cases, parallel=False)


def _cases(context: Context) -> Iterator[Case]:
    model = small_model(context.folder("small"))
    for attack in context.sample(all_attacks(), "hostile"):
        yield single(attack.name, lambda attack=attack: check(context, attack, model))  # type: ignore[misc]


def check(context: Context, attack: Attack, model: Path) -> str:
    """Make the file, read it, and look what else happened."""
    folder = context.folder("attacks", "".join(c if c.isalnum() else "_" for c in attack.name))
    shutil.rmtree(folder)
    inside = folder / "inside"
    inside.mkdir(parents=True)
    place = Place(inside, folder / "outside", folder / "canary", model)
    secrets(place.outside)
    path = attack.make(place)
    with Watch(place.outside) as watch:
        reply = context.server().call(use, attack.use, path, model, cpu=_SECONDS, wall=_WALL)
    if place.canary.exists():
        return "code was executed"
    if watch.opened:
        return f"read outside: {', '.join(watch.opened)}"
    if reply.died or reply.memory > 1 << 30 or (reply.error and reply.error["starved"]):
        return reply.died or reply.excess
    if reply.error is None and attack.refused:
        return f"accepted: {str(reply.value)[:100]}"
    return judge(reply) if reply.error is not None and reply.cpu <= _SECONDS else ""


def use(kind: str, path: Path, model: Path) -> None:
    """Read a file in one of the ways below; what they give, for the report, is no matter."""
    USES[kind](path, model)


def _poses(path: Path, model: Path) -> None:
    from skeletor.io import read_poses

    poses = read_poses(path)
    for name in poses:
        len(poses[name])


def _video(path: Path, model: Path) -> None:
    from slt.video import open_video

    with open_video(path) as video:
        for _ in itertools.islice(video, _FRAMES):
            pass


def _estimate(path: Path, model: Path) -> None:
    from slt.system import make_estimator

    make_estimator("mediapipe")(path)


def _translate(model: Path, source: Path) -> Any:
    from skeletor.errors import NothingToTranslate
    from slt.system import load_system

    result = load_system(model, device="cpu").translate(source)
    if result.text is None:
        raise NothingToTranslate(str(result.reason))
    return result.text


def _model(path: Path, model: Path) -> None:
    from skeletor.io import write_pose

    source = path.parent / "clip.safetensors"
    write_pose(pose_2d(np.random.default_rng(3), 16), source)
    _translate(path, source)


def _model_poses(path: Path, model: Path) -> None:
    _translate(model, path)


def _lifter(path: Path, model: Path) -> None:
    from slt.lift.learned.weights import load_lifter

    load_lifter(path)


def _npz(path: Path, model: Path) -> None:
    from slt.lift.benchmarks.safe_npz import read_npz

    read_npz(path)


def _arms(path: Path, model: Path) -> None:
    from slt.lift.learned.mocap import read_mocap

    read_mocap(str(path))


def _cnn(path: Path, model: Path) -> None:
    from slt.sign2text import cnn

    cnn.load_weights(path)  # type: ignore[attr-defined]


def _config(path: Path, model: Path) -> None:
    from skeletor.config import load_config
    from slt.pipeline.config import RunConfig

    load_config(path, RunConfig)


def _train(path: Path, model: Path) -> None:
    import os

    from skeletor.config import load_config
    from skeletor.train_job import TrainJob, run_job

    os.chdir(path.parent)
    run_job(load_config(path, TrainJob))


USES: dict[str, Callable[[Path, Path], None]] = {
    "poses": _poses, "video": _video, "estimate": _estimate, "model": _model, "model poses": _model_poses,
    "lifter": _lifter, "npz": _npz, "arms": _arms, "cnn": _cnn, "config": _config, "train": _train,
}  # fmt: skip
