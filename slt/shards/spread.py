"""Stages of a run by an engine: what `slt run --executor` hands to the pipeline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from skeletor.support.progress import log, progress, span
from slt.shards.engines import LOG_SECONDS, Engine, one_thread


@dataclass(frozen=True)
class EngineSpread:
    """See `slt.pipeline.mapping.Spread`. Workers stand in the folder in which this process stands."""

    engine: Engine

    def __call__(self, job: Callable[[int], None], count: int, what: str) -> None:
        """Run the job for each number below `count`; what fails is told, and left. How many there were is logged."""
        one_thread()
        begin, lost = time.monotonic(), 0
        ended = self.engine.run(partial(there, os.getcwd(), job), range(count))
        for one in progress(ended, what, total=count, unit="shard", log_every=LOG_SECONDS):
            if one.error is not None:
                lost += 1
                log.warning("%s: a shard is left to this machine: %s", what, one.error)
        log.info("%s: %d shards: %d made, %d lost; %s", what, count, count - lost, lost, span(time.monotonic() - begin))


def there(folder: str, job: Callable[[int], None], number: int) -> None:
    """The job, in that folder: paths that are not absolute mean what they mean here."""
    os.chdir(folder)
    job(number)
