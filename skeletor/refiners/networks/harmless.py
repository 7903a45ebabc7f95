"""The network that never does harm: the carried fill, bent within its gaps; seen joints hardly feel it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.networks.gaps import ARM_BENDS, BENDS, Gaps, find_gaps
from skeletor.refiners.networks.kind import CarriedFrame, Count, EncoderConfig, Inner, RefinerKind, Width, are_joints
from skeletor.refiners.networks.layers import RefinerNetwork, embed_poses, initialise
from skeletor.refiners.networks.skeletor import Layer

SHUT = -2.0  # an untrained gate on a seen joint lets an eighth through


class HarmlessConfig(EncoderConfig):
    """Size of the network, and `bound`: how far (units of the clips) it may move a joint that was surely seen.

    Real detectors jitter by .003 to .006 shoulder widths. A joint of confidence c may be moved by bound / c. A training
    with a file of measured noise takes its jitter, unless the config gives a bound.
    """

    kind: Literal["harmless"] = "harmless"
    d_model: Width = 64
    d_ff: Inner = 128
    layers: Count = 2
    bound: float = Field(default=0.004, ge=0, le=10)

    adds_to_input: ClassVar[bool] = True


class Harmless(RefinerNetwork):
    """Bends the fill of a window of skeletons whose gaps are filled, hands carried by their wrists.

    carriers, dims, window: see `skeletor.refiners.networks.skeletor.Skeletor`. bound: see `HarmlessConfig`. elbows: for
    each joint the one that its carrier hangs on; None, as in earlier files: a hand is not bent by its arm.

    1. Joints of hands are seen from their wrists. A gap between two observations has a few directions in which its
       straight fill may be bent (`skeletor.refiners.networks.gaps`), all of what the joint itself did before and
       after: most of all, to go from the first to the last place as the wrist goes its way, not as time does. A hand
       may also turn with its forearm, and be ahead of its wrist (`skeletor.refiners.networks.arm`).
    2. The encoder sees what these bends are, where the body is, and what is hidden. For each part of the skeleton (a
       hand, or a joint outside the hands) and frame it gives how much of each bend is taken, and a gate.
    3. A hidden joint of a hand is put on the wrist as it comes out: the hand hangs on its wrist. Before a joint's first
       and after its last observation there is no bend: what is absent is left alone. An untrained network gives the
       carried fill, to the digit.
    4. A seen joint is drawn to its two neighbours, by less than `bound` / confidence, whatever the encoder says.
    """

    keeps_fill: ClassVar[bool] = True
    carrier: Tensor
    elbow: Tensor | None
    carried: Tensor
    part_of: Tensor
    share_of: Tensor

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
        bound: float,
        elbows: Sequence[int] | None = None,
    ) -> None:
        super().__init__(len(carriers), dims, window)
        self.bound = bound
        self.bends = len(BENDS) + (0 if elbows is None else len(ARM_BENDS))
        self._set_parts(carriers)
        self.free = [j for j, c in enumerate(carriers) if c == j]
        elbow = None if elbows is None else torch.tensor(list(elbows))
        self.register_buffer("elbow", elbow, persistent=False)
        inputs = len(self.free) * dims + self.parts * (self.bends + Gaps.FACTS)
        self.embedding = embed_poses(inputs, d_model)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList([Layer(d_model, d_ff, heads, dropout, window) for _ in range(layers)])
        self.final_norm = nn.LayerNorm(d_model)
        self.out = nn.Linear(d_model, self.parts * (self.bends + 1))
        initialise(self)
        nn.init.zeros_(self.out.weight)

    def _set_parts(self, carriers: Sequence[int]) -> None:
        """`part_of` (J,): the part that each joint belongs to; `share_of` (J, parts): its weight in a part's mean."""
        wrists = sorted({c for j, c in enumerate(carriers) if c != j})
        free = [j for j, c in enumerate(carriers) if c == j]
        part = [free.index(j) if c == j else len(free) + wrists.index(c) for j, c in enumerate(carriers)]
        self.parts = len(free) + len(wrists)
        carrier, part_of = torch.tensor(list(carriers)), torch.tensor(part)
        members = (part_of[:, None] == torch.arange(self.parts)).float()  # (J, parts)
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(self.joints)).float()[:, None], persistent=False)
        self.register_buffer("part_of", part_of, persistent=False)
        self.register_buffer("share_of", members / members.sum(0), persistent=False)
        self.hands = [[j for j, c in enumerate(carriers) if c == w and j != w] for w in wrists]

    @property
    def default_radius(self) -> int:
        """A quarter of the window: a gap that leaves the window cannot be bent in it."""
        return self.window // 4

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, D) without gaps and (B, T, J) -> (B, T, J, D) refined; T at most `window`."""
        self.check_shapes(points, confidence)
        with torch.autocast(points.device.type, enabled=False):
            local = self.seen_from_carrier(points)
            gaps = self.gaps(points, local, confidence)
        bends, gate = self._decide(points, confidence, gaps)
        drawn = self._drawn(points, confidence, gate.index_select(2, self.part_of)[..., None])
        bent = gaps.bent(bends.float().index_select(2, self.part_of))  # (B, T, J, D), 0 where nothing is hidden
        hidden = (confidence <= 0)[..., None]  # (B, T, J, 1)
        moved = torch.where(hidden, points + bent, drawn)
        carrier = moved.index_select(2, self.carrier)
        return torch.where(hidden & (self.carried > 0), local + bent + carrier, moved)

    def gaps(self, points: Tensor, local: Tensor, confidence: Tensor) -> Gaps:
        """The gaps of joints (B, T, J, D), `local` as seen from their carriers; confidence: (B, T, J)."""
        return find_gaps(points, local, confidence > 0, self.carrier, self.hands, self.scale, self.elbow)

    def _decide(self, points: Tensor, confidence: Tensor, gaps: Gaps) -> tuple[Tensor, Tensor]:
        """How much of each bend, (B, T, parts, bends), and the gates on seen parts, (B, T, parts)."""
        body = ((points - self.rest) / self.scale)[:, :, self.free].flatten(2)
        facts = torch.einsum("btjf,jp->btpf", gaps.facts(confidence, self.scale), self.share_of)
        x = self.dropout(self.embedding(torch.cat([body, facts.flatten(2)], dim=-1)).float())
        for layer in self.layers:
            x = layer(x)
        out = self.out(self.final_norm(x)).float().unflatten(-1, (self.parts, -1))
        bends, gate = out.split([self.bends, 1], dim=-1)
        return bends, torch.sigmoid(gate[..., 0] + SHUT)

    def _drawn(self, points: Tensor, confidence: Tensor, gate: Tensor) -> Tensor:
        """Points, drawn to the middle of their neighbours by `gate` of the way and by less than bound / confidence."""
        before = torch.cat([points[:, :1], points[:, :-1]], dim=1)
        after = torch.cat([points[:, 1:], points[:, -1:]], dim=1)
        step = gate * ((before + after) / 2 - points)
        limit = self.bound / confidence.clamp(min=1e-3)[..., None]
        length = step.norm(dim=-1, keepdim=True)
        return torch.as_tensor(points + step * limit / (limit + length).clamp(min=1e-12))

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to each joint's carrier; a joint without one stays as it is."""
        return points - points.index_select(-2, self.carrier) * self.carried


class ArmFrame(CarriedFrame):
    """elbows: for each joint the one that its carrier hangs on; a joint without another carrier has itself."""

    elbows: list[int] | None = None

    @model_validator(mode="after")
    def _elbow_for_each(self) -> ArmFrame:
        if self.elbows is not None and not are_joints(self.elbows, self.joints):
            raise ValueError(f"its elbows are not one joint for each of {self.joints}")
        return self


def _arguments(config: HarmlessConfig, skeleton: Skeleton, dims: int, window: int) -> dict[str, Any]:
    held, parents = carriers(skeleton), skeleton.parents
    elbows = [parents[c] if c != j and parents[c] >= 0 else c for j, c in enumerate(held)]
    frame = {"joints": len(skeleton), "dims": dims, "window": window, "carriers": held, "elbows": elbows}
    return {**frame, **config.model_dump()}


def _build(arguments: Mapping[str, Any]) -> Harmless:
    return Harmless(**{name: value for name, value in arguments.items() if name not in ("kind", "joints")})


HARMLESS = RefinerKind("harmless", "skeletor", HarmlessConfig, ArmFrame, _arguments, _build)
