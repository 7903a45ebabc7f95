"""The recogniser's network."""

import torch

from slt.recognise.config import PRESETS
from slt.recognise.network import RecogniserNetwork
from slt.translate.features import STREAMS, WIDTH
from slt.translate.joey.model import token_count

CONFIG = PRESETS["tiny"]


def frames(length: int, seed: int = 0) -> torch.Tensor:
    x = torch.randn(1, length, WIDTH + 1, generator=torch.Generator().manual_seed(seed))
    x[:, :, -1] = 1
    return x


def test_shapes_of_all_heads() -> None:
    network = RecogniserNetwork(CONFIG, 6).eval()
    for length in (1, 2, 7):
        read, steps = network(frames(length)), token_count(length, CONFIG.subsample)
        assert read.joined.shape == read.frames.shape == (1, steps, 7) and len(read.streams) == 3
        assert all(s.shape == (1, steps, 7) for s in read.streams)
        assert read.states.shape == (1, steps, CONFIG.hidden) and read.real.sum() == steps


def test_what_lies_behind_a_clips_end_does_not_matter() -> None:
    network = RecogniserNetwork(CONFIG, 6).eval()
    short, long = frames(9), frames(20, 1)
    batch = torch.zeros(2, 20, WIDTH + 1)
    batch[0, :9], batch[1] = short[0], long[0]
    alone, together = network(short), network(batch)
    steps = token_count(9, CONFIG.subsample)
    torch.testing.assert_close(together.joined[0, :steps], alone.joined[0])
    torch.testing.assert_close(together.joined[1:], network(long).joined)
    assert together.real.sum(1).tolist() == [steps, token_count(20, CONFIG.subsample)]


def test_a_streams_head_sees_its_own_part_of_the_body_alone() -> None:
    network = RecogniserNetwork(CONFIG, 6).eval()
    x = frames(12)
    before = network(x)
    for part, columns in STREAMS.items():
        changed = x.clone()
        changed[:, :, list(columns)] += 1
        after = network(changed)
        same = [torch.allclose(a, b) for a, b in zip(before.streams, after.streams, strict=True)]
        assert same == [name != part for name in STREAMS]
        assert not torch.allclose(before.joined, after.joined)
