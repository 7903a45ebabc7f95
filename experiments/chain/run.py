"""Ablations of the chain: `python -m experiments.chain.run experiments/chain/*.yaml [--run runs/demo] [--seeds 3]`.

Each YAML changes one thing in a run's config and trains the translator of one row. What a change does not touch is
taken from the finished run (--run) or from the base's folder, never made again. Everything lies under --work and is
kept; a killed command goes on where it was. An ablation whose lifter has no weights yet is left out, with a warning.
Writes experiments/results/chain.md and .json; another --name for the files of another folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.chain.config import Ablation, load_ablations, parse_value
from experiments.refiner.report import Result, markdown, write_result
from skeletor.files.lock import locked
from skeletor.support.errors import InputError, SkeletorError
from skeletor.support.progress import log, log_to
from skeletor.support.registry import given_weights
from slt.pipeline.cache.stage import DONE
from slt.pipeline.mapping import worker_pool
from slt.pipeline.run import PreparedRows, prepare_rows
from slt.pipeline.tables.accuracy import accuracy
from slt.pipeline.translators import TrainedTranslator, collect, submit
from slt.score.bootstrap import Paired, compare, statistics
from slt.score.scores import Scores, mean_scores, score

WORK, RESULTS = Path("runs/chain"), Path("experiments/results")
SPLITS = ("dev", "test")


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
        cells.append(f"{scores.bleu4:.2f}{spread} [{_span(scores.intervals['bleu4'], '.1f')}]")
        if outcome.against is None:
            cells += ["", ""]
        else:
            paired = outcome.against[split]["bleu4"]
            cells += [f"{paired.difference:+.2f} [{_span(paired.interval, '+.1f')}]", f"{paired.p:.3f}"]
    test = outcome.scores["test"]
    off = [f"{outcome.errors[group]:.4f}" if outcome.errors else "" for group in ("all", "body", "hands_relative")]
    return [*cells, f"{test.rouge:.2f}", f"{test.chrf:.2f}", *off, ", ".join(outcome.made) or "nothing"]


def _span(interval: tuple[float, float], form: str) -> str:
    return f"{interval[0]:{form}}, {interval[1]:{form}}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the table. Exit code 2 for bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="YAML files, base.yaml among them")
    parser.add_argument(
        "--run", type=Path, action="append", default=[], help="a finished `slt run` of the base's config"
    )
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--name", default="chain", help="of the results' files")
    parser.add_argument("--workers", type=int, default=2, help="translators in training at the same time")
    parser.add_argument("--seeds", type=int, help="of every ablation, the base included; default: the config's")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for every ablation alike")
    args = parser.parse_args(arguments)
    try:
        overrides = {key: parse_value(value) for key, _, value in (item.partition("=") for item in args.set)}
        if args.seeds is not None:
            overrides["seeds"] = args.seeds
        ablations = load_ablations(args.files, overrides)
        absent = [folder for folder in args.run if not folder.is_dir()]
        if absent:
            raise InputError(f"{absent[0]}: no such folder; give a finished run, or leave --run out")
        with locked(args.work):
            log_to(args.work / "log.txt")
            ablations = usable(ablations)
            found = run(ablations, args.work, args.run, args.workers)
    except SkeletorError as error:
        print(f"experiments.chain.run: {error}", file=sys.stderr)
        return error.exit_code
    base, seed = ablations[0].base, ablations[0].config.seed
    options = "".join(f" --set {item}" for item in args.set) + (f" --seeds {args.seeds}" if args.seeds else "")
    options += f" --name {args.name}" if args.name != "chain" else ""
    about = {
        "title": f"Ablations of the chain, {base.name}",
        "command": f"python -m experiments.chain.run {' '.join(map(str, args.files))}{options}",
        "seed": seed,
        "config": ablations[0].config.model_dump(mode="json"),
    }
    write_result(table(found, base), args.out, args.name, about)
    log.info("written: %s", args.out / f"{args.name}.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
