"""The stages that learn: the refiner, and one translator for each row of the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skeletor.atomic import write_text
from skeletor.errors import InputError
from skeletor.io.store import open_store
from skeletor.normalise import renormalise
from skeletor.pose import PoseSequence
from skeletor.progress import log_to
from skeletor.training_config import RefinerTrainConfig
from slt.corpus import layout
from slt.pipeline.config import RunConfig
from slt.pipeline.context import CORE_CODE, Row
from slt.pipeline.mapping import worker_pool
from slt.pipeline.stage import Done, run_stage

REFINER_WEIGHTS = "refiner.safetensors"
GLOSS = "gloss2text"
_TRANSLATE_CODE = (*CORE_CODE, "slt/translate")


@dataclass(frozen=True)
class System:
    """A trained translator of one row: its folder, and what it made of dev and test (clip name -> text)."""

    done: Done
    outputs: Mapping[str, Mapping[str, str]]


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


def train_rows(config: RunConfig, corpus: layout.Corpus, rows: Sequence[Row], folder: Path) -> dict[str, System]:
    """Train and decode the translator of each row, and gloss-to-text, `config.workers` at a time."""
    with worker_pool(config.workers) as pool:
        jobs = {row.name: pool.submit(_train_row, config, corpus, row, folder) for row in rows}
        if config.gloss2text:
            jobs[GLOSS] = pool.submit(_train_gloss, config, corpus, folder)
        finished = {name: job.result() for name, job in jobs.items()}
    return {name: System(done, outputs_of(done.folder)) for name, done in finished.items()}


def _train_row(config: RunConfig, corpus: layout.Corpus, row: Row, folder: Path) -> Done:
    def work(out: Path) -> None:
        """Train, decode, write."""
        from slt.translate import Example, Translator, train_translator

        stores = {split: open_store(row.store / split) for split in layout.SPLITS}
        examples = {
            split: [Example(c.name, store[c.name], c.text, c.glosses) for c in corpus.split(split) if c.name in store]
            for split, store in stores.items()
        }
        if not examples["train"] or not examples["dev"]:
            raise InputError(f"{row.label}: no poses for train or dev are left; see the log for the clips left out")
        train_translator(examples["train"], examples["dev"], config.translate, out / "model", config.seed, "auto")
        translator = Translator.load(out / "model")
        for split in ("dev", "test"):
            names = [example.name for example in examples[split]]
            texts = [h.text for h in translator.translate([stores[split][n] for n in names])]
            _write_outputs(out, split, dict(zip(names, texts, strict=True)))

    return _worker_stage(config, folder, row.name, work, (row.done,))


def _train_gloss(config: RunConfig, corpus: layout.Corpus, folder: Path) -> Done:
    def work(out: Path) -> None:
        """Train, decode, write."""
        from slt.translate import Translator, train_gloss2text

        splits = {split: corpus.split(split) for split in layout.SPLITS}
        train_gloss2text(
            [(c.glosses, c.text) for c in splits["train"]],
            [(c.glosses, c.text) for c in splits["dev"]],
            config.translate,
            out / "model",
            config.seed,
        )
        translator = Translator.load(out / "model")
        for split in ("dev", "test"):
            texts = [h.text for h in translator.translate_glosses([c.glosses for c in splits[split]])]
            _write_outputs(out, split, {c.name: t for c, t in zip(splits[split], texts, strict=True)})

    text = json.dumps([(c.name, c.glosses, c.text) for c in corpus.clips])
    return _worker_stage(config, folder, GLOSS, work, (text,))


def _worker_stage(
    config: RunConfig, folder: Path, name: str, work: Callable[[Path], None], inputs: Sequence[Done | str]
) -> Done:
    """`run_stage` in a worker process, with the run's log."""
    log_to(folder / "log.txt")
    values = {"translate": config.translate.model_dump(), "seed": config.seed}
    return run_stage(f"train {name}", folder / "systems" / name, work, values, inputs, _TRANSLATE_CODE)


def _write_outputs(out: Path, split: str, texts: Mapping[str, str]) -> None:
    write_text(out / f"{split}.json", json.dumps(texts, indent=0, ensure_ascii=False))


def outputs_of(folder: Path) -> dict[str, dict[str, str]]:
    """What a trained system made of dev and test (clip name -> text)."""
    return {s: json.loads((folder / f"{s}.json").read_text(encoding="utf-8")) for s in ("dev", "test")}
