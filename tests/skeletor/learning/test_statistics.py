"""Moving means of batch normalisation, learned by several processes as by one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from skeletor.learning.statistics import SharedStatistics, moving
from slt.translate.joey.body_streams import MaskedBatchNorm


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.usual, self.masked, self.layer = nn.BatchNorm1d(3, momentum=0.2), MaskedBatchNorm(3), nn.LayerNorm(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.masked(self.usual(self.layer(x))[None], torch.ones(1, len(x), dtype=torch.bool))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_buffers_are_those_of_one_process_that_sees_all_batches_in_order(count: int) -> None:
    torch.manual_seed(0)
    batches = torch.randn(4 * count, 7, 3) * torch.rand(4 * count, 1, 3)
    alone = Two()
    networks = [copy.deepcopy(alone) for _ in range(count)]
    for batch in batches:
        alone(batch)
    shared = [SharedStatistics(network, rank, count) for rank, network in enumerate(networks)]
    for step in range(4):
        for rank, (network, statistics) in enumerate(zip(networks, shared, strict=True)):
            statistics.begin()
            network(batches[step * count + rank])
        parts: list[Tensor] = []  # what each process gives; then all get the sum
        for statistics in shared:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Tensor, "copy_", lambda self, other: self)
                statistics.share(lambda values, parts=parts: parts.append(values) or values)
        for statistics in shared:
            statistics.share(lambda values, parts=parts: torch.stack(parts).sum(0))
    for network in networks:
        for (ours, _), (theirs, _) in zip(moving(network), moving(alone), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_only_what_moves_is_found() -> None:
    assert sorted(momentum for _, momentum in moving(Two())) == [0.1, 0.1, 0.2, 0.2]
    assert moving(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))) == []
