"""Training of the translator, or of its Gloss2Text ceiling, with JoeyNMT's trainer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skeletor.files.atomic import write_text
from skeletor.poses.pose import PoseSequence
from skeletor.support.devices import resolve_device
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from skeletor.support.together import Processes
from slt.score.bleu import corpus_bleu
from slt.score.scores import Scores, score
from slt.score.tokens import tokenizer
from slt.score.wer import word_error_rate
from slt.translate.config import TranslateConfig
from slt.translate.features import fit_stats
from slt.translate.joey.batches import Example
from slt.translate.joey.decoding.decode import Decoding, decode, encode, tune
from slt.translate.joey.glosses import GlossLoss, GlossModel, make_recognition, steps_needed
from slt.translate.joey.model import token_count
from slt.translate.joey.surroundings import deterministic, quiet
from slt.translate.joey.text import Text, load_text
from slt.translate.joey.trainer import Trainer, average, curve
from slt.translate.task import GlossedText, Task, datasets, gloss_part, learn_text, pose_part, with_gloss_ids
from slt.translate.translator import Translator, new_model, raw_features, recognise


@dataclass(frozen=True)
class TrainResult:
    """What a training gave.

    folder: where `Translator.load` finds it. dev: scores on the whole dev set with the chosen decoding.
    tried: (beam, alpha, dev BLEU-4). curve: JoeyNMT's validations (steps, loss, ppl, acc, greedy bleu, lr).
    averaged: how many checkpoints the weights are the mean of. seconds: wall time of the training.
    too_short: training clips with fewer encoder steps than their glosses need; the gloss head learns nothing from them.
    """

    folder: Path
    dev: Scores
    decoding: Decoding
    tried: tuple[tuple[int, float, float], ...]
    curve: tuple[dict[str, float], ...]
    averaged: int
    updates: int
    seconds: float
    too_short: int = 0


def train_translator(
    train: Sequence[Example], dev: Sequence[Example], config: TranslateConfig, out: Path, seed: int = 0,
    device: str = "auto",
) -> TrainResult:  # fmt: skip
    """Train on poses. A killed training goes on where it was when called again with the same arguments.

    out: folder for the translator, JoeyNMT's checkpoints and its log. Started by torchrun, all its processes train
    together, and the first one writes. Raises InputError on bad examples.
    """
    train = _short_enough(train, config)
    raw = [raw_features(example.pose, config) for example in train]
    stats = fit_stats(raw)
    sources = [stats.standardise(array) for array in raw]
    dev_sources = [stats.standardise(raw_features(example.pose, config)) for example in dev]
    recognition = (
        make_recognition([e.glosses for e in train], [e.glosses for e in dev]) if config.gloss_weight else None
    )
    parts = pose_part(train, sources, config), pose_part(dev, dev_sources, config)
    task = Task(*parts, stats, (), config.subsample, recognition)
    return _train(task, config, Path(out), seed, device)


def _short_enough(examples: Sequence[Example], config: TranslateConfig) -> Sequence[Example]:
    """The examples without those of more than `max_frames` frames at the config's rate."""
    if config.max_frames is None:
        return examples
    kept = [e for e in examples if _frames(e.pose, config) <= config.max_frames]
    if examples and not kept:
        raise InputError(f"max_frames {config.max_frames}: every training clip is longer; give a larger number")
    if len(kept) < len(examples):
        log.info("translator: %d clips of more than %d frames left out", len(examples) - len(kept), config.max_frames)
    return kept


def _frames(pose: PoseSequence | np.ndarray, config: TranslateConfig) -> int:
    if isinstance(pose, np.ndarray):
        return len(pose) * config.frame_stride * config.every
    return round(len(pose) * config.fps / pose.fps)


def train_gloss2text(
    train: Sequence[GlossedText], dev: Sequence[GlossedText], config: TranslateConfig, out: Path, seed: int = 0,
    device: str = "auto",
) -> TrainResult:  # fmt: skip
    """Train the same transformer on pairs (true glosses, text): the score that perfect recognition would give.

    out: as of `train_translator`. Raises InputError if a sentence has no glosses.
    """
    if not all(glosses for glosses, _ in (*train, *dev)):
        raise InputError("Gloss2Text: a sentence has no glosses; give the corpus' gloss column")
    vocabulary = tuple(sorted({gloss for glosses, _ in train for gloss in glosses}))
    task = Task(gloss_part(train, config), gloss_part(dev, config), None, vocabulary, 1)
    return _train(task, config, Path(out), seed, device)


def _tell_long(sentences: Sequence[str], text: Text, longest: int) -> None:
    """A word in the log if sentences like those learned from cannot be given whole."""
    long = sum(len(text.tokenizer(sentence, is_train=False)) > longest for sentence in sentences)
    if long:
        log.warning(
            "translator: %d of %d sentences have more tokens than max_words (%d), the longest that it gives",
            long, len(sentences), longest,
        )  # fmt: skip


def _train(task: Task, config: TranslateConfig, out: Path, seed: int, device: str) -> TrainResult:
    for name, part in (("training", task.train), ("dev", task.dev)):
        if not part.texts:
            raise InputError(f"no {name} examples; give at least one")
        if "" in part.texts:
            raise InputError(f"{name} example {part.names[part.texts.index('')]}: its sentence is empty")
    tokenizer(config.score_tokens)  # one that is not installed is told before hours of work
    target = resolve_device(device)
    recognised, too_short = _recognised(task)
    processes, key = Processes(), _fingerprint(task, config, seed)
    checkpoints = _prepare(out, key) if processes.first else _checkpoints(out)
    start = time.monotonic()
    with deterministic(seed, target), quiet(out / "train.log" if processes.first else None):
        text = _shared_text(processes, task, config, out)
        if task.glosses:
            task = with_gloss_ids(task, text, config)
        model = new_model(config, text, task.glosses, recognised).to(target)
        if isinstance(model, GlossModel) and task.recognition is not None:
            model.gloss_loss = GlossLoss(task.recognition.ids(), config.gloss_weight, target)
        trainer = Trainer(model, checkpoints, target, seed, config)
        if trainer.resume():
            log.info("translator: goes on after %d updates", trainer.stats.steps)
        trainer.train_and_validate(*datasets(task, config, text))
        if not processes.first:
            heard: TrainResult = processes.hear()
            return heard
        model.eval()
        averaged = _choose(trainer, task, text, config)
        batches = list(encode(model, task.dev.sources, task.subsample, target))
        decoding, tried = tune(
            model, batches, text, task.dev.texts, config.beams, config.alphas, config.max_words, config.score_tokens
        )
        hypotheses = decode(model, batches, text, decoding)
        scores = score([h.text for h in hypotheses], task.dev.texts, tokens=config.score_tokens)
        if isinstance(model, GlossModel) and task.recognition is not None:
            wer = word_error_rate(recognise(model, batches, recognised), task.recognition.dev)
            log.info("translator: gloss WER %.2f on dev", wer)
            scores = dataclasses.replace(scores, wer=wer)
    Translator(model, text, config, decoding, target, task.stats, task.glosses, recognised).save(out, out)
    result = TrainResult(
        folder=out, dev=scores, decoding=decoding, tried=tuple(tried), too_short=too_short,
        curve=tuple(curve(checkpoints / "validations.txt")), averaged=averaged, updates=trainer.stats.steps,
        seconds=time.monotonic() - start,
    )  # fmt: skip
    write_text(out / "training.json", json.dumps(_plain(result), ensure_ascii=False, indent=1))
    return processes.told(result)


def _shared_text(processes: Processes, task: Task, config: TranslateConfig, out: Path) -> Text:
    """The tokens, learned by the first process and read by the others."""
    if processes.first:
        text = learn_text(task, config, out)
        _tell_long(task.train.texts, text, config.max_words)
    processes.meet()
    return text if processes.first else load_text(out, config.level)


def _recognised(task: Task) -> tuple[tuple[str, ...], int]:
    """The gloss head's vocabulary, and how many training clips are too short for their glosses."""
    if task.recognition is None:
        return (), 0
    steps = [token_count(len(source), task.subsample) for source in task.train.sources]
    needed = [steps_needed(glosses) for glosses in task.recognition.train]
    too_short = sum(a < b for a, b in zip(steps, needed, strict=True))
    if too_short:
        log.warning(
            "translator: %d of %d training clips are too short for their glosses; the gloss head does without them",
            too_short, len(steps),
        )  # fmt: skip
    return task.recognition.vocabulary, too_short


def _choose(trainer: Trainer, task: Task, text: Text, config: TranslateConfig) -> int:
    """Load the best checkpoint or the mean of the kept ones, whichever is better on dev, greedily.

    Returns of how many checkpoints the weights are the mean.
    """
    model, paths = trainer.model, trainer.kept()
    if not paths:
        return 1

    def bleu(weights: dict[str, torch.Tensor]) -> float:
        model.load_state_dict(weights)
        batches = list(encode(model, task.dev.sources, task.subsample, trainer.device))
        hypotheses = decode(model, batches, text, Decoding(max_words=config.max_words))
        return corpus_bleu([h.text for h in hypotheses], task.dev.texts, config.score_tokens).bleu[3]

    best, mean = average(paths[:1]), average(paths)
    if len(paths) > 1 and bleu(mean) >= bleu(best):
        model.load_state_dict(mean)
        return len(paths)
    model.load_state_dict(best)
    return 1


def _prepare(out: Path, fingerprint: str) -> Path:
    """The folder of checkpoints, emptied if they come from another training."""
    checkpoints = _checkpoints(out)
    stamp = checkpoints / "fingerprint.txt"
    if checkpoints.exists() and not (stamp.exists() and stamp.read_text() == fingerprint):
        shutil.rmtree(checkpoints)
    checkpoints.mkdir(parents=True, exist_ok=True)
    write_text(stamp, fingerprint)
    return checkpoints


def _checkpoints(out: Path) -> Path:
    return out / "checkpoints"


def _fingerprint(task: Task, config: TranslateConfig, seed: int) -> str:
    """A hash of all that a training depends on."""
    digest = hashlib.sha256(f"{config.digest()} {seed} {task.glosses} {task.recognition}".encode())
    for part in (task.train, task.dev):
        digest.update(json.dumps([part.texts, part.glosses]).encode())
        for source in part.sources:
            digest.update(np.ascontiguousarray(source).tobytes())
    return digest.hexdigest()


def _plain(result: TrainResult) -> dict[str, Any]:
    """JSON-able values; no folder, so that a copied folder does not lie."""
    values = dataclasses.asdict(result)
    values.pop("folder")
    return values
