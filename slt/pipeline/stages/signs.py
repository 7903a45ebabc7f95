"""Isolated signs: recognisers of labels for each row and seed, signers left out in turn, and the table of it all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import numpy as np

from slt.data import layout
from slt.pipeline.cache.stage import Done
from slt.pipeline.context import Row, Run, Training
from slt.pipeline.stages.cascades import recogniser_values
from slt.pipeline.stages.translators import TrainedTranslator, system_folder
from slt.pipeline.tables.signs import SignRow, SignSeed, SignTable
from slt.pipeline.work.readers.train_signs import HELD_OUT, TOP, leave_signers_out, train_on_signs
from slt.recognise.config import PRESETS, RecogniserConfig
from slt.recognise.guess import TOP as GUESSES
from slt.score.accuracy import hits, score_hits

_FEWEST = 2  # groups, to leave one out
Guesses = Mapping[str, Sequence[str]]  # clip -> labels, best first


def train_and_score(run: Run, rows: Sequence[Row]) -> tuple[dict[str, tuple[TrainedTranslator, ...]], SignTable]:
    """Train the recognisers of each row and seed, some at a time; gives them by row, and their table."""
    folds = signer_folds(run)
    with run.training_pool() as pool:
        seeds = range(run.config.seed, run.config.seed + run.config.seeds)
        jobs = {(row.name, seed): run.train(pool, training(run, row, seed)) for seed in seeds for row in rows}
        left_out = {row.name: [run.train(pool, without(run, row, k, fold)) for k, fold in enumerate(folds)]
                    for row in rows}  # fmt: skip
        done = {key: job.result() for key, job in jobs.items()}
        new = {name: _merged(futures) for name, futures in left_out.items()}
    systems = {row.name: tuple(TrainedTranslator(done[row.name, seed], seed, {}) for seed in seeds) for row in rows}
    return systems, _table(run, rows, systems, new, folds)


def signer_folds(run: Run) -> list[tuple[str, ...]]:
    """Groups of signers that are left out in turn, of about as many clips each; [] if a clip's signer is not named, or
    there is but one."""
    counts = Counter(clip.speaker for clip in run.corpus.clips)
    number = min(run.config.signer_folds, len(counts))
    if number < _FEWEST or "" in counts:
        return []
    folds: list[list[str]] = [[] for _ in range(number)]
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        min(folds, key=lambda fold: sum(counts[one] for one in fold)).append(name)
    return [tuple(sorted(fold)) for fold in folds]


def recipe(run: Run) -> RecogniserConfig:
    """How the recognisers are trained."""
    return run.config.recogniser or PRESETS["signs"]


def training(run: Run, row: Row, seed: int) -> Training:
    """That of a row's recogniser of labels."""
    target = system_folder(run.folder, row.name, seed, run.config.seed)
    work = partial(train_on_signs, row.store, run.corpus, recipe(run), seed, row.label)
    recogniser, encoder = recogniser_values(recipe(run))
    values = {"recogniser": recogniser, "seed": seed}
    return Training(f"train {target.name}", target, work, values, (row.done, _labels(run), *encoder))


def without(run: Run, row: Row, number: int, signers: tuple[str, ...]) -> Training:
    """The training of one that does not see these signers, and guesses them."""
    target = run.folder / "signers" / f"{row.name}-{number}"
    seed = run.config.seed
    work = partial(leave_signers_out, row.store, run.corpus, recipe(run), seed, signers)
    recogniser, encoder = recogniser_values(recipe(run))
    values = {"recogniser": recogniser, "seed": seed, "signers": list(signers)}
    inputs: list[Done | str] = [row.done, _labels(run), *encoder]
    return Training(f"without {row.name}-{number}", target, work, values, inputs)


def _labels(run: Run) -> str:
    """What is trained on and scored, whatever the poses."""
    return json.dumps([(c.name, c.split, c.speaker, c.text) for c in run.corpus.clips])


def guesses_of(folder: Path, part: str) -> dict[str, list[str]]:
    """What a trained recogniser guessed of a split: clip -> labels, best first."""
    found: dict[str, list[str]] = json.loads((folder / f"{part}{TOP}.json").read_text(encoding="utf-8"))
    return found


def _merged(futures: Sequence[Future[Done]]) -> Guesses:
    """The guesses for all clips whose signers were left out."""
    return {name: found for f in futures for name, found in guesses_of(f.result().folder, HELD_OUT).items()}


def _table(
    run: Run, rows: Sequence[Row], systems: Mapping[str, Sequence[TrainedTranslator]], new: Mapping[str, Guesses],
    folds: Sequence[Sequence[str]],
) -> SignTable:  # fmt: skip
    clips = {split: run.corpus.split(split) for split in layout.SPLITS}
    usual = [label for label, _ in Counter(c.text for c in clips["train"]).most_common(GUESSES)]
    seed = run.config.seed
    floor = {s: [_hits(clips[s], dict.fromkeys((c.name for c in clips[s]), usual))] for s in ("dev", "test")}
    made = [
        SignRow(
            "constant",
            "the most frequent labels (the floor)",
            score_hits(floor["dev"], seed),
            score_hits(floor["test"], seed),
        )
    ]
    for row in rows:
        found = {
            s: [_hits(clips[s], guesses_of(system.done.folder, s)) for system in systems[row.name]]
            for s in ("dev", "test")
        }
        single = tuple(
            SignSeed(system.seed, score_hits([found["dev"][k]], seed), score_hits([found["test"][k]], seed))
            for k, system in enumerate(systems[row.name])
        )
        left_out = None
        if folds:
            every = list(run.corpus.clips)
            left_out = score_hits([_hits(every, new[row.name])], seed, [c.speaker for c in every])
        dev, test = score_hits(found["dev"], seed), score_hits(found["test"], seed)
        made.append(SignRow(row.name, row.label, dev, test, left_out, single))
    c = run.config
    title = f"Isolated signs; estimator {c.estimator.name}, lift {c.lift.mode}, refine {c.refine.name}, seed {c.seed}"
    return SignTable(title, tuple(made), _notes(run, clips, folds))


def _hits(clips: Sequence[layout.Clip], guesses: Guesses) -> np.ndarray:
    """(N, 2) as `hits`; a clip without a pose counts as wrong."""
    return hits([guesses.get(c.name, ()) for c in clips], [c.text for c in clips])


def _notes(run: Run, clips: Mapping[str, Sequence[layout.Clip]], folds: Sequence[Sequence[str]]) -> tuple[str, ...]:
    counts = ", ".join(f"{len(clips[s])} {s}" for s in layout.SPLITS)
    known = {c.text for c in clips["train"]}
    seeds = "one seed" if run.config.seeds == 1 else f"mean of {run.config.seeds} seeds"
    notes = [
        f"{counts} clips, {len(known)} labels; {seeds}; per cent, interval: bootstrap over clips, 95 %; a clip that "
        "could not be read counts as wrong"
    ]
    strange = sum(c.text not in known for s in ("dev", "test") for c in clips[s])
    if strange:
        notes.append(f"{strange} clips of dev and test have a label that no clip of train has; they count as wrong")
    trained = {c.speaker for c in clips["train"]}
    shared = sorted({c.speaker for c in clips["test"] if c.speaker} & trained)
    if shared:
        notes.append(f"{len(shared)} signers of test are in train too: dev and test do not tell of new people")
    if folds:
        people = sum(len(fold) for fold in folds)
        notes.append(
            f"new signers: {people} signers in {len(folds)} groups; each group is guessed by a recogniser of seed "
            f"{run.config.seed} trained on all others' clips, of whichever split; interval: bootstrap over signers. A "
            "trained refiner has seen the poses of train, without labels"
        )
    return tuple(notes)
