"""The Skeletor network: a transformer encoder over skeletons (Jiang, Camgöz, Bowden, section 3, equations 1-5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeletor.fill import curve

Norm = Literal["pre", "post"]
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
    """Multi-head self-attention over the frames of a window (equations 3 and 4)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"d_model {width} is not a multiple of heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        batch, frames, width = x.shape
        split = (batch, frames, self.heads, width // self.heads)
        q, k, v = (f(x).view(split).transpose(1, 2) for f in (self.query, self.key, self.value))  # (B, H, T, width/H)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
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
    convolution: frames of a convolution over time before the attention; 0 (the paper): none.
    """

    def __init__(self, width: int, inner: int, heads: int, dropout: float, norm: Norm, convolution: int = 0) -> None:
        super().__init__()
        self.norm = norm
        self.attention = Attention(width, heads, dropout)
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
    curve: a gap's filling may also be taken from a curve through the frames around the gap, see
    `skeletor.fill.curve`, as one more choice beside the taps.
    convolution: frames of a convolution over time in every layer; 0 (the paper): none.

    carriers: for each joint the joint that it is seen from (a hand's wrist) or itself; None: all joints are
    seen from the origin, as in the paper. With carriers, input and output are divided by `scale` too.

    `rest` (J, D) is a typical pose, for joints that are never observed; `scale` (J, D) the spread of each
    joint as seen from its carrier. Both are set by the training.
    """

    rest: Tensor
    scale: Tensor
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
    ) -> None:
        super().__init__()
        if curve and not taps:
            raise ValueError("curve needs taps: it is one more choice beside them")
        if taps and (taps % 2 == 0 or not residual):
            raise ValueError(f"taps {taps} must be 0, or odd with a residual network")
        self.joints, self.dims, self.window = joints, dims, window
        self.confidence_input, self.residual = confidence_input, residual
        self.embedding = nn.Sequential(  # equation 1
            nn.Linear(joints * (dims + confidence_input), d_model), nn.ReLU(), nn.LayerNorm(d_model)
        )
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList([Layer(d_model, d_ff, heads, dropout, norm, convolution) for _ in range(layers)])
        self.final_norm = nn.LayerNorm(d_model) if norm == "pre" else nn.Identity()
        self.taps, self.curve = taps, curve
        self.choices = taps + curve
        self.out = nn.Linear(d_model, joints * (dims + self.choices))
        self.register_buffer("places", positional_encoding(window, d_model), persistent=False)
        self.register_buffer("rest", torch.zeros(joints, dims))
        self.local = carriers is not None
        carrier = torch.tensor(list(range(joints)) if carriers is None else list(carriers))
        self.register_buffer("scale", torch.ones(joints, dims))
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(joints)).float()[:, None], persistent=False)
        self._initialise()

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
        local = self.seen_from_carrier(points) if self.local else points
        x = ((local - self._centre()) / self.scale if self.local else points).flatten(2)  # (B, T, J * D)
        if self.confidence_input:
            x = torch.cat([x, confidence], dim=-1)  # (B, T, J * (D + 1))
        x = self.dropout(self.embedding(x) + self.places[:frames])  # (B, T, d_model)
        for layer in self.layers:
            x = layer(x)
        out = self.out(self.final_norm(x)).view(batch, frames, joints, dims + self.choices)
        result = out[..., :dims] * self.scale if self.local else out[..., :dims]
        if self.residual:
            result = result + (self._local_mean(local, confidence, out[..., dims:]) if self.taps else local)
        elif self.local:
            result = result + self._centre()
        return result + result.index_select(2, self.carrier) * self.carried if self.local else result

    def _local_mean(self, points: Tensor, confidence: Tensor, logits: Tensor) -> Tensor:
        """Weighted means over `taps` frames around each, and the curve.

        (B, T, J, D), (B, T, J) and (B, T, J, choices) -> (B, T, J, D).
        """
        half = self.taps // 2
        prior = torch.zeros(self.choices, device=logits.device)
        prior[half] = CENTRE_LOGIT
        weights = torch.softmax(logits.float() + prior, dim=-1)
        time = torch.arange(points.shape[1], device=points.device)
        mean = torch.zeros_like(points)
        if self.curve:
            mean = curve(points, confidence > 0) * weights[..., self.taps :]
        for k in range(self.taps):
            frame = (time + k - half).clamp(0, points.shape[1] - 1)
            mean = mean + points.index_select(1, frame) * weights[..., k : k + 1]
        return mean

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to each joint's carrier; a joint without one stays as it is."""
        return points - points.index_select(-2, self.carrier) * self.carried

    def _centre(self) -> Tensor:
        return self.seen_from_carrier(self.rest)

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(p.numel() for p in self.parameters())
