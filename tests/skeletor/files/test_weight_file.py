"""The form of a network is compared with a file's tensors without memory for its values."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from skeletor.files.weight_file import check_fit


class Network(nn.Module):
    """Layers, values of ranges and of lists, and of the first in a table of zeros."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.embedding, self.out = nn.Embedding(5, width), nn.Linear(width, 3)
        nn.init.normal_(tensor=self.out.weight)
        place = torch.exp(torch.arange(0, width, 2).float() * -0.5)  # (width / 2,)
        table = torch.zeros(4, width)
        table[:, ::2] = place
        self.register_buffer("table", table)
        self.register_buffer("place", place)
        self.register_buffer("part", torch.tensor([2, 0, 1]) == torch.arange(3))


def tensors() -> dict[str, Tensor]:
    return dict(Network().state_dict())


def fits(found: dict[str, Tensor], optional: Callable[[str], bool] = lambda _: False) -> bool:
    try:
        check_fit(Network, found, optional)
    except ValueError:
        return False
    return True


def test_the_tensors_of_such_a_network_fit() -> None:
    assert fits(tensors())


@pytest.mark.parametrize("missing", ["table", "place"])
def test_only_what_is_optional_may_be_missing(missing: str) -> None:
    found = {name: tensor for name, tensor in tensors().items() if name != missing}
    assert fits(found, lambda name: name == "table") == (missing == "table")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t | {"more": torch.zeros(2)}, "no tensor more"),
        (lambda t: t | {"out.weight": torch.zeros(6, 3)}, r"out.weight is float32 \(6, 3\), not float32 \(3, 6\)"),
        (lambda t: t | {"place": t["place"].double()}, "place is float64"),
        (lambda t: t | {"part": torch.zeros(3)}, "part is float32"),
        (lambda t: {k: v for k, v in t.items() if k != "table"}, "tensor table is missing"),
    ],
)
def test_others_do_not(change: Callable[[dict[str, Tensor]], dict[str, Tensor]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_fit(Network, change(tensors()))


def test_what_a_header_asks_for_takes_no_memory() -> None:
    with pytest.raises(ValueError, match=r"not float32 \(5, 100000000000\)"):
        check_fit(lambda: nn.Embedding(5, 10**11), {"weight": torch.zeros(5, 2)})
