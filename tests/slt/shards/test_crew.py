"""Workers that come and go, on a cluster that is played: each shard ends once, whatever dies, joins or fills up."""

import random
from collections import Counter
from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.shards.crew import Crew, Done, Event, Lost, Up
from slt.shards.engines import ATTEMPTS, Ended


class Played:
    """Nodes with cores, on which workers come up where there is room. It checks what the crew may not do.

    deadly: shards that end their worker each time. full: nodes whose disk is full. bad: nodes on which none comes up.
    joins: nodes that join, one at each event that `chance` lets it. deaths: how many workers and nodes die besides.
    """

    def __init__(
        self,
        nodes: dict[str, int],
        chance: random.Random,
        deadly: Collection[int] = (),
        full: Collection[str] = (),
        bad: Collection[str] = (),
        joins: dict[str, int] | None = None,
        deaths: int = 0,
    ) -> None:
        self.alive, self.chance, self.deadly, self.full, self.bad = dict(nodes), chance, deadly, full, bad
        self.joins, self.deaths = dict(joins or {}), deaths
        self.hired = 0
        self.coming, self.up, self.busy = set[int](), dict[int, str](), dict[int, int]()
        self.lost: list[int] = []  # workers of which it is still to be told
        self.told_full: set[str] = set()
        self.did: list[tuple[int, str]] = []
        self.most_up = self.most_there = self.idle = 0

    def cores(self) -> int:
        return sum(self.alive.values())

    def nodes(self) -> list[str]:
        return [name for name, cores in self.alive.items() if cores]

    def hire(self) -> int:
        self.hired += 1
        self.coming.add(self.hired)
        self.most_there = max(self.most_there, len(self.coming) + len(self.up))
        return self.hired

    def dismiss(self, worker: int) -> None:
        assert worker not in self.busy
        self.coming.discard(worker)
        self.up.pop(worker, None)

    def give(self, worker: int, shard: int) -> None:
        assert worker not in self.busy
        self.busy[worker] = shard
        if worker in self.up:
            node = self.up[worker]
            others = [name for name in self.nodes() if name not in self.told_full]
            assert node not in self.told_full or not others, "a node with a full disk"
            self.did.append((shard, node))

    def event(self) -> Event | None:
        if self.joins and self.chance.random() < 0.2:
            name = next(iter(self.joins))
            self.alive[name] = self.joins.pop(name)
        if self.deaths and self.up and self.chance.random() < 0.2:
            self.deaths -= 1
            self.die()
        ways = [self.finish] * bool(self.working()) + [self.rise] * bool(self.free() and self.coming)
        ways += [self.tell] * bool(self.lost)
        self.idle = 0 if ways else self.idle + 1
        assert self.idle < 100, "nothing can happen any more"
        return self.chance.choice(ways)() if ways else None

    def die(self) -> None:
        """A worker, or a node if another has cores: those who are lost are told later, with or without a shard."""
        node = self.chance.choice(sorted(self.alive))
        whole = self.cores() > self.alive[node] and self.chance.random() < 0.5
        gone = [worker for worker, place in self.up.items() if place == node] if whole else [min(self.up)]
        if whole:
            del self.alive[node]
        for worker in gone:
            del self.up[worker]
            self.lost.append(worker)

    def working(self) -> list[int]:
        return sorted(worker for worker in self.busy if worker in self.up)

    def free(self) -> list[str]:
        taken = Counter(self.up.values())
        return sorted(name for name, cores in self.alive.items() if taken[name] < cores)

    def rise(self) -> Event:
        worker = self.chance.choice(sorted(self.coming))
        self.coming.discard(worker)
        node = self.chance.choice(self.free())
        if node in self.bad:
            return Lost(worker, "no such module")
        self.up[worker] = node
        self.most_up = max(self.most_up, len(self.up))
        return Up(worker, node)

    def tell(self) -> Event | None:
        worker = self.lost.pop(0)
        if worker not in self.busy:  # Ray tells of an idle one when it is handed a shard
            self.lost.append(worker)
            return None
        del self.busy[worker]
        return Lost(worker, "killed")

    def finish(self) -> Event:
        worker = self.chance.choice(self.working())
        shard, node = self.busy.pop(worker), self.up[worker]
        if shard in self.deadly:
            del self.up[worker]
            return Lost(worker, "killed")
        if node in self.full:
            if [name for name in self.nodes() if name != node and name not in self.told_full]:
                self.told_full.add(node)
            return Done(worker, Ended(shard, "full", full=True, refused=True))
        return Done(worker, Ended(shard))


def results(cluster: Played, count: int, most: int | None = None) -> dict[int, Ended]:
    ended = list(Crew(cluster, most).work_off(range(count)))
    assert sorted(one.shard for one in ended) == list(range(count)), "each shard ends once"
    assert not cluster.busy and not cluster.coming, "nobody is asked for in vain"
    return {one.shard: one for one in ended}


@settings(max_examples=150, deadline=None)
@given(
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
    st.integers(1, 30),
    st.none() | st.integers(1, 6),
    st.integers(0, 6),
    st.sets(st.integers(0, 29), max_size=2),
    st.sets(st.sampled_from("abcd"), max_size=2),
)
def test_whatever_dies_joins_or_fills_up_each_shard_ends_once(
    chance: random.Random, cores: list[int], count: int, most: int | None, deaths: int, deadly: set[int], full: set[str]
) -> None:
    nodes = {"a": 1} | dict(zip("bcd", cores, strict=False))
    cluster = Played(nodes, chance, deadly, full, joins={"e": 2}, deaths=deaths)
    ended = results(cluster, count, most)
    for shard, one in ended.items():
        if shard in deadly:
            assert one.error is not None
        else:
            assert one.error is None or one.full, "six deaths are fewer than a shard is given"
    if not full:
        assert most is None or cluster.most_up <= most
    if not {"a", "e"} & full and deaths == 0:
        assert all(one.error is None for shard, one in ended.items() if shard not in deadly), "others have room"


def test_a_shard_that_ends_its_worker_each_time_is_told_and_tried_so_often() -> None:
    cluster = Played({"a": 2}, random.Random(1), deadly=[3])
    ended = results(cluster, 6)
    assert str(ended[3].error) == f"its worker died {ATTEMPTS} times: killed"
    assert sum(shard == 3 for shard, _ in cluster.did) == ATTEMPTS
    assert all(one.error is None for shard, one in ended.items() if shard != 3)


def test_a_cluster_that_grows_is_used_and_has_a_reason_to_grow() -> None:
    cluster = Played({"a": 1}, random.Random(2), joins={"b": 1, "c": 4})
    results(cluster, 200)
    assert cluster.most_up == 6 and {node for _, node in cluster.did} == {"a", "b", "c"}
    assert 6 < cluster.most_there <= 12, "as many again as there is room for"
    bound = Played({"a": 1}, random.Random(2), joins={"b": 1, "c": 4})
    results(bound, 200, most=3)
    assert bound.most_up == 3


def test_no_more_workers_are_asked_for_than_there_are_shards() -> None:
    cluster = Played({"a": 40}, random.Random(3))
    results(cluster, 5)
    assert cluster.hired == 5
    alone = Played({"a": 1}, random.Random(3))
    results(alone, 1)
    assert alone.hired == 1, "no node is to come up for a shard that is in work"


def test_if_every_disk_is_full_that_is_told_and_comes_to_an_end() -> None:
    cluster = Played({"head": 0, "a": 1, "b": 1}, random.Random(4), full=["a", "b"])
    ended = results(cluster, 6)
    assert all(one.full and one.refused for one in ended.values())


def test_a_node_with_a_full_disk_keeps_its_workers_and_gets_no_more_shards() -> None:
    cluster = Played({"a": 2, "b": 1}, random.Random(5), full=["a"])
    ended = results(cluster, 20)
    assert all(one.error is None for one in ended.values())
    assert sum(node == "a" for _, node in cluster.did) <= 2


@pytest.mark.parametrize("most", [None, 2])
def test_if_no_worker_comes_up_every_shard_is_told_why(most: int | None) -> None:
    cluster = Played({"a": 2}, random.Random(6), bad=["a"])
    ended = results(cluster, 4, most)
    assert {str(one.error) for one in ended.values()} == {f"no worker came up in {ATTEMPTS} tries: no such module"}
    assert not cluster.did


def test_a_node_on_which_none_comes_up_is_not_tried_for_ever() -> None:
    cluster = Played({"a": 1, "bad": 1}, random.Random(7), bad=["bad"])
    ended = results(cluster, 100)
    assert all(one.error is None for one in ended.values()) and cluster.hired <= 2 * ATTEMPTS


class Taken(Played):
    """A cluster whose cores are others' at first."""

    waits = 5

    def event(self) -> Event | None:
        self.waits -= 1
        return None if self.waits >= 0 else super().event()


def test_a_cluster_without_room_is_waited_for_and_that_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    ended = results(Taken({"a": 2}, random.Random(8)), 3)
    assert all(one.error is None for one in ended.values())
    assert [r.getMessage() for r in caplog.records] == [
        "no worker has come up yet: the cluster has 2 cores, and none is free; 3 shards wait for one"
    ]
    caplog.clear()
    results(Played({"a": 2}, random.Random(8)), 3)
    assert not caplog.records
