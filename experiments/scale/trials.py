"""What is done to a run of shards, and what was left of it: one line of the table of failures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from experiments.scale.corpora import Wrapped, clips_of, planned, tree
from experiments.scale.engines import Name, Nodes, engine
from experiments.scale.jobs import DEADLY, GATE, gated, poisoned, small_disk
from experiments.scale.processes import command_of, descendants
from skeletor.support.progress import log
from slt.shards.engines import Engine
from slt.shards.plan import Plan
from slt.shards.run import FAILED, run_plan

_LOOK = 0.05  # seconds between two looks


@dataclass(frozen=True)
class Setting:
    """What all trials of an engine share. plain: the files that a run without failures makes. bad: of the inputs."""

    name: Name
    inputs: Sequence[Path]
    size: int
    workers: int
    folder: Path
    plain: dict[str, bytes]
    nodes: Nodes | None = None

    def begin(self, what: str, inputs: Sequence[Path] | None = None) -> tuple[Plan, Engine, Path]:
        """A new folder with its plan, an engine, and the folder of its marks."""
        folder = self.folder / self.name / what
        shutil.rmtree(folder, ignore_errors=True)
        plan = planned(folder, "lift", self.inputs if inputs is None else inputs, self.size)
        marks = folder / "marks"
        marks.mkdir()
        return plan, engine(self.name, self.workers, folder.parent / f"{what}-logs", self.nodes), marks


@dataclass
class Trial:
    """One line. begun: runs until all was done. twice, missing: clips in the results. same: as without a failure."""

    what: str
    engine: Name
    shards: int = 0
    lost: list[str] = field(default_factory=list)
    runs: int = 0
    twice: int = 0
    missing: int = 0
    same: bool = False
    listed: list[str] = field(default_factory=list)
    happened: bool = True  # whether what was to go wrong did so

    @property
    def passed(self) -> bool:
        """Whether all is well in the end."""
        return self.happened and not (self.twice or self.missing) and self.same


def ended(trial: Trial, plan: Plan, good: Sequence[Path], plain: dict[str, bytes] | None) -> Trial:
    """Fill in what was left. good: inputs that have to be in the result once. plain: None if no run is comparable."""
    found = clips_of(plan)
    trial.shards = plan.shards
    trial.twice = sum(count > 1 for count in found.values())
    trial.missing = len({path.stem for path in good} - set(found))
    made = {name: data for name, data in tree(plan).items()}
    trial.same = plain is None or made == plain
    trial.listed = (plan.folder / FAILED).read_text(encoding="utf-8").splitlines()[1:]
    log.info("%s, %s: %s", trial.engine, trial.what, "passed" if trial.passed else f"FAILED {trial}")
    return trial


def work_off(trial: Trial, plan: Plan, engine_: Engine) -> None:
    """Run, and again until nothing is lost, three times at most."""
    for _ in range(3):
        trial.runs += 1
        outcome = run_plan(plan, engine_)
        if not outcome.lost:
            return
        trial.lost += [str(one.error) for one in outcome.lost]


def killed_while(work: Callable[[], None], marks: Path, kill: Callable[[dict[str, str]], None]) -> bool:
    """Do the work; once a worker tells that it stands in the midst of a shard, kill. False if none ever told.

    What goes wrong in killing is raised when the work is done.
    """
    over, told = threading.Event(), threading.Event()
    wrong: list[Exception] = []

    def watch() -> None:
        while not over.wait(_LOOK):
            if (marks / GATE).exists():
                told.set()
                try:
                    kill(json.loads((marks / GATE).read_text()))
                except Exception as error:
                    wrong.append(error)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        work()
    finally:
        over.set()
        thread.join()
    if wrong:
        raise wrong[0]
    return told.is_set()


def worker_killed(setting: Setting) -> Trial:
    """The worker that stands in the midst of a shard is killed by its process id."""
    trial = Trial("a worker is killed by its pid", setting.name)
    plan, own, marks = setting.begin("worker")

    def kill(who: dict[str, str]) -> None:
        os.kill(int(who["pid"]), signal.SIGKILL)

    run = Wrapped(own, gated, marks)
    trial.happened = killed_while(lambda: work_off(trial, plan, run), marks, kill)
    return ended(trial, plan, setting.inputs, setting.plain)


def task_killed(setting: Setting) -> Trial:
    """All that belongs to a task is killed: every worker, a task of submitit with its parent, a whole node of Ray."""
    what = {"local": "all workers are killed at once", "slurm": "a task is killed outright", "ray": "a node is killed"}
    trial = Trial(what[setting.name], setting.name)
    plan, own, marks = setting.begin("task")

    def kill(who: dict[str, str]) -> None:
        if setting.nodes is not None:
            setting.nodes.kill(who["node"])
            return
        workers = [one for one in descendants(os.getpid()) if "spawn_main" in command_of(one)]
        for pid in workers if setting.name == "local" else (int(who["parent"]), int(who["pid"])):
            os.kill(pid, signal.SIGKILL)

    run = Wrapped(own, gated, marks)
    trial.happened = killed_while(lambda: work_off(trial, plan, run), marks, kill)
    return ended(trial, plan, setting.inputs, setting.plain)


def clip_poisoned(setting: Setting) -> Trial:
    """One clip ends its worker each time, another is no file of poses: both are listed, all others are there."""
    trial = Trial("a clip that ends its worker, and one that is none", setting.name)
    folder = setting.folder / "bad"
    folder.mkdir(exist_ok=True)
    bad = [folder / f"{DEADLY}.safetensors", folder / "none.safetensors"]
    shutil.copy(setting.inputs[0], bad[0])
    bad[1].write_bytes(b"no poses")
    middle = len(setting.inputs) // 2
    plan, own, marks = setting.begin("clip", [*setting.inputs[:middle], *bad, *setting.inputs[middle:]])
    work_off(trial, plan, Wrapped(own, poisoned, marks))
    ended(trial, plan, setting.inputs, None)
    trial.same = len(trial.listed) == 2 and all(any(path.name in line for line in trial.listed) for path in bad)
    return trial


def disk_full(setting: Setting) -> Trial:
    """One worker sees a file system of 16 kB of its own where the results go; no result has room there."""
    trial = Trial("the disk of one worker is full", setting.name)
    plan, own, marks = setting.begin("disk")
    (plan.folder / "shards").mkdir()
    work_off(trial, plan, Wrapped(own, small_disk, marks))
    trial.happened = (marks / "small").exists()
    return ended(trial, plan, setting.inputs, setting.plain)


TRIALS: tuple[Callable[[Setting], Trial], ...] = (worker_killed, clip_poisoned, disk_full, task_killed)
