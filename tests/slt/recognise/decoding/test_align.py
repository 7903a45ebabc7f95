"""The best alignment of a reading: against every path."""

from itertools import product

import numpy as np
import pytest

from slt.recognise.decoding.align import align
from tests.slt.recognise.decoding.test_decode import drawn, spelled


@pytest.mark.parametrize("ids", [(1,), (1, 2), (2, 2), (1, 2, 1)])
def test_it_is_the_best_of_all_paths(ids: tuple[int, ...]) -> None:
    for seed in range(20):
        log_probs = drawn(seed, steps=6)
        paths = [path for path in product(range(3), repeat=6) if spelled(path) == ids]
        best = max(paths, key=lambda path: sum(log_probs[t, k] for t, k in enumerate(path)))
        found = align(log_probs, ids)
        path = np.zeros(6, int)
        for (start, stop, _), gloss in zip(found, ids, strict=True):
            path[start:stop] = gloss
        assert tuple(path) == best
        for (start, stop, confidence), gloss in zip(found, ids, strict=True):
            assert confidence == pytest.approx(np.exp(log_probs[start:stop, gloss]).mean())


def test_nothing_read_and_too_few_steps_have_no_spans() -> None:
    assert align(drawn(0), ()) == [] and align(drawn(0, steps=2), (1, 1)) == []
    assert align(drawn(0, steps=1), (2,))[0][:2] == (0, 1)
