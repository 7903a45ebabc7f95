"""Training of a refiner from files, as `skeletor train CONFIG` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from skeletor.io.formats import read_poses
from skeletor.learning.data.frame_store import is_packed, open_frames
from skeletor.learning.data.pack import pose_files
from skeletor.learning.data.places import stream_buffer
from skeletor.learning.data.shards import open_shards
from skeletor.learning.measured import MeasuredNoise, read_noise
from skeletor.poses.turns import clips_of
from skeletor.refiners.networks.harmless import HarmlessConfig
from skeletor.refiners.training.config import RefinerTrainConfig
from skeletor.refiners.training.train import RefinerTrainResult, train_refiner
from skeletor.support.config import Config
from skeletor.support.errors import InputError


class TrainJob(Config):
    """data: files of good poses, or folders of .safetensors files, all lifted and of one skeleton; or one folder
    that `skeletor pack` wrote, which is read as it is needed and may be larger than the memory; or, with `buffer`,
    folders or URLs (`s3://bucket/poses`; the extra `remote`) of shards, as `slt shards` writes them.

    buffer: clips that are in memory at a time: the training goes through the shards epoch after epoch, and reads only
    them. None: 512 for URLs and folders of `slt shards`; other files of poses are read at once, and held in memory.
    out: folder for weights, log and checkpoint. threads: of torch on the CPU (None: torch's choice).
    licence: of the data, in words, for the header of the weights. noise: file of `skeletor fit-noise`; it takes the
    place of `train.corruption.measured`, gives the network `harmless` its bound, and is kept in the header.
    """

    data: list[str] = Field(min_length=1)
    out: str = Field(min_length=1)
    seed: int = Field(0, ge=0)
    device: str = "auto"
    threads: int | None = Field(default=None, ge=1, le=4096)
    licence: str = ""
    noise: str | None = None
    buffer: int | None = Field(default=None, ge=1, le=10**6)
    train: RefinerTrainConfig = RefinerTrainConfig()


def run_job(job: TrainJob) -> RefinerTrainResult:
    """Read the clips and train. Errors as of `skeletor.io.formats.read_poses` and `train_refiner`; InputError
    if `out` is a folder of the data.
    """
    import torch

    _check_out(job)
    if job.threads:
        torch.set_num_threads(job.threads)
    if job.noise is not None:
        job = job.model_copy(update={"train": with_noise(job.train, read_noise(job.noise))})
    buffer = stream_buffer(job.data, job.buffer)
    if buffer:
        shards = open_shards(job.data, job.train.fps, buffer)
        words = f"{', '.join(job.data)}: {shards.clips} clips, {shards.groups.frames.sum()} frames"
        return train_refiner(shards, job.train, job.out, job.seed, job.device, data=words, licence=job.licence)
    paths = [Path(name) for name in job.data]
    if not any(is_packed(path) for path in paths):
        poses = (pose for path in paths for file in pose_files(path) for pose in read_poses(file).values())
        clips = [clip for pose in poses for clip in clips_of(pose)]
        return train_refiner(
            clips, job.train, job.out, job.seed, job.device, data=", ".join(job.data), licence=job.licence
        )
    if len(paths) > 1:
        raise InputError(f"data: {', '.join(job.data)}: a packed store stands alone; pack all inputs into one")
    store = open_frames(paths[0])
    words = f"{job.data[0]}: {len(store.index.starts)} clips, {store.frames} frames"
    return train_refiner(store, job.train, job.out, job.seed, job.device, data=words, licence=job.licence)


def _check_out(job: TrainJob) -> None:
    """InputError if the weights would lie among the data: the next training would read them as poses."""
    if any("://" not in name and Path(name).resolve() == Path(job.out).resolve() for name in job.data):
        raise InputError(f"out: {job.out}: is the folder of the data; give another folder for the weights")


def with_noise(train: RefinerTrainConfig, noise: MeasuredNoise) -> RefinerTrainConfig:
    """The training with a detector's own errors; the network `harmless` without a bound takes its jitter for one."""
    changes: dict[str, Any] = {"corruption": train.corruption.model_copy(update={"measured": noise})}
    if isinstance(train.model, HarmlessConfig) and "bound" not in train.model.model_fields_set:
        bound = max(noise.hand_jitter, noise.body_jitter)
        changes["model"] = train.model.model_copy(update={"bound": bound})
    return train.model_copy(update=changes)
