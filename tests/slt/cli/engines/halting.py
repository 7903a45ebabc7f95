"""A command whose engine stands still in its midst. In a module that imports little: a process of its own loads it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from slt.cli import stages
from slt.cli.engines import command
from slt.shards.engines import Ended


class Halting:
    """Does two shards, and stands still."""

    def run(self, job: Callable[[int], None], shards: Any) -> Iterator[Ended]:
        for shard in list(shards)[:2]:
            job(shard)
            yield Ended(shard)
        Path("halting").touch()
        threading.Event().wait(600)


if __name__ == "__main__":
    command.make_engine = lambda *args: Halting()  # type: ignore[assignment]
    stages.main("lift", sys.argv[1:], "")
