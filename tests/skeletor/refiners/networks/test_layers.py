"""The shared layers against the paper's equations."""

import math

import pytest
import torch

from skeletor.refiners.networks.layers import Attention, positional_encoding


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
