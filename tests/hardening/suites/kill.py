"""Ends at random moments: kill -9, SIGTERM, Ctrl-C. The next run goes on, to the bytes of undisturbed work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.children import Finished, Running, Setup
from tests.hardening.endings import contents, lacking, partial_files, temporary_files, wrong_ending
from tests.hardening.made import jobs
from tests.hardening.made.jobs import OUT, Job
from tests.hardening.made.models import speaking_model
from tests.hardening.server import begin_anew
from tests.hardening.warm import fork_workers

CHAIN = 8  # kills in one folder, before the work is let alone
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_LOADING = 4.0  # seconds in which a real process imports what it needs, and begins to work
_CODES = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
_STARTING = 0.3  # seconds in which a command may not have begun to look after signals
_PATIENCE = 180.0  # seconds in which a command ends after a signal, on a busy machine


# anew: Python itself, which imports everything. spawn: what a command needs is imported, its workers are begun anew.
# fork: these are forked as well. A chain of each command begins anew once, and then spawns; the others fork.
Beginning = Literal["anew", "spawn", "fork"]


def suite() -> Suite:
    """The suite."""
    return Suite("kill", "resumed, same bytes; no partial file under a final name; no child left", _cases)


def plan() -> list[tuple[Job, int]]:
    """Commands and how often each is ended; 248 in all."""
    return [
        (jobs.whole_run(), 40), (jobs.train_refiner(40), 40), (jobs.train_lifter(40), 35), (jobs.estimate(5), 35),
        (jobs.translate(10), 30), (jobs.shards(7), 20), (jobs.recording(), 16), (jobs.live(), 16),
        (jobs.pretrain(60), 16),
    ]  # fmt: skip


@dataclass
class Reference:
    """What a command leaves when nobody disturbs it, found once, when it is first asked for."""

    context: Context
    job: Job
    lock: threading.Lock = field(default_factory=threading.Lock)
    inputs: Path = Path()
    left: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    code: int = 0
    model: Path | None = None

    @property
    def codes(self) -> tuple[int, ...]:
        """Exit codes of undisturbed work."""
        return self.job.codes(self.code)

    def ready(self) -> Reference:
        """The same, after the work."""
        with self.lock:
            if not self.seconds:
                name = self.job.name.replace(" ", "_")
                self.inputs = self.context.folder("inputs", name)
                self.job.prepare(self.inputs)
                self.model = (
                    speaking_model(self.context.model(), self.context.work / "model") if self.job.model else None
                )
                folder = self.context.work / "whole" / name
                jobs.copy_inputs(self.inputs, folder)
                done = self.start(folder, 1200, "fork")
                if done.code not in (0, 3):
                    raise RuntimeError(f"does not run undisturbed: exit {done.code}: {done.err[-200:]!r}")
                self.left, self.code, self.seconds = contents(folder / OUT), done.code, done.seconds
        return self

    def begin(self, folder: Path, how: Beginning = "spawn", log_suffix: str = ".log") -> Running:
        """Start the command."""
        job, log = self.job, folder.with_name(f"{folder.name}{log_suffix}")
        arguments = job.arguments(self.model)
        setups: dict[Beginning, Setup] = {"anew": (begin_anew, (job.program, arguments)), "fork": (fork_workers, ())}
        return self.context.server().start(job.program, arguments, folder, log, setups.get(how))

    def start(self, folder: Path, seconds: float, how: Beginning = "spawn") -> Finished:
        """Run the command to its end."""
        return self.begin(folder, how).end(seconds)

    def differing(self, folder: Path) -> str:
        """Which results of undisturbed work are not there, or ""."""
        return lacking(folder / OUT, self.left, self.job.steady)


def _cases(context: Context) -> Iterator[Case]:
    chains: list[Case] = []
    for job, full in plan():
        reference, total = Reference(context, job), context.count(full)
        for number, first in enumerate(range(0, total, CHAIN)):
            count = min(CHAIN, total - first)
            run: Callable[[], Iterator[Outcome]] = lambda r=reference, n=number, c=count: chain(r, n, c)  # type: ignore[misc] # noqa: E731
            chains.append(Case(f"{job.name}, chain {number}", run))
    yield from chains


def chain(reference: Reference, number: int, count: int) -> Iterator[Outcome]:
    """End a command so often in one folder, then let it finish."""
    name = f"{reference.job.name}, chain {number}"
    reference.ready()
    folder = reference.context.work / "killed" / f"{reference.job.name.replace(' ', '_')}_{number}"
    jobs.copy_inputs(reference.inputs, folder)
    random = reference.context.generator("kill", name)
    tried = 0
    while tried < count:
        moment, which = random.uniform(0.05, max(0.4, 0.45 * reference.seconds)), random.choice(SIGNALS)
        how: Beginning = "fork" if number else "spawn" if tried else "anew"
        ended = _end_at(reference, folder, random.uniform(0, _LOADING) if how == "anew" else moment, which, how)
        if ended is None:  # it was through before
            problem = reference.differing(folder)
            if problem:
                yield Outcome(f"{name}, done after {tried} ends", problem)
            jobs.copy_inputs(reference.inputs, folder)
            continue
        tried += 1
        yield Outcome(f"{name}, {which.name} after {moment:.2f} s{', begun anew' if how == 'anew' else ''}", ended)
    done = reference.start(folder, 1200, "fork" if number else "spawn")
    problem = wrong_ending(done, *reference.codes) or reference.differing(folder)
    left = temporary_files(folder / OUT)
    if problem or left:
        yield Outcome(f"{name}, resumed after {count} ends", problem or f"temporary files stay: {left[0]}")


def _end_at(reference: Reference, folder: Path, moment: float, which: signal.Signals, how: Beginning) -> str | None:
    """What is wrong after a signal at that moment, or ""; None if the command had ended before.

    With "anew" the moment counts from when it hears signals.
    """
    running = reference.begin(folder, how)
    if how == "anew":
        running.hears(signal.SIGTERM)
    if running.wait(moment):
        running.end()
        return None
    running.signal(which, group=which is signal.SIGINT)
    done = running.end(_PATIENCE)
    if done.code in reference.codes and not done.left:
        return None
    codes = (_CODES[which], -which.value) if moment < _STARTING and how != "anew" else (_CODES[which],)
    silent = which is signal.SIGKILL or done.code == -which.value
    reason = f"left running: {', '.join(done.left)}" if done.left else ""
    if not reason and (done.code not in codes or not silent):
        reason = wrong_ending(done, *codes)
    return reason or partial_files(folder / OUT, reference.left)
