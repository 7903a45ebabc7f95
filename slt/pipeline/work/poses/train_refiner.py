"""Work of a stage: the refiner trained on the poses of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skeletor.io.store import open_store
from skeletor.poses.normalise import renormalise
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.training.config import RefinerTrainConfig

REFINER_WEIGHTS = "refiner.safetensors"


def train_skeletor(
    stores: Sequence[Path], degraded: Path | None, config: RefinerTrainConfig, seed: int, threads: int, out: Path
) -> None:
    """Train the refiner on lifted poses, 3D in shoulder widths; never on the truth. Writes `out/refiner.safetensors`.

    degraded: a store of the same clips as a worse detector would have seen them, or None.
    """
    clips = {name: pose for store in stores for name, pose in open_store(store).items()}
    worse = None
    if degraded is not None:
        found = open_store(degraded)
        clips = {name: pose for name, pose in clips.items() if name in found}
        worse = [renormalise(found[name], clips[name]) for name in sorted(clips)]
    _train_refiner([clips[name] for name in sorted(clips)], worse, config, seed, threads, out)


def train_on_motion(truth: Path, lifted: Path, config: RefinerTrainConfig, seed: int, threads: int, out: Path) -> None:
    """Train the refiner to turn lifted detections into the true motion of the same clips.

    Writes `out/refiner.safetensors`.
    Both are normalised to shoulder widths by themselves, so it also learns what the estimator and the lifter always get
    wrong.
    """
    targets, inputs = open_store(truth), open_store(lifted)
    names = sorted(set(targets) & set(inputs))
    _train_refiner([targets[n] for n in names], [inputs[n] for n in names], config, seed, threads, out)


def _train_refiner(
    clips: Sequence[PoseSequence],
    degraded: Sequence[PoseSequence] | None,
    config: RefinerTrainConfig,
    seed: int,
    threads: int,
    out: Path,
) -> None:
    from skeletor.refiners.training.train import train_refiner
    from skeletor.support.devices import cpu_threads

    with cpu_threads(threads):
        train_refiner(clips, config, out, seed, "auto", degraded)
