"""The default network: each of its parts does what it says."""

import math
from typing import Any

import pytest
import torch

from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.refiners.fill import curve, interpolate, regression
from skeletor.refiners.networks.build import build_network
from skeletor.refiners.networks.skeletor import CHOICES, TAPS, Layer, Neighbours, RelativeAttention, Skeletor
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.training.train import model_arguments


def make(preset: Any = "small", joints: int = 50, dims: int = 3, **changes: Any) -> Skeletor:
    skeleton = SIGNING_50 if joints == 50 else custom_skeleton(joints)
    model = build_network({**model_arguments(train_preset(preset), skeleton, dims), **changes})
    assert isinstance(model, Skeletor)
    return model


def bias_of(model: Skeletor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The last layer's biases: of the correction (P, D), the choices (P, CHOICES) and the gate (P,), as views."""
    bias = model.out.bias.detach().view(model.points, -1)
    return bias[:, : model.dims], bias[:, model.dims : -1], bias[:, -1]


def choosing(number: int, **changes: Any) -> Skeletor:
    """An untrained network that takes everything from one of its choices."""
    model = make(layers=1, **changes)
    bias_of(model)[1][:, number] = 100
    return model


@pytest.mark.parametrize(("joints", "dims"), [(50, 3), (50, 2), (7, 3), (133, 2)])
def test_any_joint_count(joints: int, dims: int) -> None:
    out = make("small", joints, dims, layers=1)(torch.randn(2, 64, joints, dims), torch.ones(2, 64, joints))
    assert out.shape == (2, 64, joints, dims) and torch.isfinite(out).all()


def test_an_untrained_network_adds_nothing() -> None:
    points = torch.randn(1, 64, 50, 3)
    torch.testing.assert_close(choosing(TAPS // 2)(points, torch.ones(1, 64, 50)), points)


def test_a_layer_normalises_before_it_adds() -> None:
    torch.manual_seed(0)
    layer = Layer(8, 16, 2, 0.0, window=6)
    x = torch.randn(1, 4, 8)
    y = x + layer.neighbours(layer.norms[0](x))
    y = y + layer.attention(layer.norms[1](y))
    torch.testing.assert_close(layer(x), y + layer.feed_forward(layer.norms[2](y)))


def test_taps_are_a_weighted_mean_of_neighbouring_frames() -> None:
    """An untrained network weighs the frame itself with e^5 / (e^5 + 8); a constant pose comes back as it is."""
    model = make(layers=1)
    bias_of(model)[1][:, TAPS:] = -100  # none of the curves
    points = torch.randn(1, 12, 50, 3)
    out = model(points, torch.ones(1, 12, 50))
    own = math.exp(5) / (math.exp(5) + 8)
    others = sum(points[0, k] for k in (1, 2, 3, 4, 6, 7, 8, 9))
    torch.testing.assert_close(out[0, 5], own * points[0, 5] + (1 - own) / 8 * others)
    still = points[:, :1].repeat(1, 12, 1, 1)
    torch.testing.assert_close(model(still, torch.ones(1, 12, 50)), still)


@pytest.mark.parametrize("number", [CHOICES - 2, CHOICES - 1])
def test_the_curves_are_choices_beside_the_taps(number: int) -> None:
    model = choosing(number, joints=7)  # without hands: all joints are seen from the origin
    torch.manual_seed(0)
    points, confidence = torch.randn(2, 20, 7, 3), (torch.rand(2, 20, 7) < 0.7).float()
    confidence[:, :2] = confidence[:, -2:] = 1
    points = interpolate(points, confidence > 0)  # which the prior of independent joints leaves as it is
    expected = curve(points, confidence > 0) if number == TAPS else regression(points, confidence)
    torch.testing.assert_close(model(points, confidence), expected, atol=1e-4, rtol=1e-4)


def test_the_convolution_sees_its_neighbours_only() -> None:
    torch.manual_seed(0)
    mix = Neighbours(8, 5)
    x = torch.randn(1, 20, 8)
    y = x.clone()
    y[:, 10] += 1
    changed = (mix(x) != mix(y)).any(2)[0].nonzero()[:, 0].tolist()
    assert changed == [8, 9, 10, 11, 12] and mix(x).shape == x.shape


def test_confidences_enter() -> None:
    torch.manual_seed(0)
    points, sure = torch.randn(1, 8, 5, 3), torch.ones(1, 8, 5)
    model = make(joints=5, layers=1).eval()
    torch.nn.init.normal_(model.out.weight, std=0.1)
    bias_of(model)[1][:, TAPS // 2] = 100  # not by the regression, which weighs by them too
    assert not torch.equal(model(points, sure), model(points, 0.5 * sure))


def test_wrong_shapes_are_refused() -> None:
    model = make(joints=5, layers=1)
    for shape in ((1, 8, 6, 3), (1, 65, 5, 3), (1, 8, 5, 2)):
        with pytest.raises(AssertionError):
            model(torch.zeros(shape), torch.zeros(shape[:3]))


def test_hands_are_seen_from_a_centroid_that_noise_on_a_wrist_hardly_moves() -> None:
    model = choosing(TAPS // 2)
    assert model.points == 52 and model.embedding[0].in_features == 52 * 4
    torch.manual_seed(0)
    points = torch.randn(1, 3, 50, 3)
    local = model.seen_from_carrier(points)
    for hand, wrist in ((slice(8, 29), 7), (slice(29, 50), 4)):
        middle = torch.cat([points[:, :, [wrist]], points[:, :, hand]], 2).mean(2)
        torch.testing.assert_close(local[:, :, hand], points[:, :, hand] - middle[:, :, None])
    torch.testing.assert_close(local[:, :, :8], points[:, :, :8])
    torch.testing.assert_close(model(points, torch.ones(1, 3, 50)), points)
    noisy = points.clone()
    noisy[:, :, 4] += 0.5
    assert (model.seen_from_carrier(noisy)[:, :, 29:] - local[:, :, 29:]).abs().max() < 0.3


def test_centroids_need_hands() -> None:
    assert make(joints=7).points == 7


def test_what_enters_is_measured_from_the_typical_pose_in_spreads() -> None:
    """With the poses, the typical pose and the spreads on another scale, the same enters the encoder."""
    torch.manual_seed(0)
    model, sure = make(layers=1).eval(), torch.ones(1, 6, 50)
    torch.nn.init.normal_(model.out.weight, std=0.1)
    points, rest, scale = torch.randn(1, 6, 50, 3), torch.randn(50, 3), torch.rand(50, 3) + 0.5
    model.rest.copy_(rest), model.scale.copy_(scale)
    one = model(points, sure)
    model.rest.copy_(2 * rest), model.scale.copy_(2 * scale)
    torch.testing.assert_close(model(2 * points, sure), 2 * one, atol=1e-4, rtol=1e-4)
    model.rest.copy_(rest)
    assert not torch.allclose(model(2 * points, sure), 2 * one, atol=1e-2)


def test_relative_positions_know_distances_only() -> None:
    torch.manual_seed(0)
    attention = RelativeAttention(width=8, heads=2, dropout=0.0, window=30)
    torch.nn.init.normal_(attention.bias)
    x = torch.randn(1, 12, 8)
    bias = attention.score_bias(12)
    assert bias.shape == (2, 12, 12)
    assert all(torch.equal(bias.diagonal(k, 1, 2), bias[:, :1, k].expand(2, 12 - k)) for k in range(12))
    q, k, v = attention.query(x), attention.key(x), attention.value(x)
    weights = torch.softmax(q[..., :4] @ k[..., :4].transpose(1, 2) / 2.0 + bias[0], dim=-1)
    other = torch.softmax(q[..., 4:] @ k[..., 4:].transpose(1, 2) / 2.0 + bias[1], dim=-1)
    expected = torch.cat([weights @ v[..., :4], other @ v[..., 4:]], -1)
    torch.testing.assert_close(attention(x), attention.out(expected))


def test_the_prior_fills_what_the_network_sees() -> None:
    torch.manual_seed(0)
    model = choosing(TAPS // 2, joints=6)
    model.covariance.copy_(torch.full((6, 6), 1.0) + 0.01 * torch.eye(6))
    path = torch.randn(1, 20, 1, 3).expand(1, 20, 6, 3) + torch.randn(6, 3)
    confidence = torch.ones(1, 20, 6)
    confidence[0, 8:12, 1] = 0
    line = interpolate(path * confidence[..., None], confidence > 0)
    found = model(line, confidence)
    torch.testing.assert_close(found, path, atol=0.02, rtol=0.01)
    assert (line - path).abs().max() > 0.5


def test_a_gate_scales_the_correction() -> None:
    torch.manual_seed(0)
    points, sure = torch.randn(1, 4, 50, 3), torch.ones(1, 4, 50)
    model = choosing(TAPS // 2)
    correction, _, gate = bias_of(model)
    correction[:] = 0.1
    found = []
    for logit in (-50.0, 0.0, 50.0):
        gate[:] = logit
        found.append((model(points, sure) - points).detach())
    torch.testing.assert_close(found[0], torch.zeros_like(points), atol=1e-6, rtol=0)
    torch.testing.assert_close(2 * found[1], found[2], atol=1e-5, rtol=1e-4)
    assert float(found[2].abs().min()) > 0.09


@pytest.mark.parametrize("preset", ["small", "motion"])
def test_in_bfloat16_the_geometry_keeps_single_precision(preset: str) -> None:
    """Curves, regression and the prior solve equations; in bfloat16 they were off by whole shoulder widths."""
    torch.manual_seed(0)
    model = make(preset).eval()
    torch.nn.init.normal_(model.out.weight, std=0.01)
    points = torch.randn(2, model.window, 50, 3).cumsum(1) * 0.1
    confidence = torch.rand(2, model.window, 50) * (torch.rand(2, model.window, 50) > 0.3)
    with torch.no_grad():
        full = model(points, confidence)
        with torch.autocast("cpu", torch.bfloat16):
            half = model(points, confidence)
    assert half.dtype == torch.float32 and float((half - full).abs().max()) < 0.03
    assert not torch.equal(half, full), "the layers do compute in bfloat16"
