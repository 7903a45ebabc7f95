"""One change at a time to the whole chain: `make chain-ablations`, and the lifters' sentences (`make lifters`).

Each ablation changes one thing in a run's config and trains the translator of one row. What a change does not touch is
taken from the finished run (--run) or from the base's folder, never made again. Everything lies under --work and is
kept; a killed command goes on where it was. An ablation whose lifter has no weights yet is left out, with a warning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from experiments.report import Result, interval, markdown, write_result
from experiments.request import DEMO, Request
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from skeletor.support.registry import given_weights
from slt.pipeline.cache.stage import DONE
from slt.pipeline.config import RunConfig
from slt.pipeline.mapping import worker_pool
from slt.pipeline.run import PreparedRows, prepare_rows
from slt.pipeline.stages.translators import TrainedTranslator, collect, submit
from slt.pipeline.tables.accuracy import accuracy
from slt.score.bootstrap import Paired, compare, statistics
from slt.score.scores import Scores, mean_scores, score

SPLITS = ("dev", "test")
BASE = "base"  # the name of the ablation that the others are compared with


class Entry(Config):
    """One ablation. label: in the table. row: that is trained and scored, by default the file's."""

    label: str = Field(min_length=1)
    row: str | None = None
    change: dict[str, Any] = Field({}, description='dotted keys of the config, e.g. "translate.parts": hands')


class ChainTable(Config):
    """What a YAML file says. base: a run's config, relative to the file. row: trained and scored. ablations: by name.

    changes: dotted keys for all of them alike, e.g. {"seeds": 3}. workers: translators in training at a time.
    """

    base: str
    row: str = "skeletor-motion"
    changes: dict[str, Any] = Field({})
    workers: int = Field(2, ge=1)
    ablations: dict[str, Entry] = Field(min_length=1)


@dataclass(frozen=True)
class Ablation:
    """base: the config that is changed; config: the run that is made, with one row only."""

    name: str
    label: str
    row: str
    base: Path
    change: dict[str, Any]
    config: RunConfig


def load(request: Request) -> ChainTable:
    """The file, with all its ablations checked."""
    table = request.load(ChainTable)
    assert request.config is not None
    ablations_of(table, request.config)
    return table


def ablations_of(table: ChainTable, path: Path) -> list[Ablation]:
    """All ablations of a file, the base first. InputError, one line, if there is no base, or one cannot be made."""
    names = sorted(table.ablations, key=lambda name: name != BASE)
    if names[0] != BASE:
        raise InputError(f"{path}: no {BASE!r} among the ablations; the others are compared with it")
    return [_ablation(name, table, path) for name in names]


def _ablation(name: str, table: ChainTable, path: Path) -> Ablation:
    """One ablation, its changes applied to the base; InputError names the file, the ablation and the key."""
    entry, where = table.ablations[name], f"{path}: {name}"
    base, row = (path.parent / table.base).resolve(), entry.row or table.row
    if name == BASE and entry.change:
        raise InputError(f"{where}: key 'change': the base changes nothing; give the ablation another name")
    fixed = {"rows": [row], "gloss2text": False, "recogniser": None, "joint": True}  # what reads the skeletons alone
    clash = sorted({*fixed, "seed", "seeds"} & set(entry.change))
    if clash:
        raise InputError(f"{where}: key 'change': {clash[0]!r} cannot be changed here")
    try:
        config = load_config(base, RunConfig, {**table.changes, **entry.change, **fixed})
    except InputError as error:
        raise InputError(f"{where}: key 'change' or 'base': {error}") from error
    return Ablation(name, entry.label, row, base, entry.change, config)


@dataclass(frozen=True)
class Outcome:
    """Scores of one ablation by split; against: the base, by split and metric, None for itself.

    made: the stages that were made for it, relative to its folder: what its change reaches. errors: MPJPE of the row's
    test poses by group of joints, shoulder widths, where the truth is known.
    """

    label: str
    row: str
    change: Mapping[str, Any]
    scores: Mapping[str, Scores]
    against: Mapping[str, Mapping[str, Paired]] | None
    made: tuple[str, ...]
    errors: Mapping[str, float] = dataclasses.field(default_factory=dict)


def run(ablations: Sequence[Ablation], work: Path, finished: Sequence[Path], workers: int) -> list[Outcome]:
    """Train and score all ablations, the first of which is the base.

    finished: folders of runs of the base's config, whose stages are taken where nothing in them has changed.
    workers: translators in training at the same time.
    """
    base = work / ablations[0].name
    prepared = [
        prepare_rows(a.config, work / a.name, None, (*finished, base) if k else finished)
        for k, a in enumerate(ablations)
    ]
    with worker_pool(workers) as pool:
        jobs = [submit(pool, p.run, p.rows) for p in prepared]
        systems = [collect(one)[a.row] for one, a in zip(jobs, ablations, strict=True)]
    return outcomes(ablations, prepared, systems)


def outcomes(
    ablations: Sequence[Ablation], prepared: Sequence[PreparedRows], systems: Sequence[Sequence[TrainedTranslator]]
) -> list[Outcome]:
    """Scores, and comparisons with the first ablation by a paired bootstrap."""
    found: list[Outcome] = []
    base: dict[str, list[np.ndarray]] = {}
    for ablation, done, several in zip(ablations, prepared, systems, strict=True):
        seed = done.run.config.seed
        scores, against = {}, {}
        for split in SPLITS:
            texts = {clip.name: clip.text for clip in done.run.corpus.split(split)}
            lines = [[s.outputs[split].get(name, "") for name in texts] for s in several]
            stats = [statistics(one, list(texts.values())) for one in lines]
            scores[split] = mean_scores([score(one, list(texts.values()), seed) for one in lines], stats, seed)
            against[split] = compare(base.setdefault(split, stats), stats, seed)
        made = sorted(str(m.parent.relative_to(done.run.folder)) for m in done.run.folder.rglob(DONE))
        comparison = against if found else None
        found.append(
            Outcome(ablation.label, ablation.row, ablation.change, scores, comparison, tuple(made), errors(done))
        )
    return found


def errors(done: PreparedRows) -> dict[str, float]:
    """MPJPE of the test poses that the translator gets, by group of joints in shoulder widths; {} without a truth."""
    if not done.run.rendered or not done.rows:
        return {}
    found = accuracy({"": done.rows[0].store}, done.run.corpus.root / "truth" / "test", "test")
    return dict(found[""].mpjpe)


def usable(ablations: Sequence[Ablation]) -> list[Ablation]:
    """Those whose lifter has its weights; a warning for each other one."""
    kept = []
    for ablation in ablations:
        weights = given_weights(ablation.config.lift)
        if weights is None or Path(weights).is_file():
            kept.append(ablation)
        else:
            log.warning("%s is left out: %s is not there; slt lift train makes it", ablation.name, weights)
    return kept


def table(found: Sequence[Outcome], base: Path) -> Result:
    """The table: dev and test BLEU-4 with 95 % intervals, and the difference to the base with its interval and p."""
    head = ["", "row", *(f"{split} {what}" for split in SPLITS for what in ("BLEU-4", "to the base", "p")),
            "test ROUGE", "test chrF", "error: all", "body", "hands from their wrists", "made anew"]  # fmt: skip
    rows = [_cells(outcome) for outcome in found]
    first = found[0].scores["test"]
    seeds = f"mean ± standard deviation of {first.trainings} seeds" if first.trainings > 1 else "one seed"
    note = (
        f"One change at a time to {base.name}; {seeds}. In brackets 95 % intervals, bootstrap over the sentences; "
        "p: paired bootstrap of BLEU-4 against the base; no correction for the number of comparisons. Made anew: the "
        f"stages that the change reaches, all others are the base's own. BLEU: {first.signature}; chrF: "
        f"{first.chrf_signature}. Error: mean distance of what the translator gets from the test clips' truth, "
        "shoulder widths"
    )
    return Result([markdown("One change at a time to the chain", head, rows, note)],
                  {"outcomes": [dataclasses.asdict(o) for o in found]})  # fmt: skip


def _cells(outcome: Outcome) -> list[str]:
    cells = [outcome.label, outcome.row]
    for split in SPLITS:
        scores = outcome.scores[split]
        spread = f" ± {scores.deviations['bleu4']:.2f}" if scores.deviations else ""
        cells.append(f"{scores.bleu4:.2f}{spread} [{interval(scores.intervals['bleu4'])}]")
        if outcome.against is None:
            cells += ["", ""]
        else:
            paired = outcome.against[split]["bleu4"]
            cells += [f"{paired.difference:+.2f} [{interval(paired.interval, '+.1f')}]", f"{paired.p:.3f}"]
    test = outcome.scores["test"]
    off = [f"{outcome.errors[group]:.4f}" if outcome.errors else "" for group in ("all", "body", "hands_relative")]
    return [*cells, f"{test.rouge:.2f}", f"{test.chrf:.2f}", *off, ", ".join(outcome.made) or "nothing"]


def make(request: Request, config: ChainTable) -> None:
    """Train what is not there yet, compare, write. The finished run is --run, or the demo's if there is one."""
    assert request.config is not None
    if request.run is not None and not (request.run / "config.json").is_file():
        raise InputError(f"{request.run}: no run lies there (no config.json); give a finished one, or leave --run out")
    finished = [folder for folder in (request.run or DEMO,) if folder.is_dir()]
    ablations = usable(ablations_of(config, request.config))
    found = run(ablations, request.work, finished, config.workers)
    base = ablations[0]
    about = {**request.about(config, base.config.seed), "run": base.config.model_dump(mode="json")}
    write_result(
        table(found, base.base), request.results, request.name, f"Ablations of the chain, {base.base.name}", about
    )
