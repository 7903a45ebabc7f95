"""The context of a run, shared by its stages: config, folder, corpus, rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from skeletor.support.progress import log_to
from skeletor.support.together import Team
from slt.data import layout
from slt.pipeline.cache.stage import Done, kept_stage, run_stage, stage_key
from slt.pipeline.config import RunConfig
from slt.pipeline.mapping import Spread, worker_pool

T = TypeVar("T")

SHIPPED_ROW = "skeletor-shipped"  # repaired by the Skeletor that comes with the package


@dataclass(frozen=True)
class Row:
    """One row of the table that has a translator: `store` holds its poses by split.

    refiner: the stage that trained its refiner, if one did. own: whether it is what `slt translate` will do.
    """

    name: str
    label: str
    done: Done
    store: Path
    refiner: Done | None = None
    own: bool = False


@dataclass(frozen=True)
class Training:
    """A stage that trains, by the arguments of `Run.stage`."""

    name: str
    folder: Path
    work: Callable[[Path], object]
    config: dict[str, Any]
    inputs: Sequence[Done | str]


@dataclass(frozen=True)
class Run:
    """What all stages of one run share. reuse: folders of other runs, whose unchanged stages are taken as they are.

    annotation: what a re-synthesised corpus was made from. spread: does estimation, 2D repair, lifting and refinement
    elsewhere. team: the processes that torchrun started, which train together.
    """

    config: RunConfig
    folder: Path
    corpus: layout.Corpus
    corpus_key: Done | str
    reuse: tuple[Path, ...] = ()
    annotation: Path | None = None
    spread: Spread | None = None
    team: Team | None = None

    @property
    def rendered(self) -> bool:
        """Whether the true poses are known: the corpus is a rendered one."""
        return self.corpus.description.synthetic

    def stage(
        self,
        name: str,
        folder: Path,
        work: Callable[[Path], object],
        config: dict[str, Any],
        inputs: Sequence[Done | str],
        trains: bool = False,
    ) -> Done:
        """`run_stage` in this run's folder, or the result of another run of `reuse`. Arguments as there.

        trains: the whole team does the work, if there is one. Another team makes another result.
        """
        others = elsewhere(self.folder, folder, self.reuse)
        if not trains or self.team is None:
            return run_stage(name, folder, work, config, inputs, others)
        values = config | {"processes": self.team.count}
        return run_stage(name, folder, partial(self.team.call, work), values, inputs, others, (work,))

    def train(self, pool: Executor, training: Training) -> Future[Done]:
        """Do a stage in a pool of `training_pool`. What is kept is found here: a process takes seconds to begin."""
        if self.team is None:
            key = stage_key(training.config, training.inputs, (training.work,))
            others = elsewhere(self.folder, training.folder, self.reuse)
            if (kept := kept_stage(training.name, training.folder, key, others)) is not None:
                found: Future[Done] = Future()
                found.set_result(kept)
                return found
        return pool.submit(train_stage, self, training)

    @contextmanager
    def training_pool(self) -> Iterator[Executor]:
        """Runs trainings: `config.workers` at a time in worker processes or, with a team, one by one, here."""
        if self.team is not None:
            yield Here()
            return
        with worker_pool(self.config.workers) as pool:
            yield pool


def train_stage(run: Run, training: Training) -> Done:
    """`Run.stage`, perhaps in a worker process: with the run's log."""
    log_to(run.folder / "log.txt")
    return run.stage(training.name, training.folder, training.work, training.config, training.inputs, trains=True)


class Here(Executor):
    """Does in this process what is submitted, before it gives back; what is raised is raised at once."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See the base class."""
        done: Future[T] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@dataclass(frozen=True)
class Detected:
    """2D poses: the stage that made the last of them, and the folder of each part.

    sample: real detections of parts whose detections are simulated, where there are any, for the comparison only.
    """

    done: Done
    parts: dict[str, Path]
    sample: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How a row is made of 2D poses and lifted ones. own: whether it is what `slt translate` will do."""

    make: Callable[[Detected, Done], Row]
    own: bool = False

    def row(self, detected: Detected, lifted: Done) -> Row:
        """Make it; refiners are trained for it if need be."""
        return replace(self.make(detected, lifted), own=self.own)


def elsewhere(run: Path, folder: Path, reuse: Sequence[Path]) -> list[Path]:
    """The folders in other runs of the stage that lies at `folder` in the run at `run`."""
    return [other / folder.relative_to(run) for other in reuse]
