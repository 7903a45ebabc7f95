"""Actors of Ray: what they have loaded stays, who dies is replaced, a node that joins takes part."""

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from skeletor.support.errors import InputError
from skeletor.support.signals import Ended as EndedBySignal
from skeletor.support.signals import ending_by_signals
from slt.shards import on_ray
from slt.shards.engines import ATTEMPTS
from slt.shards.on_ray import Ray
from tests.slt.shards.jobs import deadly, meeting, telling


@pytest.fixture(name="grown")
def _grown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of one node with one core, which may grow; tests and their workers find the same modules."""
    pytest.importorskip("ray")
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


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "a..b:12", "nowhere"])
def test_where_no_cluster_is_that_is_one_line(address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(InputError, match=f"--address {address}: no Ray cluster there"):
        list(Ray(address, 1).run(partial(telling, "x"), [0]))


class Taking:
    """Ray as far as signals go: it takes SIGTERM for itself, and makes an exit of its own of what is raised."""

    exceptions = SimpleNamespace(RayError=OSError)

    def __init__(self, told: int | None) -> None:
        self.told, self.downs = told, 0

    def init(self, **options: object) -> None:
        def end(number: int, frame: FrameType | None) -> None:
            sys.exit(number)

        signal.signal(signal.SIGTERM, end)
        if self.told is not None:
            os.kill(os.getpid(), self.told)

    def shutdown(self) -> None:
        self.downs += 1


def test_ray_does_not_keep_the_signal_that_ends_the_command() -> None:
    with ending_by_signals():
        before = signal.getsignal(signal.SIGTERM)
        on_ray._connect(Taking(None), None, 1)
        assert signal.getsignal(signal.SIGTERM) is before
        with pytest.raises(EndedBySignal) as end:
            on_ray._connect(Taking(signal.SIGTERM), None, 1)
        assert end.value.code == 143 and signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_ended_while_ray_works_ends_as_any_other(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = Taking(None)

    def waiting(*given: object) -> object:
        try:
            os.kill(os.getpid(), number)
        except SystemExit:
            sys.exit(1)  # as Ray's wait does
        raise AssertionError

    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(on_ray, "_RayCluster", waiting)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where tests run in the background
    try:
        with ending_by_signals(), pytest.raises(EndedBySignal) as end:
            list(Ray(None, 1).run(partial(telling, "x"), [0]))
    finally:
        signal.signal(signal.SIGINT, before)
    assert end.value.code == 128 + number and ray.downs == 1


def test_a_cluster_that_is_only_half_up_is_taken_down(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Taking(signal.SIGTERM)
    monkeypatch.setitem(sys.modules, "ray", ray)
    with ending_by_signals(), pytest.raises(EndedBySignal):
        list(Ray(None, 1).run(partial(telling, "x"), [0]))
    assert ray.downs == 1


def test_an_address_that_can_be_none_is_one_line() -> None:
    with pytest.raises(InputError, match=r"--address a\.\.b:12: no Ray cluster there"):
        on_ray._knock("a..b:12")
