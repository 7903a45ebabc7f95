"""Kinds of networks: each with its own options, and flat lists of options where a file has one."""

from typing import Any, get_args

import pytest

from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.networks.build import (
    KINDS,
    RefinerModelConfig,
    build_network,
    checked_arguments,
    kind_of,
    network_arguments,
)
from skeletor.refiners.networks.harmless import HarmlessConfig
from skeletor.refiners.networks.paper import PaperConfig
from skeletor.refiners.networks.skeletor import SkeletorConfig
from skeletor.refiners.networks.temporal_mlp import TemporalMLPConfig
from skeletor.refiners.training.config import Preset, RefinerTrainConfig, train_preset
from skeletor.support.config import check_config
from skeletor.support.errors import InputError

# As every config and header had them for all networks.
FLAT: dict[str, Any] = {
    "kind": "transformer", "d_model": 16, "d_ff": 32, "heads": 2, "layers": 1, "dropout": 0.0, "norm": "pre",
    "confidence_input": True, "residual": True, "taps": 9, "curve": True, "convolution": 9, "reference": "centroid",
    "prior": True, "regression": True, "gate": True, "positions": "relative", "reach": 0, "mask_token": False,
}  # fmt: skip
OFF: dict[str, Any] = {"taps": 0, "curve": False, "convolution": 0, "prior": False, "regression": False, "gate": False}
FLAT_PAPER: dict[str, Any] = {**FLAT, **OFF, "norm": "post", "confidence_input": False, "residual": False,
                              "reference": "wrist", "positions": "absolute"}  # fmt: skip
FLAT_MLP: dict[str, Any] = {**FLAT, **OFF, "kind": "temporal_mlp", "heads": 4}
FRAME: dict[str, Any] = {"joints": 50, "dims": 3, "window": 8, "carriers": carriers(SIGNING_50)}
ALONE: dict[str, Any] = {**FRAME, "carriers": None}
SIZE: dict[str, Any] = {"d_model": 16, "d_ff": 32, "layers": 1, "dropout": 0.0}


def config(model: dict[str, Any], **more: Any) -> Any:
    return check_config({"model": model, **more}, RefinerTrainConfig, "test").model


def test_every_kind_has_a_config_in_the_union() -> None:
    union = get_args(get_args(RefinerModelConfig)[0])
    assert {kind.config for kind in KINDS.values()} == set(union)
    for name, kind in KINDS.items():
        arguments = network_arguments(kind.config(), SIGNING_50, 3, 8)
        assert kind.name == kind_of(arguments) == name
        assert checked_arguments(arguments, 50, "test") == arguments
        assert build_network(arguments).seen_from_carrier(build_network(arguments).rest).shape == (50, 3)
    with pytest.raises(ValueError, match="unknown kind"):
        build_network({**FRAME, "kind": "rnn"})


def test_presets_name_their_kind() -> None:
    names: tuple[Preset, ...] = ("small", "motion", "paper", "smoothnet", "harmless")
    kinds = {name: train_preset(name).model for name in names}
    default = SkeletorConfig()
    others = {"paper": PaperConfig(), "smoothnet": TemporalMLPConfig(), "harmless": HarmlessConfig()}
    assert kinds == {"small": default, "motion": default, **others}


def test_flat_configs_are_of_the_kind_that_they_describe() -> None:
    assert config({**FLAT, "local": True}) == SkeletorConfig(heads=2, **SIZE)
    assert config({**FLAT_PAPER, "local": False}, fill="zero") == PaperConfig(heads=2, **SIZE)
    assert config({**FLAT_PAPER, "local": False}, preset="paper") == PaperConfig(heads=2, **SIZE)
    assert config({**FLAT_MLP, "local": True}, preset="smoothnet") == TemporalMLPConfig(**SIZE)
    assert config({"d_model": 16}) == SkeletorConfig(d_model=16)
    assert config({"layers": 2}, preset="paper") == PaperConfig(layers=2)
    # What a flat config leaves out was the default network's size.
    sizes: dict[str, Any] = {"d_model": 128, "d_ff": 512, "layers": 4, "dropout": 0.0}
    assert config({"kind": "temporal_mlp", **OFF}) == TemporalMLPConfig(**sizes)
    bare = {name: value for name, value in FLAT_PAPER.items() if name not in ("kind", "heads", *SIZE)}
    assert config({**bare, "local": False}) == PaperConfig(heads=4, **sizes)


def test_flat_headers_are_of_the_kind_that_they_describe() -> None:
    assert checked_arguments({**FLAT, **FRAME}, 50, "x") == {**FRAME, **SIZE, "heads": 2, "kind": "skeletor"}
    paper = {name: value for name, value in FRAME.items() if name != "carriers"}
    assert checked_arguments({**FLAT_PAPER, **ALONE}, 50, "x") == {**paper, **SIZE, "heads": 2, "kind": "paper"}
    mlp = checked_arguments({**FLAT_MLP, **FRAME}, 50, "x")
    assert mlp == {**FRAME, **SIZE, "kind": "temporal_mlp", "confidence_input": True, "residual": True}
    # Options that came later were off in headers without them.
    late = ("taps", "curve", "convolution", "reference", "prior", "regression", "gate", "positions", "reach", "kind")
    early = {name: value for name, value in FLAT_PAPER.items() if name not in late}
    assert checked_arguments({**early, **ALONE}, 50, "x")["kind"] == "paper"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"taps": 0, "curve": False}, "taps is 0"), ({"positions": "absolute"}, "positions is 'absolute'"),
        ({"norm": "post"}, "norm is 'post'"), ({"mask_token": True}, "mask_token is True"),
        ({"kind": "paper", "residual": True}, "residual is True"), ({"kind": "temporal_mlp", "taps": 9}, "taps is 9"),
        ({"kind": "skeletor", "reach": 16}, "reach is 16"), ({"kind": "temporal_mlp", "heads": 8}, "heads is 8"),
        ({"kind": "rnn"}, "model"), ({"kind": [1]}, "model"), ({"kind": None}, "model"), ({"tabs": 9}, "tabs"),
        ({"heads": 3}, "multiple of heads"), ({"kind": "paper", "heads": 3}, "multiple of heads"),
        ({"layers": 10**7}, "layers"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        config(options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({**FLAT, **FRAME, "gate": False}, "gate is False"), ({**FLAT, **ALONE}, "local is False"),
        ({**FLAT_PAPER, **FRAME}, "norm is 'post'"), ({**FLAT, **FRAME, "carriers": [50] * 50}, "carriers"),
        ({**FLAT, **FRAME, "carriers": [0] * 49}, "carriers"), ({**FLAT, **FRAME, "layers": 65}, "layers"),
        ({**FLAT_MLP, **FRAME, "carriers": [-1] * 50}, "carriers"),
        ({**FLAT, **FRAME, "joints": 49, "carriers": [0] * 49}, "49 joints"),
        ({**FLAT, **FRAME, "kind": "x"}, "unknown kind"), ({**FLAT, **FRAME, "kind": {}}, "unknown kind"),
        ({"kind": "paper", **SIZE, "heads": 2, **FRAME}, "carriers"), ({"kind": "skeletor", **SIZE}, "missing"),
    ],
)  # fmt: skip
def test_a_header_is_checked_before_anything_is_made(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        checked_arguments(arguments, 50, "file")
    assert "\n" not in str(caught.value)


def test_zeros_in_gaps_are_no_input_to_add_to() -> None:
    for model in ({}, {"kind": "temporal_mlp"}):
        with pytest.raises(InputError, match="fill zero"):
            config(model, fill="zero")
    assert config({"kind": "temporal_mlp", "residual": False}, fill="zero").residual is False
