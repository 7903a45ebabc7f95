"""What the encoder gets to see of a clip: parts of it hidden as a detector fails, or its segments in another order."""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from skeletor.learning.corrupt import runs
from slt.recognise.pretraining.config import PretrainConfig
from slt.translate.features import MOVING, STILL, STREAMS, WIDTH

SEGMENTS = 3
ORDERS = tuple(permutations(range(SEGMENTS)))  # the first one: as they were
_SHORTEST = 4  # steps of the shortest segment
_HANDS = ("right_hand", "left_hand")
_BODY = [c for c in STREAMS["body"] if c < STILL]
_HAND = {side: [c for c in STREAMS[side] if c < STILL] for side in _HANDS}
DOUBTS = tuple(columns[-1] for columns in _HAND.values())  # of the right and the left hand: 1 where it is not seen
_AXES = 6  # of a palm; they stand behind the joints' places
_PLACES = [*_BODY, *(c for side in _HANDS for c in _HAND[side][: -_AXES - 1])]  # x, y, z of joint after joint


class Clips(NamedTuple):
    """frames (B, T, F + 1) standardised, the last column 1 on real rows; known (B, T, F): what was seen in them."""

    frames: Tensor
    known: Tensor


class View(NamedTuple):
    """frames (B, T, F + 1) with parts hidden; hidden (B, T, F): what was known and is to be predicted."""

    frames: Tensor
    hidden: Tensor


def hide(clips: Clips, unseen: Tensor, config: PretrainConfig, g: Generator) -> View:
    """A view of each clip in which hands, rows and joints are hidden, as where a detector fails.

    unseen: (2,) the standardised doubt about the right and the left hand where it is not seen. A velocity is known
    where the rows before and behind are: one row that is lost does not hide it.
    """
    frames, known = clips
    batch, rows = frames.shape[:2]
    length = config.longest_run ** torch.rand((batch, 1, 1), device=frames.device, generator=g)  # (B, 1, 1)
    share = frames.new_tensor
    hands, _ = runs((batch, rows, 2), share(config.hand_drop), length, frames, g)  # (B, T, 2)
    whole, _ = runs((batch, rows), share(config.frame_drop), length[..., 0], frames, g)  # (B, T)
    lost = hands | whole[..., None]  # (B, T, 2)
    joints = torch.rand((batch, rows, len(_PLACES) // 3), device=frames.device, generator=g) < config.joint_drop
    still = torch.zeros((batch, rows, STILL), dtype=torch.bool, device=frames.device)
    still[:, :, _PLACES] = joints.repeat_interleave(3, 2)
    still[:, :, _BODY] |= whole[..., None]
    for k, side in enumerate(_HANDS):
        still[:, :, _HAND[side]] |= lost[..., k : k + 1]
        still[:, :, DOUBTS[k]] = False
    moving = still[:, :, list(MOVING)]  # (B, T, V)
    around = torch.cat([moving[:, :1], moving, moving[:, -1:]], 1)  # (B, T + 2, V)
    hidden = torch.cat([still, around[:, 2:] | around[:, :-2]], 2)  # (B, T, F)
    seen = frames.clone()
    seen[:, :, :WIDTH] = frames[:, :, :WIDTH].masked_fill(hidden, 0.0)
    for k, doubt in enumerate(DOUBTS):
        seen[:, :, doubt] = torch.where(lost[..., k], unseen[k], frames[:, :, doubt])
    if config.recogniser.noise:
        noise = torch.randn((batch, rows, WIDTH), device=frames.device, generator=g)
        seen[:, :, :WIDTH] += config.recogniser.noise * noise
    real = frames[:, :, -1:]  # (B, T, 1)
    return View(seen * real, hidden & known & (real > 0))


def shuffle(clips: Clips, subsample: int, g: Generator) -> tuple[Clips, Tensor]:
    """The clips with their three segments in a random order, and the number in `ORDERS` (B,) of it.

    A row before and a row behind each cut are left out, whose velocities would tell what stood there. A clip that is
    too short for three segments stays as it is, and its number is -1.
    """
    frames, known = clips.frames.clone(), clips.known.clone()
    lengths = (frames[:, :, -1] > 0).sum(1).tolist()
    orders = torch.randint(len(ORDERS), (len(frames),), generator=g, device=frames.device)
    shortest = _SHORTEST * subsample + 2
    for k, length in enumerate(lengths):
        room = length - SEGMENTS * shortest
        if room < 0:
            orders[k] = -1
            continue
        spare = torch.randint(room + 1, (SEGMENTS - 1,), generator=g, device=frames.device).sort().values.tolist()
        cuts = [0, *(s + (j + 1) * shortest for j, s in enumerate(spare)), length]
        spans = [
            torch.arange(cuts[j] + (j > 0), cuts[j + 1] - (j < SEGMENTS - 1), device=frames.device)
            for j in range(SEGMENTS)
        ]
        chosen = torch.cat([spans[j] for j in ORDERS[int(orders[k])]])
        for result, source in ((frames, clips.frames), (known, clips.known)):
            result[k, : len(chosen)] = source[k, chosen]
            result[k, len(chosen) :] = 0
    return Clips(frames, known), orders
