"""What the engine of Ray is compared with: a plain Ray task for each shard, without actors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from slt.shards.engines import ATTEMPTS, Ended, Job, attempt


@dataclass(frozen=True)
class PlainRay:
    """As many tasks at a time as are handed out. Ray keeps its worker processes, and tries again what dies."""

    address: str
    handed_out: int

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `slt.shards.engines.Engine`."""
        import ray

        ray.init(address=self.address, log_to_driver=False)
        try:
            remote = ray.remote(num_cpus=1, max_retries=ATTEMPTS)(attempt)
            waiting, running = deque(shards), list[Any]()
            while waiting or running:
                while waiting and len(running) < self.handed_out:
                    running.append(remote.remote(job, waiting.popleft()))
                (done,), running = ray.wait(running, num_returns=1)
                yield ray.get(done)
        finally:
            ray.shutdown()
