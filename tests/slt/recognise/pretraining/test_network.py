"""The heads of the pretraining and their losses."""

import math

import torch

from slt.recognise.config import PRESETS
from slt.recognise.network import Encoder, RecogniserNetwork
from slt.recognise.pretraining.config import Objective, PretrainConfig
from slt.recognise.pretraining.network import PretrainNetwork, contrastive_loss, masked_loss, order_loss
from slt.recognise.pretraining.views import ORDERS
from slt.translate.features import STREAMS, WIDTH

TINY = PRESETS["tiny"]


def frames(*lengths: int) -> torch.Tensor:
    x = torch.randn(len(lengths), max(lengths), WIDTH + 1, generator=torch.Generator().manual_seed(0))
    x[:, :, -1] = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return x * x[:, :, -1:]


def test_heads_are_those_of_the_objectives() -> None:
    x = frames(7, 4)
    several: list[list[Objective]] = [["masked"], ["contrastive"], ["order"], ["masked", "contrastive", "order"]]
    for wanted in several:
        found = PretrainNetwork(PretrainConfig(recogniser=TINY, objectives=wanted)).eval()(x)
        assert [found.predicted is not None, found.steps is not None, found.orders is not None] == [
            name in wanted for name in ("masked", "contrastive", "order")
        ]
        if found.predicted is not None:
            sizes = [WIDTH, *(len(columns) for columns in STREAMS.values())]
            assert [tuple(p.shape) for p in found.predicted] == [(2, 7, size) for size in sizes]
        if found.orders is not None:
            assert found.orders.shape == (2, len(ORDERS))
        assert found.real.tolist() == [[True] * 4, [True, True, False, False]]


def test_its_encoder_is_the_recognisers() -> None:
    own, other = PretrainNetwork(PretrainConfig(recogniser=TINY)), RecogniserNetwork(TINY, 5).eval()
    names = set(Encoder(TINY).state_dict())
    assert names == set(own.state_dict()) & set(other.state_dict())
    other.load_state_dict({n: v for n, v in own.state_dict().items() if n in names}, strict=False)
    x = frames(9)
    torch.testing.assert_close(own.eval().encode(x).states, other(x).states)


def test_only_what_is_hidden_counts() -> None:
    target, hidden = torch.zeros(1, 2, WIDTH), torch.zeros(1, 2, WIDTH, dtype=torch.bool)
    hidden[0, 0, 0] = hidden[0, 1, STREAMS["left_hand"][0]] = True
    joined, columns = torch.full((1, 2, WIDTH), 7.0), [list(c) for c in STREAMS.values()]
    parts = [torch.full((1, 2, len(c)), 7.0) for c in columns]
    joined[hidden] = torch.tensor([3.0, 0.5])
    for part, own in zip(parts, columns, strict=True):
        part[hidden[..., own]] = 0.0
    huber = (3 - 0.5 + 0.5**3) / 2
    found = masked_loss((joined, *parts), columns, target, hidden, 0.5)
    torch.testing.assert_close(found, torch.tensor(huber))
    parts[0][0, 0, 0] = 2.0  # the one hidden feature of the body
    torch.testing.assert_close(masked_loss((joined, *parts), columns, target, hidden, 0.5), torch.tensor(huber + 0.75))
    nothing = torch.zeros_like(hidden)
    assert masked_loss((joined, *parts), columns, target, nothing, 0.5) == 0


def test_the_contrast_by_hand() -> None:
    """Two clips of one step each: two steps, alike or not."""
    a = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])
    real = torch.ones(2, 1, dtype=torch.bool)
    apart = math.log(1 + math.exp(-1 / 0.5))
    torch.testing.assert_close(contrastive_loss(a, a, real, 0.5), torch.tensor(apart))
    crossed = math.log(1 + math.exp(1 / 0.5))
    torch.testing.assert_close(contrastive_loss(a, a.flip(0), real, 0.5), torch.tensor(crossed))


def test_neighbouring_steps_and_padding_are_no_contrast() -> None:
    g = torch.Generator().manual_seed(2)
    a, b = (torch.randn(1, 3, 4, generator=g) for _ in range(2))
    assert contrastive_loss(a, b, torch.ones(1, 3, dtype=torch.bool), 0.1) == 0  # nothing else is in the batch
    a, b = (torch.randn(2, 5, 4, generator=g) for _ in range(2))
    real = torch.tensor([[True] * 5, [True, False, False, False, False]])
    before = contrastive_loss(a, b, real, 0.1)
    a[1, 1:], b[1, 1:] = 9.0, -9.0
    assert before > 0 and contrastive_loss(a, b, real, 0.1) == before


def test_clips_without_an_order_do_not_count() -> None:
    logits = torch.randn(3, len(ORDERS), generator=torch.Generator().manual_seed(1))
    orders = torch.tensor([2, -1, 0])
    expected = -(logits[0].log_softmax(0)[2] + logits[2].log_softmax(0)[0]) / 2
    torch.testing.assert_close(order_loss(logits, orders), expected)
    assert order_loss(logits, torch.full((3,), -1)) == 0
