"""The engines that are tried: processes of this machine, submitit without Slurm, a Ray cluster of two nodes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skeletor.support.errors import InputError, one_line
from skeletor.support.progress import log
from slt.shards.engines import Engine, Local, Slurm
from slt.shards.on_ray import Ray

Name = Literal["local", "slurm", "ray"]
LABELS = {"local": "local", "slurm": "slurm (submitit, cluster=local)", "ray": "ray, two nodes"}
_NEEDS = {"slurm": "submitit", "ray": "ray"}
_TRIES = 5
_STORE = 80_000_000  # bytes of each Ray node's object store; shards do not use it


@dataclass
class Nodes:
    """A Ray cluster on this machine: a head that does no work, and two nodes of one CPU each."""

    cluster: Any
    nodes: list[Any]

    def kill(self, name: str) -> None:
        """Kill one of them outright, with its workers.

        Ray takes it for alive for some minutes yet, and what it hands to it waits so long: what is measured needs a
        cluster in which none was killed.
        """
        (node,) = (node for node in self.nodes if node.node_id == name)
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)


@contextmanager
def ray_nodes(wanted: bool, niceness: int = 0) -> Iterator[Nodes | None]:
    """The cluster, for the block; None if it is not wanted. niceness: of its workers, beside that of this process."""
    if not wanted:
        yield None
        return
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": f"{niceness}"}
    nodes = _started()
    try:
        yield nodes
    finally:
        nodes.cluster.shutdown()


def _started() -> Nodes:
    """Ray gives a node half a minute to come up, which does not do where other work goes on: it is tried again.

    Nor are workers killed because others fill the memory: what goes wrong is to be what the trial says.
    """
    from ray.cluster_utils import Cluster

    head: dict[str, Any] = {"num_cpus": 0, "object_store_memory": _STORE, "include_dashboard": False,
            "_system_config": {"health_check_failure_threshold": 60, "memory_monitor_refresh_ms": 0}}  # fmt: skip
    for left in reversed(range(_TRIES)):
        cluster = Cluster()
        try:
            cluster.add_node(**head)
            return Nodes(cluster, [cluster.add_node(num_cpus=1, object_store_memory=_STORE) for _ in range(2)])
        except Exception as error:
            cluster.shutdown()
            if not left:
                raise InputError(f"no Ray cluster comes up here: {one_line(error)}") from error
    raise AssertionError


def installed(name: Name) -> bool:
    """Whether an engine can be tried here; told if not."""
    there = name not in _NEEDS or importlib.util.find_spec(_NEEDS[name]) is not None
    if not there:
        log.warning("%s is not installed: left out", _NEEDS[name])
    return there


def engine(name: Name, workers: int, logs: Path, nodes: Nodes | None) -> Engine:
    """An engine by its name. logs: folder of submitit's."""
    if name == "local":
        return Local(workers)
    if name == "slurm":
        return Slurm(logs, workers, "local")
    assert nodes is not None
    return Ray(nodes.cluster.address, workers)
