"""A lifter that keeps what was seen: it corrects the depth of inverse kinematics, and moves what was not seen only.

x and y of seen joints come out as they went in. Depth is that of inverse kinematics (`skeletor.lifters.fast`) and a
bounded correction, which begins at zero and goes back to zero for poses unlike those of the training: there inverse
kinematics is all there is. The network is that of `joint_token` without its linear path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from skeletor.lifters import fast
from skeletor.lifters.learned.clips import ClipSet, Draw
from skeletor.lifters.learned.joint_token import PIECE, SAMPLE, JointTokenFrame
from skeletor.lifters.learned.kind import Frame
from skeletor.lifters.learned.layers import LiftNetwork, mean_where
from skeletor.lifters.side_by_side import Layout
from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config

FEATURES = 5  # of a joint: place and depth as its carrier sees them, confidence, seen or not
LIMIT = 4.0  # of a correction, in standard deviations of what the training would have corrected
CLIP = 5.0  # of a feature, in standard deviations
USUAL = 0.999  # share of the training's frames that are taken for usual
BODY_WEIGHT = 3.0  # of a joint of the body in the loss; 1 is that of a hand's


class ResidualConfig(Config):
    """The lifter that corrects inverse kinematics; see `Residual`. window: frames of a training window."""

    kind: Literal["residual"] = "residual"
    width: int = Field(128, ge=8, le=1024)
    blocks: int = Field(3, ge=1, le=6)
    window: int = Field(48, ge=2, le=1024)
    velocity_weight: float = Field(1.0, ge=0)
    bone_weight: float = Field(0.2, ge=0)


class Frames(nn.Module):
    """Convolutions over time: each block sees three frames, further apart from block to block (1, 3, 9, ...).

    The last layer begins at zero. The first and the last frame stand for those outside.
    """

    def __init__(self, features: int, width: int, blocks: int, out: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, width)
        self.along = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=3**k) for k in range(blocks))
        self.mix = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.last = nn.Linear(width, out)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, features) -> (B, T, out)."""
        x = self.first(x)
        for k, (along, mix) in enumerate(zip(self.along, self.mix, strict=True)):
            wide = functional.pad(functional.relu(x).transpose(1, 2), (3**k, 3**k), mode="replicate")
            x = x + mix(functional.relu(along(wide).transpose(1, 2)))
        return torch.as_tensor(self.last(functional.relu(x)))

    @property
    def reach(self) -> int:
        """Frames to each side that a frame's result depends on."""
        return sum(3**k for k in range(len(self.along)))


class Residual(LiftNetwork):
    """The network: one part corrects the body and sees it alone, so that strange hands do no harm; one the hands.

    joints: J. carriers: for each joint the joint that it is seen from (hands from their wrists; the body's joints:
    themselves). bones: of the body, pairs of joints. width, blocks: of both parts. Set by the training: `mean` and
    `spread` (J, 3) of what goes in, `scale` (J, 3) of the corrections, and `usual`: how far the bodies of the training
    lie from their mean.
    """

    kind = "residual"
    mean: Tensor
    spread: Tensor
    scale: Tensor
    usual: Tensor
    carrier: Tensor
    carried: Tensor
    starts: Tensor
    ends: Tensor

    def __init__(
        self,
        joints: int,
        carriers: Sequence[int],
        bones: Sequence[Sequence[int]],
        width: int = 128,
        blocks: int = 3,
    ) -> None:
        super().__init__()
        assert len(carriers) == joints, (len(carriers), joints)
        assert bones, "a body has bones"
        self.joints = joints
        free = [j for j in range(joints) if carriers[j] == j]
        self.hand = [j for j in range(joints) if carriers[j] != j]
        self.body = free
        self.of_body = Frames(len(free) * FEATURES + len(bones) * 2, width, blocks, len(free) * 3)
        self.of_hands = (
            Frames(joints * FEATURES + len(bones) * 2, width, blocks, len(self.hand) * 3) if self.hand else None
        )
        carrier = torch.tensor(list(carriers))
        self.register_buffer("mean", torch.zeros(joints, 3))
        self.register_buffer("spread", torch.ones(joints, 3))
        self.register_buffer("scale", torch.ones(joints, 3))
        self.register_buffer("usual", torch.tensor(3.0))
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("starts", torch.tensor([bone[0] for bone in bones]), persistent=False)
        self.register_buffer("ends", torch.tensor([bone[1] for bone in bones]), persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(joints)).float()[:, None], persistent=False)

    def forward(self, points: Tensor, confidence: Tensor, depth: Tensor) -> Tensor:
        """(B, T, J, 2) without gaps, (B, T, J), 0 = not seen, (B, T, J) of inverse kinematics -> (B, T, J, 3)."""
        assert points.shape[2:] == (self.joints, 2), (points.shape, self.joints)
        assert confidence.shape == depth.shape == points.shape[:3], (confidence.shape, depth.shape)
        joints = torch.cat([points, depth[..., None]], -1)
        seen = (confidence > 0).to(points.dtype)[..., None]  # (B, T, J, 1)
        normal = self._normal(joints)
        shown = normal.clamp(-CLIP, CLIP) * torch.where(self.carried > 0, seen, torch.ones_like(seen))
        features = torch.cat([shown, confidence[..., None], seen], -1)  # (B, T, J, FEATURES)
        lengths = self._lengths(joints)
        body = torch.cat([features[:, :, self.body].flatten(2), lengths], 2)
        wanted = torch.zeros_like(joints)
        wanted[:, :, self.body] = self.of_body(body).unflatten(2, (-1, 3))
        if self.of_hands is not None:
            wanted[:, :, self.hand] = self.of_hands(torch.cat([features.flatten(2), lengths], 2)).unflatten(2, (-1, 3))
        change = LIMIT * torch.tanh(wanted / LIMIT) * self.scale * self._usual(normal)[..., None, None]
        change = change + change.index_select(2, self.carrier) * self.carried  # a hand goes along with its wrist
        moved = joints + change
        return torch.cat([torch.where(seen > 0, points, moved[..., :2]), moved[..., 2:]], -1)

    def _normal(self, joints: Tensor) -> Tensor:
        """(B, T, J, 3) joints as their carriers see them, of mean 0 and deviation 1 in the training."""
        return (self.seen_from_carrier(joints) - self.mean) / self.spread

    def _lengths(self, joints: Tensor) -> Tensor:
        """(B, T, 2 bones) bones as inverse kinematics has them, which saw the whole clip, and as they look."""
        bone = joints.index_select(2, self.ends) - joints.index_select(2, self.starts)
        return 2 * torch.cat([_length(bone), _length(bone[..., :2])], -1).clamp(max=CLIP / 2) - 1

    def _usual(self, normal: Tensor) -> Tensor:
        """(B, T) 1 for bodies as in the training, 0 for those twice as far from its mean, of features (B, T, J, 3)."""
        return torch.as_tensor((2 - self._distance(normal) / self.usual).clamp(0, 1))

    def _distance(self, normal: Tensor) -> Tensor:
        """(B, T) of the body's joints from the training's mean, root mean square."""
        return normal[:, :, self.body].square().mean((2, 3)).sqrt()

    def seen_from_carrier(self, joints: Tensor) -> Tensor:
        """(..., J, D) relative to each joint's carrier; a joint without one stays as it is."""
        return joints - joints.index_select(-2, self.carrier) * self.carried

    @property
    def reach(self) -> int:
        """Frames to each side that a frame's result depends on, beside what inverse kinematics does."""
        return self.of_body.reach

    @torch.no_grad()
    def fit(self, clips: ClipSet) -> None:
        """Set the buffers from the clips: means and deviations of what goes in, and of what has to be corrected."""
        rows = np.linspace(0, len(clips.points) - 1, min(SAMPLE, len(clips.points))).astype(int)
        points, confidence, truth, known = clips.take(rows)
        joints = torch.cat([points, torch.from_numpy(clips.depth[rows])[..., None]], -1)  # (F, J, 3)
        features = self.seen_from_carrier(joints)
        self.mean.copy_(features.mean(0))
        self.spread.copy_(features.std(0).clamp(min=0.02))
        wrong = self.seen_from_carrier(truth) - self.seen_from_carrier(joints)
        both = known & known[:, self.carrier]
        self.scale.copy_(_deviation(wrong, both[..., None].expand_as(wrong)))
        self.scale[:, :2] = _deviation(wrong, (both & (confidence == 0))[..., None].expand_as(wrong))[:, :2]
        self.usual.copy_(torch.quantile(self._distance(self._normal(joints[None]))[0], USUAL))


def _deviation(values: Tensor, chosen: Tensor) -> Tensor:
    """(J, 3) root mean square of the chosen ones among (F, J, 3), at least .02 (of none: .02 too)."""
    weight = chosen.to(values.dtype)
    mean = (values.square() * weight).sum(0) / weight.sum(0).clamp(min=1)
    return mean.sqrt().clamp(min=0.02)


def residual_loss(
    predicted: Tensor,
    truth: Tensor,
    wanted: Tensor,
    seen: Tensor,
    network: Residual,
    bones: Sequence[tuple[int, int]],
    config: ResidualConfig,
) -> Tensor:
    """Errors of depth, and of x and y where not seen; from the origin and from the carrier; of the velocity; of bones.

    predicted, truth: (B, T, J, 3). wanted: (B, T, J) bool, joints whose truth is known. seen: (B, T, J) bool. A bone's
    error is how far its length is from its mean over the window.
    """
    assert predicted.shape == truth.shape and wanted.shape == seen.shape == truth.shape[:3], truth.shape
    wrong = predicted - truth
    wrong = torch.cat([wrong[..., :2] * ~seen[..., None], wrong[..., 2:]], -1)  # what was seen is not ours to mend
    body = 1 - network.carried[:, 0]  # (J,)
    weight = wanted.to(wrong.dtype) * (1 + (BODY_WEIGHT - 1) * body)
    carried = wanted & wanted.index_select(2, network.carrier) & (network.carried[:, 0] > 0)
    loss = mean_weighted(_length(wrong), weight)
    loss = loss + mean_where(_length(network.seen_from_carrier(wrong)), carried.to(wrong.dtype))
    if config.velocity_weight:
        loss = loss + config.velocity_weight * mean_weighted(_length(wrong.diff(dim=1)), weight[:, 1:] * wanted[:, :-1])
    if config.bone_weight:
        start, end = (torch.tensor([bone[k] for bone in bones], device=truth.device) for k in (0, 1))
        length = _length(predicted.index_select(2, end) - predicted.index_select(2, start))  # (B, T, bones)
        loss = loss + config.bone_weight * (length - length.mean(1, keepdim=True)).abs().mean()
    return loss


def mean_weighted(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean, 0 if all weights are 0."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def _length(vectors: Tensor) -> Tensor:
    """(...,) lengths of (..., 3), with a gradient at 0 too."""
    return (vectors.square().sum(-1) + 1e-8).sqrt()


class ResidualFrame(JointTokenFrame):
    """bones: see `Residual`."""

    bones: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field([], min_length=1)

    def joint_numbers(self) -> list[int]:
        """Carriers and ends of bones."""
        return [*self.carriers, *(joint for bone in self.bones for joint in bone)]


class ResidualLifter:
    """The lifter that corrects inverse kinematics; see `skeletor.lifters.learned.kind.LifterKind`."""

    name = Residual.kind
    config = ResidualConfig
    frame: type[Frame] = ResidualFrame

    def arguments(self, config: ResidualConfig, skeleton: Skeleton) -> dict[str, Any]:
        """The network's options, J, what each joint is seen from, and the bones of the body."""
        shape = config.model_dump(mode="json", exclude={"kind", "window", "velocity_weight", "bone_weight"})
        carried = carriers(skeleton)
        bones = [list(bone) for bone in skeleton.bones if all(carried[joint] == joint for joint in bone)]
        return {**shape, "kind": self.name, "joints": len(skeleton), "carriers": carried, "bones": bones}

    def options(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """They are the arguments."""
        return dict(arguments)

    def build(self, arguments: Mapping[str, Any]) -> Residual:
        """With fresh weights."""
        return Residual(**arguments)

    def loss(self, network: Residual, config: ResidualConfig, draw: Draw, runner: nn.Module) -> Tensor:
        """Of every frame of random windows; see `residual_loss`."""
        batch = draw.windows(config.window)
        predicted = runner(batch.points, batch.confidence, draw.depth(batch))
        seen = batch.confidence > 0
        return residual_loss(predicted, batch.truth, batch.known, seen, network, draw.skeleton.bones, config)

    def lift(
        self, network: Residual, points: Tensor, confidence: Tensor, stride: int, output: str, root: int
    ) -> Tensor:
        """In pieces that overlap by all that a frame can see; inverse kinematics sees the clip whole."""
        seen, sure = points.cpu().numpy(), confidence.cpu().numpy()
        depth = torch.from_numpy(fast.lift(seen, sure, Layout((len(seen),)))[..., 2]).to(points)
        reach = network.reach
        parts = []
        for start in range(0, len(points), PIECE):
            part = slice(max(0, start - reach), start + PIECE + reach)
            inside = start - part.start
            found = network(points[None, part], confidence[None, part], depth[None, part])
            parts.append(found[0, inside : inside + PIECE])
        return torch.cat(parts)
