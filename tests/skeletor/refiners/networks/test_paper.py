"""The paper's network against its text."""

import math
from typing import Any

import pytest
import torch

from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.refiners.networks.build import build_network
from skeletor.refiners.networks.paper import Layer, PaperSkeletor
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.training.train import model_arguments


def make(joints: int = 50, dims: int = 3, **changes: Any) -> PaperSkeletor:
    skeleton = SIGNING_50 if joints == 50 else custom_skeleton(joints)
    model = build_network({**model_arguments(train_preset("paper"), skeleton, dims), **changes})
    assert isinstance(model, PaperSkeletor)
    return model


def test_it_has_25_million_parameters() -> None:
    layer = 4 * 512 * 512 + 2 * 512 * 2048 + 4 * 512 + 512 + 2048 + 4 * 512  # matrices, biases, two norms
    ends = 150 * 512 + 3 * 512 + 512 * 150 + 150
    assert make().parameter_count() == 8 * layer + ends
    assert 25.0e6 < 8 * layer + ends < 25.7e6


def test_a_layer_is_the_text() -> None:
    torch.manual_seed(0)
    layer = Layer(8, 16, 2, 0.0)
    x = torch.randn(1, 4, 8)
    y = layer.norms[0](x + layer.attention(x))
    torch.testing.assert_close(layer(x), layer.norms[1](y + layer.feed_forward(y)))


def test_xavier() -> None:
    torch.manual_seed(0)
    model = make(layers=1)
    layer: Any = model.layers[0]
    weight = layer.feed_forward[0].weight
    assert float(weight.detach().abs().max()) <= math.sqrt(6 / (512 + 2048))
    assert float(weight.detach().std()) == pytest.approx(math.sqrt(2 / (512 + 2048)), rel=0.02)
    embedding: Any = model.embedding[0]
    assert not embedding.bias.any()


@pytest.mark.parametrize(("joints", "dims"), [(50, 3), (50, 2), (7, 3), (133, 2)])
def test_any_joint_count(joints: int, dims: int) -> None:
    out = make(joints, dims, layers=1)(torch.randn(2, 64, joints, dims), torch.ones(2, 64, joints))
    assert out.shape == (2, 64, joints, dims) and torch.isfinite(out).all()


def test_it_is_the_encoder_with_the_places_added() -> None:
    """Equations 1 and 2, the layers, and a linear layer to the coordinates; confidences have no part in it."""
    torch.manual_seed(0)
    model = make(5, 2, d_model=8, d_ff=16, heads=2, layers=2).eval()
    points, sure = torch.randn(2, 9, 5, 2), torch.rand(2, 9, 5)
    linear, relu, norm = model.embedding
    x = norm(relu(linear(points.reshape(2, 9, 10)))) + model.places[:9]
    for layer in model.layers:
        x = layer(x)
    torch.testing.assert_close(model(points, sure), model.out(x).view(2, 9, 5, 2))
    assert torch.equal(model(points, sure), model(points, 0.5 * sure))


def test_wrong_shapes_are_refused() -> None:
    model = make(5, layers=1)
    for shape in ((1, 8, 6, 3), (1, 65, 5, 3), (1, 8, 5, 2)):
        with pytest.raises(AssertionError):
            model(torch.zeros(shape), torch.zeros(shape[:3]))
