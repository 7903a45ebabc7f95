"""The registry of network lifters: complete, and strict with what a header asks for."""

from typing import Any, get_args

import pytest
import torch

from skeletor.lifters.learned.inference import lift_clip
from skeletor.lifters.learned.networks.layers import LiftNetwork
from skeletor.lifters.learned.networks.registry import (
    KINDS,
    REGISTRY,
    ModelConfig,
    build_network,
    check_arguments,
    network_arguments,
)
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError


def arguments(kind: str) -> dict[str, Any]:
    return network_arguments(REGISTRY[kind].config(), SIGNING_50)


def test_every_kind_has_a_config_in_the_union() -> None:
    assert {kind.config for kind in REGISTRY.values()} == set(get_args(get_args(ModelConfig)[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_one_name_everywhere(kind: str) -> None:
    assert REGISTRY[kind].config().kind == REGISTRY[kind].name == arguments(kind)["kind"] == kind
    check_arguments(arguments(kind), 50, "test")
    network = build_network(arguments(kind))
    assert network.kind == kind


def test_a_network_of_no_kind_goes_nowhere() -> None:
    class Other(LiftNetwork):
        kind = "other"

    with pytest.raises(KeyError, match="other"):
        lift_clip(Other(), torch.zeros(2, 50, 2), torch.ones(2, 50))
    with pytest.raises(ValueError, match="unknown kind"):
        build_network({"kind": "other"})


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("anatomy", {"bones": [[0, 1, 2]]}, "no pairs"), ("anatomy", {"bones": [[0, 50]]}, "no joints"),
        ("joint-token", {"carriers": [-1] * 50}, "no joints"), ("joint-token", {"joints": 51}, "51 joints"),
        ("joint-token", {"bones": []}, "bones"), ("anatomy", {"carriers": []}, "carriers"),
        ("uplift-upsample", {"training_heads": True}, "training_heads"), ("anatomy", {"blocks": 6}, "blocks"),
        ("uplift-upsample", {"output_stride": 0}, "output_stride"), ("uplift-upsample", {"tokens": 10**6}, "tokens"),
        ("joint-token", {"kind": "x"}, "unknown kind"), ("joint-token", {"kind": []}, "unknown kind"),
    ],
)  # fmt: skip
def test_a_header_is_checked_before_anything_is_made(kind: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check_arguments({**arguments(kind), **change}, 50, "file")
    assert "\n" not in str(caught.value)


def test_a_header_may_leave_out_the_strides_of_the_training() -> None:
    config = REGISTRY["uplift-upsample"].config(output_stride=3, input_strides=[3, 6])
    header = network_arguments(config, SIGNING_50)
    check_arguments(header, 50, "test")
    assert "input_strides" not in header and header["output_stride"] == 3
