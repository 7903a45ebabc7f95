"""Workers that come and go: each is handed a shard at a time, and who has died is replaced.

A worker that is asked for comes up when there is room for it: at once, when a cluster has grown, or never. It keeps
what it has loaded from shard to shard.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from skeletor.support.progress import log
from slt.shards.engines import ATTEMPTS, Ended

_PATIENCE = 2  # times in a row that nothing happened and nobody works, after which that is told


@dataclass(frozen=True)
class Up:
    """A worker has come up on a node."""

    worker: int
    node: str


@dataclass(frozen=True)
class Done:
    """A worker came to the end of its shard."""

    worker: int
    ended: Ended


@dataclass(frozen=True)
class Lost:
    """A worker has died, or could not come up. why: one line."""

    worker: int
    why: str


Event = Up | Done | Lost


class Cluster(Protocol):
    """Where workers are."""

    def cores(self) -> int:
        """Of all nodes that are up now."""
        ...

    def nodes(self) -> Collection[str]:
        """Those that are up now and have cores."""
        ...

    def hire(self) -> int:
        """Ask for one more worker; gives its number. `Up` or `Lost` tells what became of it, if anything does."""
        ...

    def dismiss(self, worker: int) -> None:
        """A worker that has come up and has no shard, or one that is not up yet: nothing more is heard of it."""
        ...

    def give(self, worker: int, shard: int) -> None:
        """Hand a shard to a worker that has none. `Done` or `Lost` tells what became of it."""
        ...

    def event(self) -> Event | None:
        """What happens next; None if nothing has for some seconds."""
        ...


@dataclass(frozen=True)
class Crew:
    """Works shards off on a cluster. most: workers at a time; None is what it has room for, and it is asked for as many
    again, so that a cluster that can grow has a reason to, and one that has grown is used.

    A shard whose worker dies is tried again, `ATTEMPTS` times in all. A node whose disk is full gets no more of them,
    as long as there is another: its workers are idle from then on, which keeps new ones off its cores.
    """

    cluster: Cluster
    most: int | None

    def work_off(self, shards: Sequence[int]) -> Iterator[Ended]:
        """Every shard once, as it ends."""
        state = _State(self.cluster, self.most, deque(shards))
        quiet = 0
        while state.waiting or state.busy:
            if not state.staff():
                yield from state.give_up()
                continue
            event = self.cluster.event()
            quiet = 0 if event or state.busy else quiet + 1
            if quiet == _PATIENCE:
                log.warning(
                    "no worker has come up yet: the cluster has %d cores, and none is free; %d shards wait for one",
                    self.cluster.cores(), len(state.waiting),
                )  # fmt: skip
            ended = None if event is None else state.note(event)
            if ended is not None:
                yield ended


class _State:
    """Who is there and who does what. busy: shard by worker."""

    def __init__(self, cluster: Cluster, most: int | None, waiting: deque[int]) -> None:
        self.waiting, self.busy = waiting, dict[int, int]()
        self._cluster, self._most = cluster, most
        self._coming, self._node = set[int](), dict[int, str]()
        self._full, self._deaths = set[str](), Counter[int]()
        self._room, self._failures, self._why = self._asked(), 0, ""

    def staff(self) -> bool:
        """Hand out shards, and ask for as many workers as can be used. False if none is to be had."""
        usable = self._usable()
        for worker in usable:
            if self.waiting and worker not in self.busy:
                self.busy[worker] = self.waiting.popleft()
                self._cluster.give(worker, self.busy[worker])
        want = max(0, min(len(self.waiting), self._room - len(usable)))
        while len(self._coming) > want:
            self._cluster.dismiss(self._coming.pop())
        if not self.waiting:
            for worker in [worker for worker in self._node if worker not in self.busy]:
                self._leave(worker)
        while len(self._coming) < want and self._failures < ATTEMPTS:
            self._coming.add(self._cluster.hire())
        return not self.waiting or bool(self._coming or self.busy)

    def note(self, event: Event) -> Ended | None:
        """What has happened; a shard that has come to its end, if one has."""
        if isinstance(event, Done):
            return self._done(event)
        if event.worker in self._coming:
            self._coming.discard(event.worker)
            self._failures += 1
        else:
            self._failures = 0  # it is replaced
        if isinstance(event, Up):
            self._node[event.worker], self._failures = event.node, 0
        else:
            self._node.pop(event.worker, None)
            self._why = event.why
        self._room = self._asked()
        return self._died(event) if isinstance(event, Lost) and event.worker in self.busy else None

    def give_up(self) -> Iterator[Ended]:
        """What is left, when no worker comes up."""
        while self.waiting:
            yield Ended(self.waiting.popleft(), f"no worker came up in {ATTEMPTS} tries: {self._why}")

    def _done(self, event: Done) -> Ended | None:
        shard, node = self.busy.pop(event.worker), self._node[event.worker]
        if event.ended.full and self._others(node):
            self._full.add(node)
            self.waiting.append(shard)
            return None
        return event.ended

    def _died(self, event: Lost) -> Ended | None:
        shard = self.busy.pop(event.worker)
        self._deaths[shard] += 1
        if self._deaths[shard] >= ATTEMPTS:
            return Ended(shard, f"its worker died {ATTEMPTS} times: {event.why}")
        self.waiting.appendleft(shard)
        return None

    def _usable(self) -> list[int]:
        if not self._full or not self._others():
            return list(self._node)
        return [worker for worker, node in self._node.items() if node not in self._full]

    def _others(self, node: str = "") -> list[str]:
        """Nodes whose disk is not known to be full, without `node`."""
        return [other for other in self._cluster.nodes() if other != node and other not in self._full]

    def _leave(self, worker: int) -> None:
        del self._node[worker]
        self._cluster.dismiss(worker)

    def _asked(self) -> int:
        twice = 2 * max(1, self._cluster.cores())
        return twice if self._most is None else min(self._most, twice)
