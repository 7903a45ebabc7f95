"""The Skeletor network: a transformer encoder over skeletons (Jiang, Camgöz, Bowden, section 3, equations 1-5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeletor.refiners.fill import curve, regression
from skeletor.refiners.networks.spatial_prior import conditional_mean

Norm = Literal["pre", "post"]
Reference = Literal["wrist", "centroid", "median"]
Positions = Literal["absolute", "relative"]
CENTRE_LOGIT = 5.0  # an untrained network with 9 taps gives each frame itself a weight of .95


def positional_encoding(frames: int, width: int) -> Tensor:
    """(frames, width) sines and cosines of the frame's place in the window (equation 2)."""
    place = torch.arange(frames, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.zeros(frames, width)
    table[:, 0::2] = torch.sin(place * rate)
    table[:, 1::2] = torch.cos(place * rate[: width // 2])
    return table


class Attention(nn.Module):
    """Multi-head self-attention over the frames of a window (equations 3 and 4).

    relative: frames of a window; each head then learns a bias for every distance between two of them (Shaw et al.
    2018 and T5, in its simplest form); 0: none. reach: only frames at most so far away are looked at; 0: all.
    """

    def __init__(self, width: int, heads: int, dropout: float, relative: int = 0, reach: int = 0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"d_model {width} is not a multiple of heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.relative, self.reach = relative, reach
        self.bias = nn.Parameter(torch.zeros(heads, 2 * relative - 1)) if relative else None

    def _mask(self, frames: int) -> Tensor | None:
        """What is added to the scores: (heads or 1, T, T), or None."""
        time = torch.arange(frames, device=self.out.weight.device)
        distance = time[None, :] - time[:, None]  # (T, T)
        mask = None if self.bias is None else self.bias[:, distance + self.relative - 1]
        if self.reach:
            far = torch.zeros(1, frames, frames, device=time.device).masked_fill(distance.abs() > self.reach, -math.inf)
            mask = far if mask is None else mask + far
        return mask

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        batch, frames, width = x.shape
        split = (batch, frames, self.heads, width // self.heads)
        q, k, v = (f(x).view(split).transpose(1, 2) for f in (self.query, self.key, self.value))  # (B, H, T, width/H)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=self._mask(frames), dropout_p=dropout)
        return self.out(mixed.transpose(1, 2).reshape(batch, frames, width))


class Neighbours(nn.Module):
    """A convolution over time, each channel alone: what a frame is among its neighbours, wherever it lies."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, frames, padding=frames // 2, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        return self.mix(x.transpose(1, 2)).transpose(1, 2)


class Layer(nn.Module):
    """Self-attention and a position-wise feed-forward network (equation 5), each with a residual connection.

    norm="post" normalises after each sum, as the paper's text says; "pre" before each sub-layer.
    convolution: frames of a convolution over time before the attention; 0 (the paper): none. relative, reach: see
    `Attention`.
    """

    def __init__(
        self,
        width: int,
        inner: int,
        heads: int,
        dropout: float,
        norm: Norm,
        convolution: int = 0,
        relative: int = 0,
        reach: int = 0,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.attention = Attention(width, heads, dropout, relative, reach)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, width)
        )
        self.neighbours = Neighbours(width, convolution) if convolution else None
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3 if convolution else 2)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        parts = (self.attention, self.feed_forward)
        for norm, part in zip(self.norms, (self.neighbours, *parts) if self.neighbours else parts, strict=True):
            x = x + self.dropout(part(norm(x))) if self.norm == "pre" else norm(x + self.dropout(part(x)))
        return x


class Skeletor(nn.Module):
    """Refines a window of skeletons; the place of each frame in the window is known to the network.

    joints, dims: J and D of the skeletons. window: frames of a window, n1 in the paper.
    d_model, d_ff, heads, layers, dropout, norm: the encoder. confidence_input: the confidences enter the
    embedding beside the coordinates. residual: the network's output is added to its input (the paper
    predicts positions); its last layer then starts at 0, so an untrained network changes nothing.
    taps: an odd number K; the residual is then taken over a weighted mean of the K frames around each frame,
    with weights that the network chooses for every joint and frame (starting near the frame itself). It need
    not carry each joint's noise through its narrow layers to subtract it. 0: no such mean.
    curve, regression: a gap's filling may also be taken from a curve through the frames around the gap, or from a
    smooth curve near them, see `skeletor.refiners.fill`, as one more choice each beside the taps.
    gate: each joint's residual is multiplied by a number between 0 and 1 that the network chooses; 0 leaves right
    what was right, as a sum of many small values hardly does.
    prior: what is hidden is filled by `skeletor.refiners.networks.spatial_prior` before all else; `covariance` (J, J)
    is its own, see there. convolution: frames of a convolution over time in every layer; 0 (the paper): none.
    positions: of frames in the window, sines added to the embedding ("absolute", the paper) or learned biases of the
    attention by distance ("relative"). reach: see `Attention`. mask_token: what is hidden enters the embedding as a
    learned value of its joint, not as it was filled.

    carriers: for each joint the joint that it is seen from (a hand's wrist) or itself; None: all joints are
    seen from the origin, as in the paper. With carriers, input and output are divided by `scale` too.
    reference: what hands are really seen from: their wrist, or the mean ("centroid") or median of wrist and hand,
    which noise on a single joint hardly moves. It is then refined as if it were one joint more.

    `rest` (J, D) is a typical pose, for joints that are never observed; `scale` (J, D) the spread of each
    joint as seen from its carrier. They and `covariance` are set by the training.
    """

    rest: Tensor
    scale: Tensor
    covariance: Tensor
    places: Tensor
    carrier: Tensor
    carried: Tensor

    def __init__(
        self,
        joints: int,
        dims: int,
        window: int,
        d_model: int,
        d_ff: int,
        heads: int,
        layers: int,
        dropout: float,
        norm: Norm,
        confidence_input: bool,
        residual: bool,
        carriers: Sequence[int] | None = None,
        taps: int = 0,
        curve: bool = False,
        convolution: int = 0,
        reference: Reference = "wrist",
        regression: bool = False,
        positions: Positions = "absolute",
        reach: int = 0,
        mask_token: bool = False,
        prior: bool = False,
        gate: bool = False,
    ) -> None:
        super().__init__()
        if (curve or regression) and not taps:
            raise ValueError("curve needs taps: it is one more choice beside them, and so does regression")
        if gate and not residual:
            raise ValueError("gate needs residual: it is the residual that it scales")
        if taps and (taps % 2 == 0 or not residual):
            raise ValueError(f"taps {taps} must be 0, or odd with a residual network")
        self.joints, self.dims, self.window = joints, dims, window
        self.confidence_input, self.residual = confidence_input, residual
        self.local, self.reference = carriers is not None, reference
        self._set_carriers(list(range(joints)) if carriers is None else list(carriers))
        self.points = len(self.carrier)  # P: the joints, and the references of the hands that are no joints
        self.embedding = nn.Sequential(  # equation 1
            nn.Linear(self.points * (dims + confidence_input), d_model), nn.ReLU(), nn.LayerNorm(d_model)
        )
        self.token = nn.Parameter(torch.zeros(self.points, dims)) if mask_token else None
        self.dropout = nn.Dropout(dropout)
        far = window if positions == "relative" else 0
        self.layers = nn.ModuleList(
            [Layer(d_model, d_ff, heads, dropout, norm, convolution, far, reach) for _ in range(layers)]
        )
        self.final_norm = nn.LayerNorm(d_model) if norm == "pre" else nn.Identity()
        self.taps, self.curve, self.regression = taps, curve, regression
        self.choices, self.prior, self.gate = taps + curve + regression, prior, gate
        self.out = nn.Linear(d_model, self.points * (dims + self.choices + gate))
        if prior:
            self.register_buffer("covariance", torch.eye(joints))
        places = positional_encoding(window, d_model) * (positions == "absolute")
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("rest", torch.zeros(joints, dims))
        self.register_buffer("scale", torch.ones(joints, dims))
        self._initialise()

    def _set_carriers(self, carriers: list[int]) -> None:
        """`carrier` (P,) of every point, `carried` (P, 1) which have one, and the members of each hand's reference."""
        joints, wrists = len(carriers), sorted({c for j, c in enumerate(carriers) if c != j})
        self.hands = [[w, *(j for j, c in enumerate(carriers) if c == w and j != w)] for w in wrists]
        self.spread_of = list(range(joints))  # the joint whose `scale` a point has
        if self.reference != "wrist" and wrists:
            carriers = [j if c == j else joints + wrists.index(c) for j, c in enumerate(carriers)]
            carriers += range(joints, joints + len(wrists))
            self.spread_of += wrists
        else:
            self.hands = []
        carrier = torch.tensor(carriers)
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(len(carrier))).float()[:, None], persistent=False)

    def _initialise(self) -> None:
        """Xavier for all matrices, 0 for biases (the paper, section 4.1)."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        if self.residual:
            nn.init.zeros_(self.out.weight)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, D) without gaps and (B, T, J) -> (B, T, J, D) refined; T at most `window`."""
        batch, frames, joints, dims = points.shape
        assert (joints, dims) == (self.joints, self.dims), f"expected {self.joints} x {self.dims}, got {points.shape}"
        assert confidence.shape == points.shape[:3] and frames <= self.window, (confidence.shape, self.window)
        if self.prior:
            with _exact(points):
                points = conditional_mean(points, confidence > 0, self.covariance)
        local, confidence, scale = self._local(points), self._confidence(confidence), self.scale[self.spread_of]
        x = (local - self._local(self.rest)) / scale if self.local else points  # (B, T, P, D)
        if self.token is not None:
            x = torch.where((confidence > 0)[..., None], x, self.token)
        x = x.flatten(2)
        if self.confidence_input:
            x = torch.cat([x, confidence], dim=-1)  # (B, T, P * (D + 1))
        x = self.dropout(self.embedding(x) + self.places[:frames])  # (B, T, d_model)
        for layer in self.layers:
            x = layer(x)
        out = self.out(self.final_norm(x)).view(batch, frames, self.points, -1)
        result = out[..., :dims] * scale if self.local else out[..., :dims]
        if self.gate:
            result = result * torch.sigmoid(out[..., -1:])
        if self.residual:
            weights = out[..., dims : dims + self.choices]
            with _exact(points):
                result = result + (self._local_mean(local, confidence, weights) if self.taps else local)
        elif self.local:
            result = result + self._local(self.rest)
        if self.local:
            result = result + result.index_select(2, self.carrier) * self.carried
        return result[:, :, :joints]

    def _local_mean(self, points: Tensor, confidence: Tensor, logits: Tensor) -> Tensor:
        """Weighted means over `taps` frames around each, and the curves.

        (B, T, P, D), (B, T, P) and (B, T, P, choices) -> (B, T, P, D).
        """
        half = self.taps // 2
        prior = torch.zeros(self.choices, device=logits.device)
        prior[half] = CENTRE_LOGIT
        weights = torch.softmax(logits.float() + prior, dim=-1)
        time = torch.arange(points.shape[1], device=points.device)
        mean = torch.zeros_like(points)
        for k in range(self.taps):
            frame = (time + k - half).clamp(0, points.shape[1] - 1)
            mean = mean + points.index_select(1, frame) * weights[..., k : k + 1]
        if self.curve:
            mean = mean + curve(points, confidence > 0) * weights[..., self.taps : self.taps + 1]
        if self.regression:
            mean = mean + regression(points, confidence) * weights[..., -1:]
        return mean

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to what each joint is seen from; a joint that is seen from nothing stays as it is."""
        return self._local(points)[..., : self.joints, :]

    def _local(self, points: Tensor) -> Tensor:
        """(..., J, D) -> (..., P, D): `seen_from_carrier`, and behind it the hands' references as they are."""
        if not self.local:
            return points
        for members in self.hands:
            hand = points[..., members, :]  # (..., M, D)
            origin = hand.median(-2, keepdim=True).values if self.reference == "median" else hand.mean(-2, keepdim=True)
            points = torch.cat([points, origin], dim=-2)
        return points - points.index_select(-2, self.carrier) * self.carried

    def _confidence(self, confidence: Tensor) -> Tensor:
        """(..., J) -> (..., P): a reference is as sure as the surest joint of it."""
        return torch.cat([confidence, *(confidence[..., m].amax(-1, keepdim=True) for m in self.hands)], dim=-1)

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(p.numel() for p in self.parameters())


def _exact(points: Tensor) -> torch.autocast:
    """Single precision also where a training computes in bfloat16: what solves equations for positions needs it."""
    return torch.autocast(points.device.type, enabled=False)
