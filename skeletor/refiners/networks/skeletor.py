"""The default network: the paper's encoder with what was worth its place (docs/skeletor.md says what was not)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from skeletor.learning.data.windows import WindowSource
from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.fill import curve, regression
from skeletor.refiners.networks.kind import CarriedFrame, Count, EncoderConfig, Inner, RefinerKind, Width
from skeletor.refiners.networks.layers import Attention, RefinerNetwork, embed_poses, feed_forward, initialise
from skeletor.refiners.networks.spatial_prior import conditional_mean, fit_prior

TAPS = 9  # frames around each of which a weighted mean is taken
CENTRE_LOGIT = 5.0  # an untrained network gives each frame itself a weight of .95 among its taps
CHOICES = TAPS + 2  # and the two curves
NEIGHBOURS = 9  # frames of a layer's convolution


class SkeletorConfig(EncoderConfig):
    """Size of the default network; see `Skeletor`."""

    kind: Literal["skeletor"] = "skeletor"
    d_model: Width = 128
    d_ff: Inner = 512
    layers: Count = 4

    adds_to_input: ClassVar[bool] = True


class RelativeAttention(Attention):
    """Each head learns a bias for every distance between two frames (Shaw et al. 2018 and T5, in its simplest form)."""

    def __init__(self, width: int, heads: int, dropout: float, window: int) -> None:
        super().__init__(width, heads, dropout)
        self.window = window
        self.bias = nn.Parameter(torch.zeros(heads, 2 * window - 1))

    def score_bias(self, frames: int) -> Tensor:
        """(heads, T, T)."""
        time = torch.arange(frames, device=self.bias.device)
        return self.bias[:, time[None, :] - time[:, None] + self.window - 1]


class Neighbours(nn.Module):
    """A convolution over time, each channel alone: what a frame is among its neighbours, wherever it lies."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, frames, padding=frames // 2, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        return torch.as_tensor(self.mix(x.transpose(1, 2)).transpose(1, 2))


class Layer(nn.Module):
    """Neighbouring frames, self-attention and a feed-forward network, each normalised before it is added."""

    def __init__(self, width: int, inner: int, heads: int, dropout: float, window: int) -> None:
        super().__init__()
        self.attention = RelativeAttention(width, heads, dropout, window)
        self.feed_forward = feed_forward(width, inner, dropout)
        self.neighbours = Neighbours(width, NEIGHBOURS)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        for norm, part in zip(self.norms, (self.neighbours, self.attention, self.feed_forward), strict=True):
            x = x + self.dropout(part(norm(x)))
        return x


class Skeletor(RefinerNetwork):
    """Corrects a window of skeletons.

    carriers: for each of the J joints the joint that it hangs on (a hand's: the wrist), or itself. dims, window: see
    `RefinerNetwork`. d_model, d_ff, heads, layers, dropout: the encoder.

    1. Hidden joints are filled by a Gaussian prior over the skeleton (`spatial_prior`, with its `covariance` (J, J)).
    2. A hand is seen from the centroid of its wrist and joints, which noise on a single joint hardly moves, and the
       centroid is refined as if it were one joint more: P points in all. All are divided by their spread.
    3. They enter the encoder with their confidences.
    4. For each point and frame the encoder weighs the `TAPS` frames around it, and two curves through the clip
       (`skeletor.refiners.fill`), so that noise need not pass the narrow layers to be subtracted.
    5. To that mean it adds a correction, scaled by a gate between 0 and 1: what was right stays right. An untrained
       network adds nothing.
    """

    covariance: Tensor
    carrier: Tensor
    carried: Tensor

    def __init__(
        self,
        carriers: Sequence[int],
        dims: int,
        window: int,
        d_model: int,
        d_ff: int,
        heads: int,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__(len(carriers), dims, window)
        self.register_buffer("covariance", torch.eye(self.joints))
        self._set_points(carriers)
        self.points = len(self.carrier)  # P
        self.embedding = embed_poses(self.points * (dims + 1), d_model)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList([Layer(d_model, d_ff, heads, dropout, window) for _ in range(layers)])
        self.final_norm = nn.LayerNorm(d_model)
        self.out = nn.Linear(d_model, self.points * (dims + CHOICES + 1))
        initialise(self)
        nn.init.zeros_(self.out.weight)

    def _set_points(self, carriers: Sequence[int]) -> None:
        """The P points: the joints, and behind them the centroid of each hand.

        `hands`: wrist and joints of each. `carrier` (P,): the point that each point is seen from; `carried` (P, 1): 0
        where that is itself. `spread_of` (P,): the joint whose `scale` a point has.
        """
        joints, wrists = len(carriers), sorted({c for j, c in enumerate(carriers) if c != j})
        self.hands = [[w, *(j for j, c in enumerate(carriers) if c == w and j != w)] for w in wrists]
        self.spread_of = [*range(joints), *wrists]
        seen_from = [j if c == j else joints + wrists.index(c) for j, c in enumerate(carriers)]
        seen_from += range(joints, joints + len(wrists))
        carrier = torch.tensor(seen_from)
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(len(carrier))).float()[:, None], persistent=False)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, D) without gaps and (B, T, J) -> (B, T, J, D) refined; T at most `window`."""
        self.check_shapes(points, confidence)
        with _exact(points):
            points = conditional_mean(points, confidence > 0, self.covariance)
        local, confidence, scale = self._local(points), self._confidence(confidence), self.scale[self.spread_of]
        x = ((local - self._local(self.rest)) / scale).flatten(2)
        x = self.embedding(torch.cat([x, confidence], dim=-1))  # (B, T, d_model)
        x = self.dropout(x.float())  # the layers' sums stay in single precision under autocast, too
        for layer in self.layers:
            x = layer(x)
        out = self.out(self.final_norm(x)).unflatten(-1, (self.points, -1))  # (B, T, P, D + CHOICES + 1)
        correction, choices, gate = out.split([self.dims, CHOICES, 1], dim=-1)
        correction = correction * scale * torch.sigmoid(gate)  # (B, T, P, D)
        with _exact(points):
            result = correction + self._chosen_mean(local, confidence, choices)
        result = result + result.index_select(2, self.carrier) * self.carried  # (B, T, P, D)
        return torch.as_tensor(result[:, :, : self.joints])

    def _chosen_mean(self, points: Tensor, confidence: Tensor, logits: Tensor) -> Tensor:
        """(B, T, P, D), (B, T, P) and (B, T, P, CHOICES) -> (B, T, P, D), between neighbouring frames and curves."""
        half = TAPS // 2
        start = torch.zeros(CHOICES, device=logits.device)
        start[half] = CENTRE_LOGIT
        weights = torch.softmax(logits.float() + start, dim=-1)
        time = torch.arange(points.shape[1], device=points.device)
        mean = torch.zeros_like(points)
        for k in range(TAPS):
            frame = (time + k - half).clamp(0, points.shape[1] - 1)
            mean = mean + points.index_select(1, frame) * weights[..., k : k + 1]
        mean = mean + curve(points, confidence > 0) * weights[..., TAPS : TAPS + 1]
        return mean + regression(points, confidence) * weights[..., -1:]

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) with the joints of hands seen from their hand's centroid, the others as they are."""
        return self._local(points)[..., : self.joints, :]

    def _local(self, points: Tensor) -> Tensor:
        """(..., J, D) -> (..., P, D): `seen_from_carrier`, and behind it the hands' centroids as they are."""
        for members in self.hands:
            points = torch.cat([points, points[..., members, :].mean(-2, keepdim=True)], dim=-2)
        return points - points.index_select(-2, self.carrier) * self.carried

    def _confidence(self, confidence: Tensor) -> Tensor:
        """(..., J) -> (..., P): a centroid is as sure as the surest joint of it."""
        return torch.cat([confidence, *(confidence[..., m].amax(-1, keepdim=True) for m in self.hands)], dim=-1)

    def fit(self, clips: WindowSource, seed: int) -> None:
        """Set `rest`, `scale` and `covariance`. An unobserved joint has no part in a centroid, its rest stands in."""
        self.rest.copy_(clips.typical_pose())
        self.scale.copy_(clips.spread(self.seen_from_carrier, missing=self.rest))
        self.covariance.copy_(fit_prior(clips, self.joints, seed))


def _exact(points: Tensor) -> torch.autocast:
    """Single precision also where a training computes in bfloat16: what solves equations for positions needs it."""
    return torch.autocast(points.device.type, enabled=False)


def _arguments(config: SkeletorConfig, skeleton: Skeleton, dims: int, window: int) -> dict[str, Any]:
    frame = {"joints": len(skeleton), "dims": dims, "window": window, "carriers": carriers(skeleton)}
    return {**frame, **config.model_dump()}


def _build(arguments: Mapping[str, Any]) -> Skeletor:
    return Skeletor(**{name: value for name, value in arguments.items() if name not in ("kind", "joints")})


SKELETOR = RefinerKind("skeletor", "skeletor", SkeletorConfig, CarriedFrame, _arguments, _build)
