"""Ray: actors, each with a core and what it has loaded, here or on a cluster by its address."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from skeletor.support.errors import InputError, MissingDependency, one_line
from skeletor.support.signals import Ended as EndedBySignal
from skeletor.support.signals import raise_end_behind
from slt.shards.crew import Crew, Done, Event, Lost, Up
from slt.shards.engines import Ended, Job, attempt

_PATIENCE = 5.0  # seconds after which the nodes are looked at again
_LINE = 200  # characters of what Ray says of a death


@dataclass(frozen=True)
class Ray:
    """Ray actors, here or on a cluster by its address; each keeps what it loaded. workers: actors at a time; None is as
    many as there are cores, and on a cluster as many as it grows to.

    No more shards are handed out than there are actors. No usage statistics are sent.
    """

    address: str | None = None
    workers: int | None = None

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `Engine`."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Ray's own is 15: beside any other work its processes would hardly run. Of a cluster here alone.
        os.environ.setdefault("RAY_worker_niceness", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingDependency("--executor ray needs ray: pip install 'skeletor-slt[ray]'") from error
        try:
            _connect(ray, self.address, self.workers)
            cluster = _RayCluster(ray, job)
            most = self.workers if self.address else cluster.cores()  # one that was begun here does not grow
            yield from Crew(cluster, most).work_off(shards)
        except SystemExit as end:
            raise_end_behind(end)  # while it waits Ray makes an exit of its own, with code 1, of what a signal raised
            raise
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None, cores: int | None) -> None:
    """To the cluster; without an address to one of its own, even where another cluster runs.

    InputError if there is none, or one that cannot be worked with (of another version of Ray, say).
    """
    if address is not None:
        _knock(address)
    try:
        with _own_sigterm():
            ray.init(address=address or "local", num_cpus=None if address else cores, include_dashboard=False,
                     ignore_reinit_error=True, log_to_driver=False, logging_level=logging.WARNING)  # fmt: skip
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        line = one_line(error, _LINE)
        if address is None:
            raise InputError(f"--executor ray: no cluster comes up here ({line})") from error
        token = "one that asks for a token lets in who has RAY_AUTH_MODE=token set"
        raise InputError(f"--address {address}: no Ray cluster there ({line}); {token}") from error


def _knock(address: str) -> None:
    """InputError if nobody is at an address with a port: Ray itself would go on asking for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, ValueError) as error:  # a ValueError: no name of a host can be like that
        raise InputError(f"--address {address}: no Ray cluster there ({one_line(error)})") from error


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """In the block Ray puts a handler of its own in the place of this process's, which would end it with another exit
    code for as long as it lives. It is put back; `Ended` if SIGTERM came meanwhile."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as end:
        if end.code != signal.SIGTERM:
            raise
        raise EndedBySignal(signal.SIGTERM) from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


class ShardWorker:
    """The actor."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def node(self) -> str:
        """Where it has come up."""
        import ray

        name: str = ray.get_runtime_context().get_node_id()
        return name

    def do(self, shard: int) -> Ended:
        """The job for a shard."""
        return attempt(self._job, shard)


class _RayCluster:
    """See `slt.shards.crew.Cluster`. One that dies is not started again by Ray: the crew asks for another."""

    def __init__(self, ray: Any, job: Job) -> None:
        self._ray = ray
        self._new = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(ShardWorker)
        self._job = ray.put(job)  # once, however many workers there are
        self._actors, self._hired = dict[int, Any](), 0
        self._heard = dict[Any, tuple[int, int | None]]()  # reference -> worker, and shard if it has one

    def cores(self) -> int:
        """See `Cluster`."""
        return int(self._ray.cluster_resources().get("CPU", 0))

    def nodes(self) -> list[str]:
        """See `Cluster`."""
        return [node["NodeID"] for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]

    def hire(self) -> int:
        """See `Cluster`."""
        self._hired += 1
        self._actors[self._hired] = self._new.remote(self._job)
        self._heard[self._actors[self._hired].node.remote()] = self._hired, None
        return self._hired

    def dismiss(self, worker: int) -> None:
        """See `Cluster`."""
        self._heard = {reference: who for reference, who in self._heard.items() if who[0] != worker}
        self._ray.kill(self._actors.pop(worker))

    def give(self, worker: int, shard: int) -> None:
        """See `Cluster`."""
        self._heard[self._actors[worker].do.remote(shard)] = worker, shard

    def event(self) -> Event | None:
        """See `Cluster`."""
        told, _ = self._ray.wait(list(self._heard), num_returns=1, timeout=_PATIENCE)
        if not told:
            return None
        worker, shard = self._heard.pop(told[0])
        try:
            value = self._ray.get(told[0])
        except self._ray.exceptions.RayError as error:
            if shard is not None and isinstance(error, self._ray.exceptions.RayTaskError):
                return Done(worker, Ended(shard, one_line(error, _LINE)))  # it lives
            self.dismiss(worker)
            return Lost(worker, one_line(error, _LINE))
        return Up(worker, value) if shard is None else Done(worker, value)
