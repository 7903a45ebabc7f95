"""Training of a refiner from files, as `skeletor train CONFIG` runs it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from skeletor.config import Config
from skeletor.io import read_poses
from skeletor.pose import PoseSequence
from skeletor.training import RefinerTrainResult, train_refiner
from skeletor.training_config import RefinerTrainConfig


class TrainJob(Config):
    """data: files of good poses, or folders of .safetensors files, all lifted and of one skeleton.

    out: folder for weights, log and checkpoint. threads: of torch on the CPU (None: torch's choice).
    licence: of the data, in words, for the header of the weights.
    """

    data: list[str] = Field(min_length=1)
    out: str
    seed: int = 0
    device: str = "auto"
    threads: int | None = Field(default=None, ge=1)
    licence: str = ""
    train: RefinerTrainConfig = RefinerTrainConfig()


def run_job(job: TrainJob) -> RefinerTrainResult:
    """Read the clips and train. Errors as of `skeletor.io.read_poses` and `train_refiner`."""
    import torch

    clips = [pose for name in job.data for pose in _clips(Path(name))]
    if job.threads:
        torch.set_num_threads(job.threads)
    return train_refiner(clips, job.train, job.out, job.seed, job.device, data=", ".join(job.data), licence=job.licence)


def _clips(path: Path) -> list[PoseSequence]:
    shards = sorted(path.glob("*.safetensors")) if path.is_dir() else []
    return [pose for file in shards or [path] for pose in read_poses(file).values()]
