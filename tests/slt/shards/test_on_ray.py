"""Actors of Ray: what they have loaded stays, who dies is replaced, a node that joins takes part."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from skeletor.support.errors import InputError
from slt.shards.engines import ATTEMPTS
from slt.shards.on_ray import Ray
from tests.slt.shards.jobs import deadly, meeting, telling

pytest.importorskip("ray")


@pytest.fixture(name="grown")
def _grown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of one node with one core, which may grow; tests and their workers find the same modules."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    )
    cluster = Cluster(True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
    yield cluster
    cluster.shutdown()


def test_a_worker_is_one_process_for_all_its_shards_and_who_dies_is_replaced(tmp_path: Path, grown: Any) -> None:
    engine = Ray(grown.address, 2)
    ended = {one.shard: one.error for one in engine.run(partial(telling, str(tmp_path)), range(12))}
    assert ended == dict.fromkeys(range(12))
    assert len({path.suffix for path in tmp_path.iterdir()}) == 1, "one core, one process"
    ended = {one.shard: one.error for one in engine.run(partial(deadly, str(tmp_path)), range(5))}
    assert f"its worker died {ATTEMPTS} times" in str(ended[2]) and ended[3] == "three: no good"
    assert [ended[k] for k in (0, 1, 4)] == [None] * 3
    assert sorted(path.stem for path in tmp_path.glob("*.done")) == ["0", "1", "4"]


def test_a_node_that_joins_takes_part(tmp_path: Path, grown: Any) -> None:
    ended = []
    for one in Ray(grown.address).run(partial(meeting, str(tmp_path)), range(3)):
        if not ended:
            grown.add_node(num_cpus=1, object_store_memory=80_000_000)
        ended.append(one)
    assert sorted((one.shard, one.error) for one in ended) == [(k, None) for k in range(3)]


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9"])
def test_where_no_cluster_is_that_is_one_line(address: str) -> None:
    with pytest.raises(InputError, match=f"--address {address}: no Ray cluster there"):
        list(Ray(address, 1).run(partial(telling, "x"), [0]))
