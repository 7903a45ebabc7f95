"""Hostile files: nothing is executed, nothing outside is read, memory is capped, and one line is said."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.hardening.case import Case, Context, Suite, single
from tests.hardening.made.attack import Attack, Place
from tests.hardening.made.attacks import all_attacks, secrets
from tests.hardening.made.models import small_model
from tests.hardening.made.poses import pose_2d
from tests.hardening.suites.key_points import judge
from tests.hardening.watch import Watch

_FRAMES = 10_000
_SECONDS = 30.0  # CPU; a model is loaded, or a training begun
_WALL = 900.0  # seconds, on a busy machine
_READERS = ("poses", "npz", "arms", "video", "config")


def suite() -> Suite:
    """The suite."""
    return Suite("hostile", "nothing executed, nothing read outside, memory capped", _cases)


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
    if attack.use not in _READERS:
        reply = replace(reply, cpu=0.0)  # what loads a model or trains is stopped by _SECONDS alone
    if reply.error is None and not reply.excess:
        return f"accepted: {str(reply.value)[:100]}" if attack.refused else ""
    return judge(reply)


def use(kind: str, path: Path, model: Path) -> str | None:
    """Read a file in one of the ways below; what came of it, for the report."""
    return USES[kind](path, model)


def _poses(path: Path, model: Path) -> None:
    from skeletor.io.formats import read_poses

    poses = read_poses(path)
    for name in poses:
        len(poses[name])


def _video(path: Path, model: Path) -> None:
    from slt.video import open_video

    with open_video(path) as video:
        for _ in itertools.islice(video, _FRAMES):
            pass


def _estimate(path: Path, model: Path) -> None:
    from slt.inference.estimation import make_estimator

    make_estimator("mediapipe")(path)


def _translate(model: Path, source: Path) -> str:
    """The sentence, or why there is none."""
    from slt.inference.chain import load_chain

    result = load_chain(model, device="cpu").translate(source)
    return f"translated: {result.text}" if result.text is not None else f"abstained: {result.reason}"


def _model(path: Path, model: Path) -> str:
    from skeletor.io.formats import write_pose

    source = path.parent / "clip.safetensors"
    write_pose(pose_2d(np.random.default_rng(3), 16), source)
    return _translate(path, source)


def _abstaining(path: Path, model: Path) -> str:
    """A model that may be loaded if it abstains."""
    from skeletor.support.errors import NothingToTranslate

    said = _model(path, model)
    if said.startswith("abstained"):
        raise NothingToTranslate(said)
    return said


def _model_poses(path: Path, model: Path) -> str:
    return _translate(model, path)


def _lifter(path: Path, model: Path) -> None:
    from skeletor.lifters.learned.weights import load_lifter

    load_lifter(path)


def _npz(path: Path, model: Path) -> None:
    from skeletor.lifters.benchmarks.safe_npz import read_npz

    read_npz(path)


def _arms(path: Path, model: Path) -> None:
    from skeletor.lifters.learned.mocap import read_mocap

    read_mocap(str(path))


def _cnn(path: Path, model: Path) -> None:
    from slt.sign2text.cnn import AlexNet, load_cnn_weights

    load_cnn_weights(AlexNet(), path)


def _config(path: Path, model: Path) -> None:
    from skeletor.support.config import load_config
    from slt.pipeline.config import RunConfig

    load_config(path, RunConfig)


def _train(path: Path, model: Path) -> None:
    import os

    from skeletor.refiners.training.job import TrainJob, run_job
    from skeletor.support.config import load_config

    os.chdir(path.parent)
    run_job(load_config(path, TrainJob))


USES: dict[str, Callable[[Path, Path], str | None]] = {
    "poses": _poses, "video": _video, "estimate": _estimate, "model": _model, "abstaining model": _abstaining,
    "model poses": _model_poses, "lifter": _lifter, "npz": _npz, "arms": _arms, "cnn": _cnn, "config": _config,
    "train": _train,
}  # fmt: skip
