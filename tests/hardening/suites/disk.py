"""Full and read-only disks: every write of every command fails once. One line, exit 2, nothing half-written."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hardening import faults
from tests.hardening.case import Case, Context, Outcome, Suite, single
from tests.hardening.children import Finished, Setup
from tests.hardening.endings import contents, lacking, partial_files, temporary_files, wrong_ending
from tests.hardening.made import jobs
from tests.hardening.made.jobs import OUT, Job
from tests.hardening.made.models import speaking_model
from tests.hardening.warm import fork_workers

_ALL = (
    40  # writes of a command up to which each of them fails once; of more, the first and last of each place in the code
)
_PAGE = 4096
_FEWEST = 3  # commands that are tried, however small the share is


def suite() -> Suite:
    """The suite."""
    return Suite("disk", "one line, exit 2, 0 partial files", _cases)


def commands() -> list[Job]:
    """Every command that writes."""
    return [
        jobs.refine_file(), jobs.pack(), jobs.refine_stage(), jobs.lift(2), jobs.estimate(2), jobs.openpose(),
        jobs.view(), jobs.page(), jobs.fit_noise(), jobs.importing(), jobs.shards(3), jobs.translate(2),
        jobs.train_refiner(8), jobs.train_lifter(6), jobs.pretrain(8), jobs.recording(), jobs.live(), jobs.corpus(),
        jobs.whole_run(),
    ]  # fmt: skip


@dataclass(frozen=True)
class Sound:
    """A command's undisturbed work: inputs, what it leaves, and its writes in order.

    writes: operation, place in the code, path. whole: the folder that it left, of a command that resumes.
    """

    job: Job
    inputs: Path
    left: dict[str, bytes]
    writes: tuple[tuple[str, str, str], ...]
    model: Path | None
    code: int
    whole: Path | None = None


def _cases(context: Context) -> Iterator[Case]:
    chosen = commands()
    if context.share < 1:  # those that begin with a minute of training are left out
        quick = [job for job in chosen if job.name != "slt run" and not job.model]
        chosen = context.generator("commands").sample(quick, max(_FEWEST, context.count(len(quick))))
    for job in chosen:
        try:
            sound = _sound(context, job)
        except RuntimeError as error:
            message = str(error)
            yield single(job.name, lambda message=message: message)  # type: ignore[misc]
            continue
        faulty = [(number, kind) for number in _numbers(sound) for kind in _kinds(sound, number)]
        tried = context.sample(faulty, job.name)
        for number, kind in tried:
            operation, site, _ = sound.writes[number - 1]
            name = f"{job.name}: write {number} ({operation} at {site}), {kind}"
            yield single(name, lambda s=sound, n=number, k=kind: _fault(context, s, n, k))  # type: ignore[misc]
        yield from _real(context, sound)


def _sound(context: Context, job: Job) -> Sound:
    """Run a command undisturbed, and note its writes."""
    inputs = context.folder("inputs", job.name.replace(" ", "_"))
    job.prepare(inputs)
    folder = context.work / "sound" / job.name.replace(" ", "_")
    jobs.copy_inputs(inputs, folder)
    control = folder.with_name(f"{folder.name}.writes")
    control.unlink(missing_ok=True)
    model = speaking_model(context.model(), context.work / "model") if job.model else None
    setup: Setup = (fail, (str(folder), str(control), 0, "full"))
    done = context.server().run(
        job.program, job.arguments(model), folder, folder.with_name(f"{folder.name}.log"), 900, setup
    )
    if done.code not in (0, 3) or not control.exists():
        raise RuntimeError(f"does not run undisturbed: exit {done.code}: {done.err[-200:]!r}")
    writes = tuple(_call(line) for line in control.read_text().splitlines())
    left = contents(folder / OUT) if (folder / OUT).is_dir() else {}
    return Sound(job, inputs, left, writes, model, done.code, folder if job.resumes else None)


def _call(line: str) -> tuple[str, str, str]:
    operation, site, path = line.split("\t")
    return operation, site, path


def _numbers(sound: Sound) -> list[int]:
    """Which writes fail, from 1."""
    if len(sound.writes) <= _ALL:
        return list(range(1, len(sound.writes) + 1))
    places: dict[tuple[str, str], list[int]] = {}
    for number, (operation, site, _) in enumerate(sound.writes, 1):
        places.setdefault((operation, site), []).append(number)
    return sorted({number for numbers in places.values() for number in (numbers[0], numbers[-1])})


def _kinds(sound: Sound, number: int) -> tuple[str, ...]:
    """A file on a full disk opens, and fails later; other calls fail at once either way."""
    opens = sound.writes[number - 1][0] in ("open", "serialize_file", "save", "av.open")
    return ("full", "read-only") if opens else (("full", "read-only")[number % 2],)


def fail(folder: str, control: str, number: int, kind: str, only: str = "") -> None:
    """`faults.install`, where workers are forked."""
    fork_workers()
    faults.install(folder, control, number, kind, only)


def _fault(context: Context, sound: Sound, number: int, kind: str) -> str:
    folder = context.work / "running" / f"{sound.job.name.replace(' ', '_')}_{number}_{kind}"
    jobs.copy_inputs(sound.inputs, folder)
    control = folder.with_name(f"{folder.name}.writes")
    control.unlink(missing_ok=True)
    setup: Setup = (fail, (str(folder), str(control), number, kind))
    nth, only = number, ""
    if sound.whole is not None:
        nth, only = _before(sound, sound.whole, number, folder)
        setup = (fail, (str(folder), str(control), nth, kind, only))
    reason = _judge(sound, folder, _run(context, sound, folder, setup))
    if not reason and only and sum(faults.about(line) == only for line in control.read_text().splitlines()) < nth:
        reason = "the write was not reached"
    if not reason:
        _clean(folder)
    return reason


def _before(sound: Sound, whole: Path, number: int, folder: Path) -> tuple[int, str]:
    """Put the results there as they were when the part began to which a write belongs; so that a try need not begin
    with all that comes before. Gives the write's number among its like in that part, and what those are."""
    calls = ["\t".join(call) for call in sound.writes]
    parts = [faults.part_of(path) for *_, path in sound.writes]
    first = {part: parts.index(part) for part in parts}
    only, begun = faults.about(calls[number - 1]), first[parts[number - 1]]
    for path in sorted((whole / OUT).iterdir()):
        if first.get(path.name, len(parts)) < begun:
            target = folder / OUT / path.name
            shutil.copytree(path, target) if path.is_dir() else jobs.copy_file(path, target)
    return sum(faults.about(call) == only for call in calls[:number]), only


def _run(context: Context, sound: Sound, folder: Path, setup: Setup | None) -> Finished:
    log = folder.with_name(f"{folder.name}.log")
    return context.server().run(sound.job.program, sound.job.arguments(sound.model), folder, log, 300, setup)


def _judge(sound: Sound, folder: Path, done: Finished) -> str:
    """What is wrong; a command that did all its work in spite of the fault is right, too."""
    out = folder / OUT
    if done.code in sound.job.codes(sound.code) and not done.left:
        lacks = lacking(out, sound.left, sound.job.steady)
        return f"exit {done.code}, though a write failed: {lacks}" if lacks else ""
    reason = wrong_ending(done, 2)
    if reason or not out.is_dir():
        return reason
    left = temporary_files(folder)
    return f"left {left[0]}" if left else partial_files(out, sound.left)


def _clean(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for suffix in (".writes", ".log.out", ".log.err"):
        folder.with_suffix(suffix).unlink(missing_ok=True)


def _real(context: Context, sound: Sound) -> Iterator[Case]:
    """Limits of the system itself, which libraries in C meet as well."""
    largest = max((len(content) for content in sound.left.values()), default=0)
    limits = sorted(
        {size for size in (largest // 2, largest - 1) if size > 3000}
    )  # below that, the messages do not fit
    for size in context.sample(limits, "limits", sound.job.name) if limits else []:
        yield single(f"{sound.job.name}: files up to {size} bytes", lambda s=size: _limited(context, sound, s))  # type: ignore[misc]
    total = sum(len(content) for content in sound.left.values())
    sizes = sorted({_PAGE, 2 * _PAGE, total // 2 // _PAGE * _PAGE} - {0})
    tries: list[tuple[str, Callable[[], Iterator[Outcome]]]] = [
        (f"{sound.job.name}: {size} bytes of disk left", lambda s=size: _on_disk(context, sound, s))  # type: ignore[misc]
        for size in sizes
    ]
    tries.append((f"{sound.job.name}: a read-only disk", lambda: _on_disk(context, sound, None)))
    for name, run in context.sample(tries, "disks", sound.job.name):
        yield Case(name, lambda name=name, run=run: (Outcome(name, o.reason, o.skipped) for o in run()))  # type: ignore[misc]


def limit_files(size: int) -> None:
    """No file grows above so many bytes; workers are forked."""
    fork_workers()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _limited(context: Context, sound: Sound, size: int) -> str:
    folder = context.work / "running" / f"{sound.job.name.replace(' ', '_')}_limit_{size}"
    jobs.copy_inputs(sound.inputs, folder)
    return _judge(sound, folder, _run(context, sound, folder, (limit_files, (size,))))


def _on_disk(context: Context, sound: Sound, room: int | None) -> Iterator[Outcome]:
    """A small disk of its own with so many bytes left, or (None) a read-only one."""
    folder = context.folder("disks") / f"{sound.job.name.replace(' ', '_')}_{'ro' if room is None else room}"
    _unmount(folder)
    jobs.copy_inputs(sound.inputs, folder)
    used = sum(-(-path.stat().st_size // _PAGE) * _PAGE for path in sound.inputs.rglob("*") if path.is_file())
    if os.geteuid() != 0 and room is None:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    elif not _mount(folder, sound.inputs, used, room):
        yield Outcome("", "no disk can be mounted here (root may)", skipped=True)
        return
    setup: Setup | None = None if room is None else (fork_workers, ())
    try:
        yield Outcome("", _judge(sound, folder, _run(context, sound, folder, setup)))
    finally:
        _unmount(folder)
        folder.chmod(stat.S_IRWXU)


def _mount(folder: Path, inputs: Path, used: int, room: int | None) -> bool:
    size = used + (64 * _PAGE if room is None else room)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        return False
    shutil.copytree(inputs, folder, dirs_exist_ok=True)
    if room is None:
        made = subprocess.run(["mount", "-o", "remount,ro", str(folder)], capture_output=True)
    return made.returncode == 0


def _unmount(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if folder.exists() and os.path.ismount(folder):
            subprocess.run(["umount", "-l", str(folder)], capture_output=True)
