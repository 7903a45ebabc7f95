"""The stages that learn: the refiner, and one translator for each row of the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skeletor.atomic import write_text
from skeletor.errors import InputError
from skeletor.io.store import open_store
from skeletor.normalise import renormalise
from skeletor.pose import PoseSequence
from skeletor.progress import log_to
from skeletor.training_config import RefinerTrainConfig
from slt.corpus import layout
from slt.pipeline.context import CORE_CODE, Row, Run
from slt.pipeline.mapping import worker_pool
from slt.pipeline.stage import Done

REFINER_WEIGHTS = "refiner.safetensors"
GLOSS = "gloss2text"
_GLOSSES = "-glosses"  # in the name of a file of recognised glosses
_TRANSLATE_CODE = (*CORE_CODE, "slt/translate")


@dataclass(frozen=True)
class System:
    """A trained translator of one row: its folder, its seed, and what it made of dev and test (clip name -> text).

    glosses: likewise what its gloss head recognised; {} if it has none.
    """

    done: Done
    seed: int
    outputs: Mapping[str, Mapping[str, str]]
    glosses: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A translator in training: its row's name, its seed, and the stage that comes."""

    row: str
    seed: int
    future: Future[Done]


def train_skeletor(
    stores: Sequence[Path], degraded: Path | None, config: RefinerTrainConfig, seed: int, threads: int, out: Path
) -> None:
    """Train the refiner on lifted poses; never on the truth. Writes `out/refiner.safetensors`.

    degraded: a store of the same clips as a worse detector would have seen them, or None.
    """
    clips = {name: pose for store in stores for name, pose in open_store(store).items()}
    worse = None
    if degraded is not None:
        found = open_store(degraded)
        clips = {name: pose for name, pose in clips.items() if name in found}
        worse = [renormalise(found[name], clips[name]) for name in sorted(clips)]
    _train_refiner([clips[name] for name in sorted(clips)], worse, config, seed, threads, out)


def train_on_motion(truth: Path, lifted: Path, config: RefinerTrainConfig, seed: int, threads: int, out: Path) -> None:
    """Train the refiner to turn lifted detections into the true motion of the same clips, both normalised by
    themselves: it also learns what the estimator and the lifter always get wrong. Writes `out/refiner.safetensors`.
    """
    targets, inputs = open_store(truth), open_store(lifted)
    names = sorted(set(targets) & set(inputs))
    _train_refiner([targets[n] for n in names], [inputs[n] for n in names], config, seed, threads, out)


def _train_refiner(
    clips: Sequence[PoseSequence],
    degraded: Sequence[PoseSequence] | None,
    config: RefinerTrainConfig,
    seed: int,
    threads: int,
    out: Path,
) -> None:
    import torch

    from skeletor.training import train_refiner

    torch.set_num_threads(threads)
    train_refiner(clips, config, out, seed, "auto", degraded)


def train_rows(run: Run, rows: Sequence[Row]) -> dict[str, tuple[System, ...]]:
    """Train and decode the translators of each row, and of gloss-to-text, `config.workers` at a time.

    A row has `config.seeds` translators that differ in nothing but their seed; a row's first seed is trained
    before any row's second.
    """
    with worker_pool(run.config.workers) as pool:
        return collect(submit(pool, run, rows))


def submit(pool: Executor, run: Run, rows: Sequence[Row]) -> list[Job]:
    """The jobs of `train_rows`, in a pool."""
    gloss = run.config.gloss2text and (not run.config.rows or GLOSS in run.config.rows)
    jobs = []
    for seed in range(run.config.seed, run.config.seed + run.config.seeds):
        jobs += [Job(row.name, seed, pool.submit(_train_row, run, row, seed)) for row in rows]
        if gloss:
            jobs.append(Job(GLOSS, seed, pool.submit(_train_gloss, run, seed)))
    return jobs


def collect(jobs: Sequence[Job]) -> dict[str, tuple[System, ...]]:
    """Wait for the jobs; the systems of each row in the order of their seeds."""
    systems: dict[str, tuple[System, ...]] = {}
    for job in jobs:
        done = job.future.result()
        system = System(done, job.seed, outputs_of(done.folder), outputs_of(done.folder, _GLOSSES))
        systems[job.row] = (*systems.get(job.row, ()), system)
    return systems


def system_folder(folder: Path, name: str, seed: int, first: int) -> Path:
    """Where the translator of a row lies. The first seed's is named after the row alone: more seeds leave it there."""
    return folder / "systems" / (name if seed == first else f"{name}-s{seed}")


def _train_row(run: Run, row: Row, seed: int) -> Done:
    def work(out: Path) -> None:
        """Train, decode, write."""
        from slt.translate import Example, Translator, train_translator

        stores = {split: open_store(row.store / split) for split in layout.SPLITS}
        examples = {
            split: [
                Example(c.name, store[c.name], c.text, c.glosses) for c in run.corpus.split(split) if c.name in store
            ]
            for split, store in stores.items()
        }
        if not examples["train"] or not examples["dev"]:
            raise InputError(f"{row.label}: no poses for train or dev are left; see the log for the clips left out")
        train_translator(examples["train"], examples["dev"], run.config.translate, out / "model", seed, "auto")
        translator = Translator.load(out / "model")
        for split in ("dev", "test"):
            names = [example.name for example in examples[split]]
            texts = [h.text for h in translator.translate([stores[split][n] for n in names])]
            _write_outputs(out, split, dict(zip(names, texts, strict=True)))
            if translator.recognised:
                glosses = translator.recognise([stores[split][n] for n in names])
                _write_outputs(out, split + _GLOSSES, dict(zip(names, glosses, strict=True)))

    return _worker_stage(run, row.name, seed, work, (row.done,))


def _train_gloss(run: Run, seed: int) -> Done:
    def work(out: Path) -> None:
        """Train, decode, write."""
        from slt.translate import Translator, train_gloss2text

        splits = {split: run.corpus.split(split) for split in layout.SPLITS}
        train_gloss2text(
            [(c.glosses, c.text) for c in splits["train"]],
            [(c.glosses, c.text) for c in splits["dev"]],
            run.config.translate,
            out / "model",
            seed,
        )
        translator = Translator.load(out / "model")
        for split in ("dev", "test"):
            texts = [h.text for h in translator.translate_glosses([c.glosses for c in splits[split]])]
            _write_outputs(out, split, {c.name: t for c, t in zip(splits[split], texts, strict=True)})

    text = json.dumps([(c.name, c.glosses, c.text) for c in run.corpus.clips])
    return _worker_stage(run, GLOSS, seed, work, (text,))


def _worker_stage(run: Run, name: str, seed: int, work: Callable[[Path], None], inputs: Sequence[Done | str]) -> Done:
    """`run_stage` in a worker process, with the run's log."""
    log_to(run.folder / "log.txt")
    target = system_folder(run.folder, name, seed, run.config.seed)
    values = {"translate": run.config.translate.model_dump(), "seed": seed, "period": run.config.period}
    return run.stage(f"train {target.name}", target, work, values, inputs, _TRANSLATE_CODE)


def _write_outputs(out: Path, split: str, texts: Mapping[str, str] | Mapping[str, Sequence[str]]) -> None:
    write_text(out / f"{split}.json", json.dumps(texts, indent=0, ensure_ascii=False))


def outputs_of(folder: Path, kind: str = "") -> dict[str, Any]:
    """What a trained system made of dev and test (clip name -> text); kind: of its file's name."""
    files = {split: folder / f"{split}{kind}.json" for split in ("dev", "test")}
    return {split: json.loads(file.read_text(encoding="utf-8")) for split, file in files.items() if file.exists()}
