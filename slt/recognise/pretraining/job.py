"""Pretraining from files, as `slt pretrain CONFIG` runs it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from skeletor.io.formats import read_poses
from skeletor.learning.data.pack import pose_files
from skeletor.learning.data.places import stream_buffer
from skeletor.learning.data.shards import open_shards
from skeletor.poses.turns import clips_of
from skeletor.support.config import Config
from slt.recognise.pretraining.config import PretrainConfig
from slt.recognise.pretraining.encoder import PretrainedEncoder


class PretrainJob(Config):
    """data: files of 3D poses, or folders of .safetensors files, as `runs/NAME/lifted/train`; or, with `buffer`,
    folders or URLs (`s3://bucket/poses`; the extra `remote`) of shards, as `slt shards` writes them.

    buffer: clips that are in memory at a time, as of `skeletor train`.
    out: folder for the encoder, its log and its checkpoint.
    """

    data: list[str] = Field(min_length=1)
    out: str = Field(min_length=1)
    seed: int = Field(0, ge=0)
    device: str = "auto"
    buffer: int | None = Field(default=None, ge=1, le=10**6)
    train: PretrainConfig = PretrainConfig()


def run_job(job: PretrainJob) -> PretrainedEncoder:
    """Read the clips and train. Errors as of `skeletor.io.formats.read_poses` and `pretrain`."""
    from slt.recognise.pretraining.train import pretrain

    buffer = stream_buffer(job.data, job.buffer)
    if buffer:
        return pretrain(open_shards(job.data, buffer=buffer), job.train, Path(job.out), job.seed, job.device)
    files = [file for name in job.data for file in pose_files(Path(name))]
    poses = (clip for file in files for pose in read_poses(file).values() for clip in clips_of(pose))
    return pretrain(poses, job.train, Path(job.out), job.seed, job.device)
