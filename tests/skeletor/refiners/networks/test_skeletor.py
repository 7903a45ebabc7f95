"""The network against the paper's equations."""

import math

import pytest
import torch

from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.refiners.fill import curve, interpolate
from skeletor.refiners.networks.build import build_network
from skeletor.refiners.networks.skeletor import Attention, Layer, Neighbours, Skeletor, positional_encoding
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.training.train import model_arguments

# Without what is added to the paper's encoder.
PLAIN: dict[str, object] = {"taps": 0, "curve": False, "regression": False, "gate": False, "prior": False}
BARE: dict[str, object] = {**PLAIN, "residual": False}


def make(preset: str, joints: int = 50, dims: int = 3, **changes: object) -> Skeletor:
    config = train_preset(preset)  # type: ignore[arg-type]
    skeleton = SIGNING_50 if joints == 50 else custom_skeleton(joints)
    model = build_network({**model_arguments(config, skeleton, dims), **changes})
    assert isinstance(model, Skeletor)
    return model


def test_paper_preset_has_25_million_parameters() -> None:
    layer = 4 * 512 * 512 + 2 * 512 * 2048 + 4 * 512 + 512 + 2048 + 4 * 512  # matrices, biases, two norms
    ends = 150 * 512 + 3 * 512 + 512 * 150 + 150
    assert make("paper").parameter_count() == 8 * layer + ends
    assert 25.0e6 < 8 * layer + ends < 25.7e6


def test_positional_encoding_is_equation_2() -> None:
    table = positional_encoding(10, 8)
    for place in (0, 3, 9):
        for i in range(4):
            angle = place / 10000 ** (2 * i / 8)
            assert float(table[place, 2 * i]) == pytest.approx(math.sin(angle), abs=1e-5)
            assert float(table[place, 2 * i + 1]) == pytest.approx(math.cos(angle), abs=1e-5)


def test_attention_is_equations_3_and_4() -> None:
    torch.manual_seed(0)
    attention = Attention(width=8, heads=2, dropout=0.0)
    x = torch.randn(2, 5, 8)
    q, k, v = attention.query(x), attention.key(x), attention.value(x)
    heads = []
    for h in range(2):
        part = slice(4 * h, 4 * h + 4)
        weights = torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / 2.0, dim=-1)  # sqrt(d_k) = 2
        heads.append(weights @ v[..., part])
    torch.testing.assert_close(attention(x), attention.out(torch.cat(heads, -1)))


def test_post_norm_layer_is_the_text() -> None:
    torch.manual_seed(0)
    layer = Layer(8, 16, 2, 0.0, "post")
    x = torch.randn(1, 4, 8)
    y = layer.norms[0](x + layer.attention(x))
    torch.testing.assert_close(layer(x), layer.norms[1](y + layer.feed_forward(y)))


def test_xavier() -> None:
    torch.manual_seed(0)
    model = make("paper", layers=1)
    weight = model.layers[0].feed_forward[0].weight
    assert float(weight.detach().abs().max()) <= math.sqrt(6 / (512 + 2048))
    assert float(weight.detach().std()) == pytest.approx(math.sqrt(2 / (512 + 2048)), rel=0.02)
    assert not model.embedding[0].bias.any()


@pytest.mark.parametrize(("joints", "dims"), [(50, 3), (50, 2), (7, 3), (133, 2)])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_any_joint_count(joints: int, dims: int, norm: str) -> None:
    model = make("small", joints, dims, norm=norm, layers=1, **BARE)
    out = model(torch.randn(2, 64, joints, dims), torch.ones(2, 64, joints))
    assert out.shape == (2, 64, joints, dims) and torch.isfinite(out).all()


def test_untrained_residual_changes_nothing() -> None:
    points = torch.randn(1, 64, 50, 3)
    torch.testing.assert_close(make("small", **PLAIN)(points, torch.ones(1, 64, 50)), points)


def test_taps_are_a_weighted_mean_of_neighbouring_frames() -> None:
    """An untrained network weighs the frame itself with e^5 / (e^5 + 8); a constant pose comes back as it is."""
    model = make("small", **{**PLAIN, "taps": 9})
    points = torch.randn(1, 12, 50, 3)
    out = model(points, torch.ones(1, 12, 50))
    own = math.exp(5) / (math.exp(5) + 8)
    others = sum(points[0, k] for k in (1, 2, 3, 4, 6, 7, 8, 9))
    torch.testing.assert_close(out[0, 5], own * points[0, 5] + (1 - own) / 8 * others)
    still = points[:, :1].repeat(1, 12, 1, 1)
    torch.testing.assert_close(model(still, torch.ones(1, 12, 50)), still)
    with pytest.raises(ValueError, match="taps"):
        make("small", taps=4)


def test_the_curve_is_one_more_choice_beside_the_taps() -> None:
    model = make("small", **{**PLAIN, "taps": 3, "curve": True}, reference="wrist")
    torch.manual_seed(0)
    points, confidence = torch.randn(2, 20, 50, 3), (torch.rand(2, 20, 50) < 0.7).float()
    confidence[:, :2] = confidence[:, -2:] = 1
    points = interpolate(points, confidence > 0)
    with torch.no_grad():
        bias = model.out.bias.view(50, 3 + 3 + 1)
        bias[:, -1] = 50  # all weight on the curve
        found = model(points, confidence)
    expected = curve(model.seen_from_carrier(points), confidence > 0)
    expected = expected + expected.index_select(2, model.carrier) * model.carried
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="curve needs taps"):
        make("small", curve=True, taps=0)


def test_the_convolution_sees_its_neighbours_only() -> None:
    torch.manual_seed(0)
    mix = Neighbours(8, 5)
    x = torch.randn(1, 20, 8)
    y = x.clone()
    y[:, 10] += 1
    changed = (mix(x) != mix(y)).any(2)[0].nonzero()[:, 0].tolist()
    assert changed == [8, 9, 10, 11, 12] and mix(x).shape == x.shape
    assert make("small", convolution=9)(torch.randn(2, 30, 50, 3), torch.ones(2, 30, 50)).shape == (2, 30, 50, 3)


def test_confidence_matters_only_if_it_is_an_input() -> None:
    torch.manual_seed(0)
    points, sure = torch.randn(1, 8, 5, 3), torch.ones(1, 8, 5)
    for flag in (True, False):
        model = make("small", joints=5, confidence_input=flag, **BARE, layers=1).eval()
        same = torch.equal(model(points, sure), model(points, 0.5 * sure))
        assert same is not flag


def test_wrong_shapes_are_refused() -> None:
    model = make("small", joints=5, layers=1)
    with pytest.raises(AssertionError):
        model(torch.zeros(1, 8, 6, 3), torch.zeros(1, 8, 6))
    with pytest.raises(AssertionError):
        model(torch.zeros(1, 65, 5, 3), torch.zeros(1, 65, 5))


def test_hands_are_seen_from_their_wrists() -> None:
    torch.manual_seed(0)
    model = make("small", **BARE, layers=1, reference="wrist")
    model.rest.copy_(torch.randn(50, 3))
    points = torch.randn(1, 3, 50, 3)
    local = model.seen_from_carrier(points)
    torch.testing.assert_close(local[:, :, 8:29], points[:, :, 8:29] - points[:, :, 7:8])
    torch.testing.assert_close(local[:, :, 29:], points[:, :, 29:] - points[:, :, 4:5])
    torch.testing.assert_close(local[:, :, :8], points[:, :, :8])
    with torch.no_grad():  # an output of 0 is the typical pose
        model.out.weight.zero_()
    torch.testing.assert_close(model(points, torch.ones(1, 3, 50)), model.rest.expand(1, 3, 50, 3))


@pytest.mark.parametrize("reference", ["centroid", "median"])
def test_noise_on_a_wrist_hardly_moves_a_hand_s_reference(reference: str) -> None:
    model = make("small", reference=reference, layers=1, **PLAIN)
    assert model.points == 52 and model.embedding[0].in_features == 52 * 4
    torch.manual_seed(0)
    points = torch.randn(1, 3, 50, 3)
    local = model.seen_from_carrier(points)
    members = points[:, :, [4, *range(29, 50)]]  # right wrist and hand
    middle = members.median(2).values if reference == "median" else members.mean(2)
    torch.testing.assert_close(local[:, :, 29:], points[:, :, 29:] - middle[:, :, None])
    torch.testing.assert_close(local[:, :, :8], points[:, :, :8])
    torch.testing.assert_close(model(points, torch.ones(1, 3, 50)), points)  # residual 0: nothing changes
    noisy = points.clone()
    noisy[:, :, 4] += 0.5
    assert (model.seen_from_carrier(noisy)[:, :, 29:] - local[:, :, 29:]).abs().max() < 0.3


def test_references_need_hands() -> None:
    assert make("small", joints=7, reference="centroid").points == 7


def test_relative_positions_know_distances_only() -> None:
    torch.manual_seed(0)
    attention = Attention(width=8, heads=2, dropout=0.0, relative=30)
    assert attention.bias is not None
    with torch.no_grad():
        attention.bias.normal_()
    x = torch.randn(1, 12, 8)
    mask = attention._mask(12)
    assert mask is not None and mask.shape == (2, 12, 12)
    assert all(torch.equal(mask.diagonal(k, 1, 2), mask[:, :1, k].expand(2, 12 - k)) for k in range(12))
    q, k, v = attention.query(x), attention.key(x), attention.value(x)
    weights = torch.softmax(q[..., :4] @ k[..., :4].transpose(1, 2) / 2.0 + mask[0], dim=-1)
    other = torch.softmax(q[..., 4:] @ k[..., 4:].transpose(1, 2) / 2.0 + mask[1], dim=-1)
    expected = torch.cat([weights @ v[..., :4], other @ v[..., 4:]], -1)
    torch.testing.assert_close(attention(x), attention.out(expected))
    assert not make("small", positions="relative").places.any()


def test_attention_reaches_no_further_than_its_reach() -> None:
    torch.manual_seed(0)
    attention = Attention(8, 2, 0.0, reach=3)
    x = torch.randn(1, 20, 8)
    y = x.clone()
    y[:, 10] += 1
    changed = (~torch.isclose(attention(x), attention(y))).any(2)[0].nonzero()[:, 0].tolist()
    assert changed == list(range(7, 14))


def test_a_mask_token_hides_how_a_gap_was_filled() -> None:
    torch.manual_seed(0)
    points, confidence = torch.randn(1, 8, 5, 3), torch.ones(1, 8, 5)
    confidence[:, 3, 2] = 0
    other = points.clone()
    other[:, 3, 2] += 1
    for token in (True, False):
        model = make("small", joints=5, mask_token=token, layers=1, **BARE)
        assert torch.equal(model(points, confidence), model(other, confidence)) is token


def test_the_prior_fills_what_the_network_sees() -> None:
    torch.manual_seed(0)
    model = make("small", joints=6, **{**PLAIN, "prior": True}, layers=1)
    model.covariance.copy_(torch.full((6, 6), 1.0) + 0.01 * torch.eye(6))
    path = torch.randn(1, 20, 1, 3).expand(1, 20, 6, 3) + torch.randn(6, 3)
    confidence = torch.ones(1, 20, 6)
    confidence[0, 8:12, 1] = 0
    line = interpolate(path * confidence[..., None], confidence > 0)
    found = model(line, confidence)
    torch.testing.assert_close(found, path, atol=0.02, rtol=0.01)
    assert (line - path).abs().max() > 0.5


def test_a_gate_scales_the_residual() -> None:
    torch.manual_seed(0)
    points, sure = torch.randn(1, 4, 50, 3), torch.ones(1, 4, 50)
    model = make("small", **{**PLAIN, "gate": True}, layers=1)
    found = []
    for logit in (-50.0, 0.0, 50.0):
        with torch.no_grad():
            bias = model.out.bias.view(model.points, 4)
            bias[:, :3], bias[:, 3] = 0.1, logit
            found.append(model(points, sure) - points)
    torch.testing.assert_close(found[0], torch.zeros_like(points), atol=1e-6, rtol=0)
    torch.testing.assert_close(2 * found[1], found[2], atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="gate needs residual"):
        make("small", **{**BARE, "gate": True})


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
