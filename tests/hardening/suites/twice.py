"""Two runs in one folder at once: the second says so and ends, or both end right."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.hardening.case import Case, Context, Suite, single
from tests.hardening.endings import differing, partial_files, wrong_ending
from tests.hardening.made import jobs
from tests.hardening.made.jobs import OUT
from tests.hardening.suites.kill import Beginning, Reference

_LIMIT = 600.0


def suite() -> Suite:
    """The suite."""
    return Suite("twice", "the second says so and ends, or both end right", _cases)


def _cases(context: Context) -> Iterator[Case]:
    plan = [
        (jobs.whole_run(), 2), (jobs.train_refiner(40), 6), (jobs.train_lifter(40), 5), (jobs.estimate(3), 4),
        (jobs.translate(10), 3), (jobs.shards(5), 2), (jobs.recording(), 3), (jobs.pretrain(60), 2),
    ]  # fmt: skip
    for job, full in plan:
        reference = Reference(context, job)
        for number in range(context.count(full)):
            yield single(f"{job.name} {number}", lambda r=reference, n=number: _check(r, n))  # type: ignore[misc]


def _check(reference: Reference, number: int) -> str:
    reference.ready()
    context, job = reference.context, reference.job
    folder = context.work / "two" / f"{job.name.replace(' ', '_')}_{number}"
    jobs.copy_inputs(reference.inputs, folder)
    wait = context.generator("twice", job.name, number).uniform(0, 0.7 * reference.seconds)
    how: Beginning = "fork" if number else "spawn"
    first = reference.begin(folder, how, ".first")
    time.sleep(wait)
    second = reference.begin(folder, how, ".second")
    ends = [running.end(_LIMIT) for running in (first, second)]
    for name, done in zip(("first", "second"), ends, strict=True):
        problem = wrong_ending(done, reference.code, 2)
        if problem:
            return f"the {name}, {wait:.1f} s apart: {problem}"
    if all(done.code == 2 for done in ends):
        return "both refused to work"
    return differing(folder / OUT, reference.left) or partial_files(folder / OUT, reference.left)
