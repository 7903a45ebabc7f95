"""The papers' tables of lifters on Human3.6M or MPI-INF-3DHP, for those who have the files.

    python -m experiments h36m_uplift_351

Trains the network of the YAML file on the training subjects and evaluates it on the test subjects with the papers'
protocols, published figures beside. Sizes and budgets are the published ones: a GPU is needed. These runs have not been
made where this project is built, which has no such files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from experiments.report import table, write_files
from experiments.request import Request
from skeletor.files.keyed import is_current, keyed_folder
from skeletor.lifters.benchmarks import human36m, mpi_inf_3dhp
from skeletor.lifters.benchmarks.sequences import Benchmark2D3D, as_clips
from skeletor.lifters.learned.clips import Material
from skeletor.lifters.learned.config import LiftTrainJob
from skeletor.lifters.learned.inference import lift_clip
from skeletor.lifters.learned.networks.registry import LiftNetwork
from skeletor.lifters.learned.training import WEIGHTS, kept_config, train_lifter
from skeletor.lifters.learned.weights import load_lifter
from skeletor.lifters.protocols import auc, mpjpe, mpjve, n_mpjpe, p_mpjpe, pck
from skeletor.poses.pose import file_sha256
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config
from skeletor.support.devices import resolve_device
from skeletor.support.progress import progress
from slt.pipeline.cache.stage import stage_key

MEASURES = {"MPJPE": mpjpe, "N-MPJPE": n_mpjpe, "P-MPJPE": p_mpjpe, "MPJVE": mpjve}


class BenchmarkTable(Config):
    """Options of a table. data_3d, data_2d, cameras: files of Human3.6M; train_file, test_file: of MPI-INF-3DHP.

    input_strides: at which the network is evaluated. mirror: average with the mirror image. published: row -> figures.
    training: what `slt lift train` takes; its `data` is not used.
    """

    dataset: Literal["human3.6m", "mpi-inf-3dhp"]
    data_3d: str = ""
    data_2d: str = ""
    cameras: str = ""
    train_file: str = ""
    test_file: str = ""
    input_strides: list[int] = Field([1], min_length=1)
    mirror: bool = True
    published: dict[str, dict[str, float]] = Field(default_factory=dict)
    training: LiftTrainJob


def read(config: BenchmarkTable) -> tuple[list[Benchmark2D3D], list[Benchmark2D3D], Skeleton, int, float]:
    """Training and test sequences, skeleton, root, frames per second. InputError if a file is missing."""
    if config.dataset == "human3.6m":
        files = (config.data_3d, config.data_2d, config.cameras)
        train, test = (human36m.read_h36m(*files, subjects) for subjects in (human36m.TRAIN, human36m.TEST))
        return train, test, human36m.H36M_17, human36m.ROOT, human36m.FPS
    train, test = mpi_inf_3dhp.read_3dhp_train(config.train_file), mpi_inf_3dhp.read_3dhp_test(config.test_file)
    return train, test, mpi_inf_3dhp.DHP_17, mpi_inf_3dhp.ROOT, mpi_inf_3dhp.FPS


def lifted(
    network: LiftNetwork, sequence: Benchmark2D3D, skeleton: Skeleton, root: int, stride: int, mirror: bool
) -> np.ndarray:
    """(T, 17, 3) metres, the root at 0."""
    device = next(network.parameters()).device
    points = torch.as_tensor(sequence.points, dtype=torch.float32, device=device)
    confidence = torch.as_tensor(sequence.confidence, dtype=torch.float32, device=device)
    order = torch.as_tensor(skeleton.mirror, device=device) if mirror else None
    joints = lift_clip(network, points, confidence, order, stride, root=root).cpu().numpy().astype(float)
    return np.asarray(joints - joints[:, [root]])


def evaluate(found: Sequence[np.ndarray], sequences: Sequence[Benchmark2D3D]) -> dict[str, dict[str, float]]:
    """Action -> measure -> value, in millimetres (PCK, AUC: percent), and their mean over the actions.

    Frames count alike within an action. Frames that are not `valid` are left out before anything is measured.
    """
    parts: dict[str, list[tuple[dict[str, float], int]]] = {}
    for joints, sequence in zip(found, sequences, strict=True):
        ours, truth = 1000 * joints[sequence.valid], 1000 * sequence.truth[sequence.valid]
        if len(truth) < 2:
            continue
        values = {name: measure(ours, truth) for name, measure in MEASURES.items()}
        values |= {"PCK": 100 * pck(ours, truth), "AUC": 100 * auc(ours, truth)}
        parts.setdefault(sequence.action.rstrip(" 0123456789"), []).append((values, len(truth)))
    result = {}
    for action, rows in sorted(parts.items()):
        weights = [count for _, count in rows]
        result[action] = {
            name: float(np.average([values[name] for values, _ in rows], weights=weights)) for name in rows[0][0]
        }
    result["mean"] = {
        name: float(np.mean([row[name] for row in result.values()])) for name in next(iter(result.values()))
    }
    return result


def markdown(title: str, rows: Mapping[str, Mapping[str, float]], published: Mapping[str, Mapping[str, float]]) -> str:
    """Means over the actions, ours and published."""
    names = [*MEASURES, "PCK", "AUC"]
    every = {**rows, **{f"{name} (published)": row for name, row in published.items()}}
    body = [[label, *(f"{row[n]:.1f}" if n in row else "" for n in names)] for label, row in every.items()]
    return "\n".join([f"# {title}", "", *table(["", *names], body)])


def make(request: Request, config: BenchmarkTable) -> dict[str, Any]:
    """Train if need be, evaluate, write."""
    train, test, skeleton, root, fps = read(config)
    words = f"{config.dataset}, {len(train)} sequences, {sum(len(s.points) for s in train)} frames"
    weights = Path(config.training.out) / WEIGHTS
    files = (config.data_3d, config.data_2d, config.cameras, config.train_file)
    hashes = [file_sha256(file) for file in files if Path(file).is_file()]
    key = stage_key(
        kept_config(config.training), hashes, (train_lifter, as_clips, human36m.read_h36m, mpi_inf_3dhp.read_3dhp_train)
    )
    if not weights.is_file() or not is_current(weights.parent, key):
        keyed_folder(weights.parent, key)
        train_lifter(config.training, Material(as_clips(train), skeleton, root, fps, words))
    network = load_lifter(weights).network.to(resolve_device())
    actions: dict[str, dict[str, dict[str, float]]] = {}
    rows: dict[str, dict[str, float]] = {}
    for stride in config.input_strides:
        label = f"{request.name}, input stride {stride}"
        bar = progress(test, label, unit="sequence")
        found = [lifted(network, s, skeleton, root, stride, config.mirror) for s in bar]
        actions[label] = evaluate(found, test)
        rows[label] = actions[label]["mean"]
    about = request.about(config, config.training.seed)
    result = {**about, "actions": actions, "published": config.published}
    text = markdown(f"{request.name}: {config.dataset}", rows, config.published)
    write_files(request.results, request.name, text, result)
    return result
