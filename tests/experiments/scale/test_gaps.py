"""Where the time of small shards goes, by hand-made times."""

import pytest

from experiments.scale.gaps import gaps_of


def test_times_within_and_between_shards_are_of_each_process() -> None:
    told = [(7, 5, 10.0, 11.0, 0.5), (7, 5, 11.5, 12.0, 0.1), (9, 5, 10.0, 13.0, 1.5), (7, 5, 12.5, 13.5, 0.2)]
    found = gaps_of("lift", "a way", told)
    assert (found.shards, found.processes, found.niceness) == (4, 2, 5)
    assert found.a_shard == pytest.approx(3.5 / 4) and found.own == pytest.approx(1.0)
    assert found.cpu == pytest.approx(0.35) and found.first == pytest.approx(1.0)
    assert found.between == pytest.approx(0.5)
    assert gaps_of("lift", "a way", told[:1]).between == 0.0
