"""What the finished runs' translators make of other poses, and of the same clips in two runs. Nothing is trained.

`transfer`: what repair is worth to a translator that never saw the errors. Each trained row of a run (all its seeds)
translates dev and test from the poses of every row. Outputs are kept beside the run's systems, and made again only
when they are missing. `rows`: the sentences of a row in each of two runs, by a paired bootstrap of BLEU-4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from experiments.report import Result, interval, markdown, write_result
from experiments.request import Request
from skeletor.files.atomic import write_text
from skeletor.files.lock import locked
from skeletor.io.store import open_store
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError
from skeletor.support.progress import progress
from slt.data import layout
from slt.pipeline.cache.stage import finished_stage
from slt.pipeline.config import RunConfig
from slt.pipeline.corpus import with_text
from slt.pipeline.stages.translators import system_folder
from slt.score.bootstrap import compare, statistics
from slt.score.scores import mean_scores, score
from slt.translate.translator import Translator

SPLITS = ("dev", "test")
TRUE_2D = "lift of true 2D"  # no errors but the lifter's
ROWS = ("raw", "savgol", "skeletor", "skeletor-motion", TRUE_2D, "truth")


class TransferConfig(Config):
    """trained: translators of these rows only; all if there are none."""

    trained: list[Literal["raw", "savgol", "skeletor", "skeletor-motion", "lift of true 2D", "truth"]] = Field([])


class RowsConfig(Config):
    """Folders of two finished runs of the same clips, and a row of each."""

    first: str
    first_row: str
    second: str
    second_row: str


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
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no finished run; make one with `slt run` (make pipeline), or give --run")
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


def exchanged(run: Finished, only: Sequence[str] = ()) -> Result:
    """All pairs of rows, and what each repair gains over raw poses for each translator (only: of these rows)."""
    trained = [row for row in run.rows if finished_stage(run.folder / "systems" / row)]
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
        span = interval(pair.interval, "+.2f", " to ")
        rows.append([row, split, given, f"{pair.difference:+.2f}", span, f"{pair.p:.3f}"])
    head = ["trained on", "split", "given", "BLEU-4 over raw", "95 %", "p"]
    sections.append(markdown("Given repaired poses in place of raw ones", head, rows, _note(run, cells)))
    return Result(sections, {"pairs": {"/".join(key): cell for key, cell in cells.items()}, "gains": gains})


def _cell(cell: dict[str, Any]) -> str:
    return f"{cell['bleu4']:.2f} [{interval(cell['interval'])}]"


def _note(run: Finished, cells: dict[tuple[str, str, str], dict[str, Any]]) -> str:
    signature = next(iter(cells.values()))["signature"]
    return (
        f"{len(run.corpus.split('dev'))} dev and {len(run.corpus.split('test'))} test sentences; {run.config.seeds} "
        f"translators a row; {signature}; intervals and p: (paired) bootstrap over sentences, trainings held fixed. "
        "raw: lifted detections; skeletor: unsupervised; skeletor-motion: trained on known motion."
    )


def trainings(run: Path, row: str, split: str) -> list[np.ndarray]:
    """Per-sentence statistics of each training of a row. InputError if there is none."""
    texts = {clip.name: clip.text for clip in layout.read_corpus(run / "corpus").split(split)}
    names = sorted(texts)
    folders = [
        p for p in sorted((run / "systems").glob(f"{row}*")) if re.fullmatch(rf"{re.escape(row)}(-s\d+)?", p.name)
    ]
    found = []
    for path in (folder / f"{split}.json" for folder in folders):
        made = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if set(made) >= set(names):
            found.append(statistics([made[name] for name in names], [texts[name] for name in names]))
    if not found:
        raise InputError(f"{run}/systems: no finished translator of row {row!r}")
    return found


def compared(first: tuple[Path, str], second: tuple[Path, str]) -> dict[str, Any]:
    """By split: trainings of each, and the paired bootstrap of BLEU-4 (second less first)."""
    result = {}
    for split in ("dev", "test"):
        a, b = trainings(*first, split), trainings(*second, split)
        result[split] = {"trainings": [len(a), len(b)], **asdict(compare(a, b)["bleu4"])}
    return result


def make(request: Request, config: TransferConfig) -> None:
    """The table of a finished run, which nobody else works in meanwhile."""
    run = open_run(request.finished)
    with locked(run.folder):
        result = exchanged(run, config.trained)
    title = f"Translators on poses that they were not trained on ({run.corpus.description.kind} corpus)"
    about = {**request.about(config, run.config.seed), "run": run.config.model_dump(mode="json")}
    write_result(result, request.results, request.name, title, about)


def make_rows(request: Request, config: RowsConfig) -> None:
    """BLEU-4 of the second run's row, less that of the first's."""
    found = compared((Path(config.first), config.first_row), (Path(config.second), config.second_row))
    rows = [
        [
            split,
            " and ".join(map(str, one["trainings"])),
            f"{one['difference']:+.2f}",
            interval(one["interval"], "+.2f", " to "),
            f"{one['p']:.3f}",
        ]
        for split, one in found.items()
    ]
    title = f"BLEU-4 of {config.second}, row {config.second_row}, less that of {config.first}, row {config.first_row}"
    text = markdown("Paired bootstrap", ["split", "trainings", "difference", "95 %", "p"], rows)
    write_result(Result([text], found), request.results, request.name, title, request.about(config, None))
