"""What repair is worth to a translator that never saw the errors: each trained row of a run on the poses of each other.

    python -m experiments.transfer [--run runs/demo] [--name transfer]

Nothing is trained: the translators of a finished run (all its seeds) translate dev and test from the poses of every
row. Outputs are kept beside the run's systems, and made again only when they are missing. Writes
experiments/results/<name>.md and .json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.refiner.report import Result, markdown, write_result
from skeletor.files.atomic import write_text
from skeletor.files.lock import locked
from skeletor.io.store import open_store
from skeletor.support.command import run_command
from skeletor.support.config import load_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to, progress
from slt.data import layout
from slt.pipeline.cache.stage import DONE, read_json
from slt.pipeline.config import RunConfig
from slt.pipeline.run import with_text
from slt.pipeline.translators import system_folder
from slt.score.bootstrap import compare, statistics
from slt.score.scores import mean_scores, score
from slt.translate.translator import Translator

RESULTS = Path("experiments/results")
SPLITS = ("dev", "test")
TRUE_2D = "lift of true 2D"  # no errors but the lifter's
ROWS = ("raw", "savgol", "skeletor", "skeletor-motion", TRUE_2D, "truth")


@dataclass(frozen=True)
class Finished:
    """A finished run: its config, corpus, and the rows that have poses."""

    folder: Path
    config: RunConfig
    corpus: layout.Corpus
    rows: tuple[str, ...]

    def poses(self, row: str, split: str) -> Path:
        """Where a row's poses of a split lie."""
        places = {
            "raw": self.folder / "lifted" / split,
            TRUE_2D: self.folder / "lifted" / f"true-{split}",
            "truth": self.folder / "truth" / split,
        }
        return places.get(row, self.folder / "refined" / row / split)


def open_run(folder: Path) -> Finished:
    """Raises InputError if it is no finished run of `slt run` with its own corpus."""
    config = load_config(folder / "config.json", RunConfig)
    corpus = with_text(layout.read_corpus(folder / "corpus"), config.period)
    found = Finished(folder, config, corpus, ())
    rows = tuple(r for r in ROWS if all(found.poses(r, s).exists() for s in SPLITS))
    if "raw" not in rows or len(rows) < 2:
        raise InputError(f"{folder}: no finished run with rows to compare; make one with `slt run` (make pipeline)")
    return Finished(folder, config, corpus, rows)


def outputs(run: Finished, trained: str, seed: int, given: str, split: str) -> list[str]:
    """Sentences of one translator for one row's poses; "" for a clip that has none."""
    system = system_folder(run.folder, trained, seed, run.config.seed)
    name = f"{split}.json" if trained == given else f"{split}-from-{given.replace(' ', '-')}.json"
    path = system / name
    clips = run.corpus.split(split)
    if not path.exists():
        store, translator = open_store(run.poses(given, split)), Translator.load(system / "model")
        there = [clip.name for clip in clips if clip.name in store]
        texts = [h.text for h in translator.translate([store[name] for name in there])]
        write_text(path, json.dumps(dict(zip(there, texts, strict=True)), indent=0, ensure_ascii=False))
    found = json.loads(path.read_text(encoding="utf-8"))
    return [found.get(clip.name, "") for clip in clips]


def make(run: Finished, only: Sequence[str] = ()) -> Result:
    """All pairs of rows, and what each repair gains over raw poses for each translator (only: of these rows)."""
    trained = [row for row in run.rows if read_json(run.folder / "systems" / row / DONE).get("done")]
    trained = [row for row in trained if row in (only or trained)]
    if not trained:
        raise InputError(f"{run.folder}: none of these rows has a trained translator: {', '.join(only or run.rows)}")
    seeds = range(run.config.seed, run.config.seed + run.config.seeds)
    sections: list[str] = []
    todo = [(split, row, given) for split in SPLITS for row in trained for given in run.rows]
    stats: dict[tuple[str, str, str], list[np.ndarray]] = {}
    cells: dict[tuple[str, str, str], dict[str, Any]] = {}
    for split, row, given in progress(todo, "translate", len(todo), "pair", log_every=60):
        references = [clip.text for clip in run.corpus.split(split)]
        lines = [outputs(run, row, seed, given, split) for seed in seeds]
        stats[split, row, given] = [statistics(one, references) for one in lines]
        single = [score(one, references, run.config.seed) for one in lines]
        mean = mean_scores(single, stats[split, row, given], run.config.seed)
        cells[split, row, given] = {
            "bleu4": mean.bleu4,
            "interval": mean.intervals["bleu4"],
            "rouge": mean.rouge,
            "each": [one.bleu4 for one in single],
            "signature": single[0].signature,
        }
    for split in SPLITS:
        head = ["trained on \\ given", *run.rows]
        table = [[row, *(_cell(cells[split, row, given]) for given in run.rows)] for row in trained]
        sections.append(markdown(f"{split}: BLEU-4", head, table))
    gains, rows = {}, []
    for split, row, given in todo:
        if given == "raw":
            continue
        pair = compare(stats[split, row, "raw"], stats[split, row, given], run.config.seed)["bleu4"]
        gains[f"{split}/{row}/{given}"] = pair
        low, high = pair.interval
        rows.append([row, split, given, f"{pair.difference:+.2f}", f"{low:+.2f} to {high:+.2f}", f"{pair.p:.3f}"])
    head = ["trained on", "split", "given", "BLEU-4 over raw", "95 %", "p"]
    sections.append(markdown("Given repaired poses in place of raw ones", head, rows, _note(run, cells)))
    return Result(sections, {"pairs": {"/".join(key): cell for key, cell in cells.items()}, "gains": gains})


def _cell(cell: dict[str, Any]) -> str:
    return f"{cell['bleu4']:.2f} [{cell['interval'][0]:.1f}, {cell['interval'][1]:.1f}]"


def _note(run: Finished, cells: dict[tuple[str, str, str], dict[str, Any]]) -> str:
    signature = next(iter(cells.values()))["signature"]
    return (
        f"{len(run.corpus.split('dev'))} dev and {len(run.corpus.split('test'))} test sentences; {run.config.seeds} "
        f"translators a row; {signature}; intervals and p: (paired) bootstrap over sentences, trainings held fixed. "
        "raw: lifted detections; skeletor: unsupervised; skeletor-motion: trained on known motion."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module's text. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="folder of a finished `slt run`")
    parser.add_argument("--trained", nargs="*", default=[], choices=ROWS, help="translators of these rows only")
    parser.add_argument("--name", default="transfer", help="of the result's files")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    run = open_run(options.run)
    with locked(options.run):
        log_to(options.run / "log.txt")
        cells = make(run, options.trained)
    about = {
        "title": f"Translators on poses that they were not trained on ({run.corpus.description.kind} corpus)",
        "command": f"python -m experiments.transfer --run {options.run} --name {options.name}"
        + (f" --trained {' '.join(options.trained)}" if options.trained else ""),
        "seed": run.config.seed,
        "config": run.config.model_dump(mode="json"),
    }
    write_result(cells, options.results, options.name, about)
    log.info("\n%s", (options.results / f"{options.name}.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main, "transfer", "--debug" in sys.argv))
