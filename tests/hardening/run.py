"""Run the suites and print their table.

python -m tests.hardening [--share 1.0] [--seed 1] [--suite NAME ...] [--work DIR] [--model DIR] [--workers 2] [--page]
"""

from __future__ import annotations

import argparse
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.hardening import report
from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.children import ROOT, Server
from tests.hardening.made.models import trained_model
from tests.hardening.suites import (
    batch,
    content,
    disk,
    hostile,
    imports,
    key_points,
    kill,
    many,
    pull,
    twice,
    video,
)
from tests.hardening.suites.serve import bad_uploads, cancelling, crowd, oversized, traversal

_MODULES = (
    video, content, key_points, imports, hostile, pull, kill, disk, batch, twice, many,
    bad_uploads, traversal, crowd, cancelling, oversized,
)  # fmt: skip
SUITES: tuple[Suite, ...] = tuple(module.suite() for module in _MODULES)
SHARED = ROOT.parent / "shared"


@dataclass
class Result:
    """What came of a suite."""

    suite: Suite
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0  # seconds of all processes that have ended

    @property
    def tried(self) -> list[Outcome]:
        """All but the skipped ones."""
        return [outcome for outcome in self.outcomes if not outcome.skipped]

    @property
    def failed(self) -> list[Outcome]:
        """Those with something wrong."""
        return [outcome for outcome in self.tried if outcome.reason]


class Servers:
    """One server for each thread that asks."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._all: list[Server] = []

    def __call__(self) -> Server:
        """The server of this thread."""
        if not hasattr(self._local, "server"):
            self._local.server = Server()
            self._all.append(self._local.server)
        server: Server = self._local.server
        return server

    def close(self) -> None:
        """End them all."""
        for server in self._all:
            server.close()
        self._all, self._local = [], threading.local()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0 if nothing failed, else 1."""
    parser = argparse.ArgumentParser("python -m tests.hardening", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the cases, above 0 up to 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--suite", nargs="+", choices=[s.name for s in SUITES], help="default: all")
    parser.add_argument("--work", type=Path, default=Path("runs/hardening"), help="inputs of failed cases stay there")
    parser.add_argument(
        "--model", type=Path, help="folder of a trained model; default: the newest, or a tiny one is made"
    )
    parser.add_argument("--workers", type=int, default=2, help="cases at a time")
    parser.add_argument("--no-results", action="store_true", help="only print, keep no report in runs/hardening")
    about = "run nothing: write the table of what was run last of each suite into tests/hardening/README.md"
    parser.add_argument("--page", action="store_true", help=about)
    args = parser.parse_args(argv)
    if args.page:
        report.write_page()
        return 0
    if not 0 < args.share <= 1:
        parser.error("--share must be above 0, up to 1")
    chosen = [suite for suite in SUITES if not args.suite or suite.name in args.suite]
    results = run_suites(chosen, args.work, args.share, args.seed, args.model, args.workers, print_progress)
    print(report.table(results))
    if not args.no_results:
        report.write(results, args.share, args.seed, [suite.name for suite in SUITES])
    return 1 if any(result.failed for result in results) else 0


def print_progress(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def run_suites(
    suites: Sequence[Suite],
    work: Path,
    share: float = 1.0,
    seed: int = 1,
    model: Path | None = None,
    workers: int = 2,
    say: Callable[[str], None] = print_progress,
) -> list[Result]:
    """Run suites one after the other."""
    servers, results = Servers(), []
    try:
        for suite in suites:
            folder = work.resolve() / suite.name.replace(" ", "_")
            folder.mkdir(parents=True, exist_ok=True)
            made = partial(trained_model, model, work.resolve() / "model", servers)
            context = Context(folder, share, seed, servers, made, SHARED)
            result, begin, spent = Result(suite), time.monotonic(), _cpu()
            for outcome in run_cases(suite.cases(context), workers if suite.parallel else 1):
                result.outcomes.append(outcome)
                if outcome.reason and len(result.failed) <= 40:
                    say(f"{suite.name}: {outcome.case}: {'skipped: ' * outcome.skipped}{outcome.reason}")
            servers.close()  # only then is their CPU time known; and their memory is free
            result.seconds, result.cpu = time.monotonic() - begin, _cpu() - spent
            took = f"{result.seconds:.0f} s, {result.cpu:.0f} s of CPU time"
            say(f"{suite.name}: {len(result.failed)} of {len(result.tried)} cases failed, {took}")
            results.append(result)
    finally:
        servers.close()
    return results


def _cpu() -> float:
    """CPU seconds of this process, and of all that it, or they, have waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def run_cases(cases: Iterator[Case], workers: int) -> Iterable[Outcome]:
    """Outcomes of all cases in their order; as many at a time as there are workers."""
    outcomes: dict[int, list[Outcome]] = {}
    numbered = enumerate(cases)
    lock = threading.Lock()
    broken: list[BaseException] = []

    def work() -> None:
        while not broken:
            with lock:
                try:
                    number, case = next(numbered)
                except StopIteration:
                    return
                except BaseException as error:  # the maker of the cases; told by the thread that waits
                    broken.append(error)
                    return
            outcomes[number] = _try(case)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return [outcome for number in sorted(outcomes) for outcome in outcomes[number]]


def _try(case: Case) -> list[Outcome]:
    """A case's outcomes; an error of the harness itself is a failed case."""
    try:
        return list(case.run())
    except Exception as error:
        return [Outcome(case.name, f"harness: {type(error).__name__}: {' '.join(str(error).split())}")]
