"""What a detector really does wrong: lengths of its gaps, size of its jitter; `skeletor fit-noise` measures them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from skeletor.support.config import Config, load_config

LONGEST = 64  # frames; longer gaps count as such of this length

Counts = Annotated[list[Annotated[int, Field(ge=0, le=10**9)]], Field(max_length=LONGEST)]
Share = Annotated[float, Field(ge=0, le=1)]
Widths = Annotated[float, Field(ge=0, le=1)]


class MeasuredNoise(Config):
    """Errors of a detector over some clips at `fps`; a gap lies between two frames in which the part was seen.

    hand_gaps, frame_gaps: how many gaps there were of 1, 2, 3, ... frames, of a hand and of all joints. hand_share,
    frame_share: of the frames, those that lie in such gaps. both_share: of the frames in gaps of a hand, those in which
    the other hand is missing, too. joint_share: of the joints of hands that were seen, those missing. absent_share: of
    the frames without a hand, those before its first and after its last observation: it is down or out of the picture.
    hand_jitter, body_jitter: standard deviation in the picture plane of a joint that rests, shoulder widths;
    depth_jitter: the same in depth for all joints, 0 for 2D poses.
    """

    fps: float = Field(gt=0, le=1000)
    frames: int = Field(ge=0)
    hand_gaps: Counts
    frame_gaps: Counts
    hand_share: Share
    frame_share: Share
    both_share: Share
    joint_share: Share
    absent_share: Share
    hand_jitter: Widths
    body_jitter: Widths
    depth_jitter: Widths


def read_noise(path: Path | str) -> MeasuredNoise:
    """The file that `skeletor fit-noise` wrote. InputError if it is something else."""
    return load_config(path, MeasuredNoise)  # JSON is YAML


def gap_lengths(counts: list[int], even: float, longest: int) -> Tensor:
    """(longest,) probabilities of gaps of 1, 2, ... frames: the measured ones, and to a share `even` all alike.

    Most real gaps are a frame long; the even share lets a training see long ones often enough. Without a measured gap
    all lengths are alike.
    """
    found = torch.tensor(counts[:longest], dtype=torch.float32)
    found = torch.cat([found, torch.zeros(longest - len(found))])
    alike = torch.full((longest,), 1 / longest)
    total = float(found.sum())
    return alike if not total else even * alike + (1 - even) * found / total


def measured_runs(shape: tuple[int, ...], share: Tensor, lengths: Tensor, like: Tensor, g: Generator | None) -> Tensor:
    """(B, T, ...) bool: random runs along the second axis that together hold about `share` of the frames.

    share: broadcast to `shape`. lengths: as of `gap_lengths`.
    """
    device, frames = like.device, shape[1]
    time = torch.arange(frames, device=device).view(1, -1, *(1,) * (len(shape) - 2)).expand(shape)
    mean = float((lengths * torch.arange(1, len(lengths) + 1)).sum())
    begins = torch.rand(shape, device=device, generator=g) < share / mean
    places = torch.rand(shape, device=device, generator=g)
    drawn = 1 + torch.searchsorted(lengths.cumsum(0).to(device), places).clamp(max=len(lengths) - 1)
    stop = torch.where(begins, time + drawn, 0).cummax(1).values
    return torch.as_tensor(time < stop)
