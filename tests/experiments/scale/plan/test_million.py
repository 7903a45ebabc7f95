"""A dry run of a few shards, and the rates that need no picture."""

from pathlib import Path

import pytest

from experiments.scale.plan.million import listed_and_scheduled
from experiments.scale.plan.rates import handing, hashing, packed_size
from slt.shards.engines import slices

pytestmark = pytest.mark.usefixtures("forked_workers")


def test_all_shards_are_listed_and_shared_out(tmp_path: Path) -> None:
    found = listed_and_scheduled(tmp_path / "plan", 3000, 7)
    assert (found.shards, found.tasks) == (3000, 7) and not (tmp_path / "plan").exists()
    assert found.listed > 0 and found.scheduled > 0 and found.plan_bytes > 3000 * 40


def test_tasks_share_shards_out_evenly_and_none_is_left_over() -> None:
    groups = slices(range(10), 4)
    assert sorted(shard for group in groups for shard in group) == list(range(10))
    assert [len(group) for group in groups] == [3, 3, 2, 2] and len(slices(range(2), 4)) == 2


def test_rates_without_pictures(tmp_path: Path) -> None:
    assert 300 < packed_size(tmp_path, 500) < 400
    assert hashing(tmp_path) > 1e6
    assert handing(3) > 0
