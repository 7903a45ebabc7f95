import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from skeletor.lifters.learned.networks.uplift import UpliftUpsample

ORACLES = Path(__file__).parents[6] / "shared" / "oracles" / "uplift_learned"
needs_oracles = pytest.mark.skipif(not ORACLES.is_dir(), reason="no ../shared")


def published(tokens: int, strides: list[int], paddings: list[list[int]] | None, **more: Any) -> UpliftUpsample:
    return UpliftUpsample(joints=17, tokens=tokens, strides=strides, paddings=paddings, **more)


@pytest.mark.parametrize(("head", "small", "large"), [(True, 10_377_254, 10_404_902), (False, 10_357_619, 10_385_267)])
def test_has_as_many_parameters_as_published(head: bool, small: int, large: int) -> None:
    assert published(41, [4, 4, 3], [[1, 1], [0, 0], [0, 0]], sequence_head=head).parameter_count() == small
    assert published(71, [3, 10, 3], [[0, 0]] * 3, sequence_head=head).parameter_count() == large


def dense(module: nn.Linear) -> list[tuple[nn.Parameter, str]]:
    return [(module.weight, "dense"), (module.bias, "")]


def norm(module: nn.LayerNorm) -> list[tuple[nn.Parameter, str]]:
    return [(module.weight, ""), (module.bias, "")]


def attention(block: Any) -> list[tuple[nn.Parameter, str]]:
    a = block.attention
    return [*norm(block.norm1), *dense(a.query), *dense(a.key), *dense(a.value), *dense(a.out), *norm(block.norm2)]


def in_order_of_creation(model: UpliftUpsample) -> list[tuple[nn.Parameter, str]]:
    """Parameters as the published network makes them, and how each is stored."""
    order = [*dense(model.embedding), (model.joint_position, ""), (model.position, "")]
    order += [(block.position, "") for block in model.strided]
    order += [(model.upsampling_token, "")]
    for block in model.spatial:
        order += [*attention(block), *dense(block.mlp[0]), *dense(block.mlp[2])]
    order += [*norm(model.spatial_norm), *dense(model.pose_token)]
    for block in model.temporal:
        order += [*attention(block), *dense(block.mlp[0]), *dense(block.mlp[2])]
    for block in model.strided:
        order += attention(block)
        order += [(block.widen.weight, "conv"), (block.widen.bias, ""), (block.narrow.weight, "conv")]
        order += [(block.narrow.bias, "")]
    assert model.sequence_head is not None
    return [*order, *dense(model.sequence_head), *dense(model.centre_head)]


def load(name: str) -> tuple[UpliftUpsample, dict[str, np.ndarray]]:
    with np.load(ORACLES / f"{name}.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    c = json.loads(str(arrays["config"]))
    model = UpliftUpsample(
        joints=c["J"], tokens=c["N"], strides=c["strides"], paddings=c["paddings"], joint_width=c["d_joint"],
        width=c["d_temp"], heads=c["heads"], spatial_blocks=c["K_joint"], temporal_blocks=c["K_temp"],
        mlp_ratio=c["mlp_ratio"],
    )  # fmt: skip
    assert model.parameter_count() == c["params"]
    weights = [torch.as_tensor(arrays[key], dtype=torch.float32) for key in sorted(arrays) if key[1:].isdigit()]
    turned = {"": lambda w: w, "dense": lambda w: w.T, "conv": lambda w: w.permute(2, 1, 0)}
    with torch.no_grad():
        for (parameter, kind), weight in zip(in_order_of_creation(model), weights, strict=True):
            parameter.copy_(turned[kind](weight))
    return model.eval(), arrays


@needs_oracles
@pytest.mark.parametrize("name", ["uu_fig3_N9", "uu_N81_small", "uu_N351_small", "uu_N9_J50"])
def test_gives_what_the_published_network_gives(name: str) -> None:
    model, arrays = load(name)
    x, mask = torch.as_tensor(arrays["x"]), torch.as_tensor(arrays["mask"]) > 0
    with torch.no_grad():
        sequence, centre = model(x, mask)
    assert sequence is not None
    np.testing.assert_allclose(sequence, arrays["full"], atol=1e-5)
    np.testing.assert_allclose(centre, arrays["central"], atol=1e-5)


def small() -> UpliftUpsample:
    torch.manual_seed(0)
    return UpliftUpsample(
        joints=5, tokens=9, strides=[3, 3], joint_width=8, width=16, heads=4, spatial_blocks=1, temporal_blocks=2,
        drop_path=0.5,
    )  # fmt: skip


def run(model: UpliftUpsample, points: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    sequence, centre = model(points, keys)
    assert sequence is not None
    return sequence, centre


def test_what_stands_between_key_frames_is_not_looked_at() -> None:
    model = small().eval()
    points, keys = torch.randn(2, 9, 5, 2), torch.arange(9).expand(2, 9) % 4 == 0
    other = torch.where(keys[..., None, None], points, torch.full_like(points, 7.0))
    for ours, theirs in zip(run(model, points, keys), run(model, other, keys), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_every_parameter_learns() -> None:
    model = small().eval()
    sequence, centre = run(model, torch.randn(2, 9, 5, 2), torch.arange(9).expand(2, 9) % 4 == 0)
    (sequence.square().sum() + centre.square().sum()).backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for n, p in model.named_parameters() if "key.bias" not in n
    )


def test_depth_is_stochastic_in_training_only() -> None:
    model = small()
    points, keys = torch.randn(1, 9, 5, 2), torch.ones(1, 9, dtype=torch.bool)
    drawn = [run(model, points, keys)[1] for _ in range(8)]
    assert any(not torch.equal(drawn[0], other) for other in drawn[1:])
    model.eval()
    assert torch.equal(run(model, points, keys)[1], run(model, points, keys)[1])


def test_strides_must_narrow_to_one_frame() -> None:
    with pytest.raises(ValueError, match="not to 1"):
        UpliftUpsample(joints=5, tokens=9, strides=[3], joint_width=8, width=8)
