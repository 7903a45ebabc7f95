"""Training and reading of the recogniser, beside the joint translator with a gloss head (`preset: ctc`).

Both see the same clips with the same glosses: random features of PHOENIX14T's lengths, whose values do not matter for
the time. Clips per CPU second of one thread.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from experiments.benchmarks.table import Row, rate
from experiments.benchmarks.translate import train_rate
from slt.recognise.config import RecogniserConfig
from slt.recognise.decoding.decode import Reading, read
from slt.recognise.decoding.trigram import Trigram
from slt.recognise.recogniser import log_probabilities
from slt.recognise.train import Clips, RecogniserTask
from slt.translate import features
from slt.translate.config import PRESETS
from slt.translate.features import fit_stats
from slt.translate.joey.decoding.decode import Decoding, decode, encode
from slt.translate.joey.glosses import GlossLoss, GlossModel, make_recognition
from slt.translate.joey.surroundings import deterministic, quiet
from slt.translate.joey.trainer import Trainer
from slt.translate.task import Part, Task, datasets, learn_text
from slt.translate.translator import new_model

CPU = torch.device("cpu")
Pairs = Sequence[tuple[Sequence[str], str]]
_WORDS = 15  # of a sentence: PHOENIX14T's mean; a network that has hardly learned would not end by itself
_PEER = "joint translator, ctc"


def rows(pairs: Pairs, updates: int, reads: int) -> Iterator[Row]:
    """Training, and reading with a beam. pairs: glosses and texts; updates: timed, of each training; reads: clips."""
    raw = _clips([len(text.split()) for _, text in pairs])
    with tempfile.TemporaryDirectory() as folder, deterministic(0, CPU), quiet(Path(folder) / "log"):
        trained, decoded = _joint(pairs, raw, Path(folder), updates, reads)
        ours, read_by_us = _recogniser(pairs, raw, updates, reads)
    yield Row("train the recogniser", "clips/s", ours, _PEER, trained)
    yield Row("read glosses, beam 8", "clips/s", read_by_us, f"{_PEER}, beam 5", decoded)


def _clips(words: Sequence[int]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    lengths = [max(8, round(8.8 * count + rng.normal(26, 16))) // 2 for count in words]
    return [rng.normal(size=(length, features.WIDTH)).astype(np.float32) for length in lengths]


def _recogniser(pairs: Pairs, raw: Sequence[np.ndarray], updates: int, reads: int) -> tuple[float, float]:
    """Clips a second of training, and of reading."""
    config = RecogniserConfig()
    vocabulary = make_recognition([glosses for glosses, _ in pairs], [("x",)]).vocabulary
    numbers = {gloss: k + 1 for k, gloss in enumerate(vocabulary)}
    ids = [tuple(numbers[gloss] for gloss in glosses) for glosses, _ in pairs]
    clips = Clips(list(raw), ids, [np.zeros(len(one), np.int64) for one in raw])
    task = RecogniserTask(config, len(vocabulary), clips, fit_stats(list(raw)), [], [], CPU)
    optimizer = torch.optim.AdamW(task.network.parameters(), 1e-3)
    rng, start = np.random.default_rng(0), 0.0
    for number in range(updates + 3):
        if number == 3:
            start = time.process_time()
        task.loss(task.network, task.draw(rng, 0), 0).backward()
        optimizer.step()
        optimizer.zero_grad()
    trained = updates * config.batch / (time.process_time() - start)
    network, trigram = task.network.eval(), Trigram.fit(ids, len(vocabulary))
    sources, way = [task.stats.standardise(one) for one in raw[:reads]], Reading(beam=8, weight=0.2)
    return trained, rate(lambda: [read(p, trigram, way) for p in log_probabilities(network, sources, CPU)], reads)


def _joint(pairs: Pairs, raw: Sequence[np.ndarray], folder: Path, updates: int, reads: int) -> tuple[float, float]:
    """The same of the translator with a gloss head."""
    config = PRESETS["ctc"].model_copy(update={"max_updates": 100_000, "validate_every": 100_000})
    sources, stats = [np.pad(one, ((0, 0), (0, 1)), constant_values=1) for one in raw], fit_stats(list(raw))
    recognition = make_recognition([glosses for glosses, _ in pairs], [glosses for glosses, _ in pairs[:1]])
    part = Part(sources, [str(k) for k in range(len(raw))], [text for _, text in pairs])
    few = Part(sources[:1], ["0"], [pairs[0][1]])
    task = Task(part, few, stats, (), config.subsample, recognition)
    text = learn_text(task, config, folder)
    model = new_model(config, text, (), recognition.vocabulary)
    assert isinstance(model, GlossModel)
    model.gloss_loss = GlossLoss(recognition.ids(), config.gloss_weight, CPU)
    trainer = Trainer(model, folder / "joint", CPU, 0, config)
    data = datasets(task, config, text)[0]
    trained = train_rate(model, data.make_iter(config.batch, seed=1, shuffle=True), updates, trainer)
    model.eval()
    batches = list(encode(model, sources[:reads], config.subsample, CPU))
    return trained, rate(lambda: decode(model, batches, text, Decoding(5, 1.0, _WORDS)), reads)
