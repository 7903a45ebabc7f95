"""Sentences per second of training and of beam search, beside JoeyNMT's own.

JoeyNMT's own: its data set, sampler, batches, network, loss, optimizer and search, as `joeynmt train` puts them
together; for poses, which it cannot read, its sampler, batches, dropout and loss around our data set and embedding.
Same sentences, same sizes, CPU time of one thread. The glosses and texts are those of the corpus that is
given, else of the rendered corpus' grammar.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joeynmt.search
import numpy as np
import torch
from joeynmt.builders import build_optimizer
from joeynmt.config import _check_special_symbols
from joeynmt.data import load_data
from joeynmt.datasets import BaseDataset, RandomSubsetSampler, SentenceBatchSampler
from joeynmt.model import Model, build_model
from torch import nn
from torch.utils.data import DataLoader

from experiments.benchmarks.table import Row, rate
from slt.data.layout import read_corpus
from slt.inference.model_folder import load_model_folder
from slt.synthetic.language.grammar import make_splits
from slt.translate import features
from slt.translate.config import TranslateConfig
from slt.translate.joey.batches import SequenceDataset
from slt.translate.joey.decoding.decode import Decoding, Encoded, decode, encode
from slt.translate.joey.model import PooledDropout
from slt.translate.joey.surroundings import deterministic, quiet
from slt.translate.joey.trainer import Trainer
from slt.translate.task import Task, datasets, gloss_part, learn_text, with_gloss_ids
from slt.translate.translator import new_model

SIZE = TranslateConfig(
    layers=2, hidden=128, feed_forward=512, heads=4, dropout=0.2, batch=64, max_updates=100_000, validate_every=100_000
)
CPU = torch.device("cpu")
Pairs = Sequence[tuple[Sequence[str], str]]


def rows(corpus: Path | None, updates: int, count: int) -> Iterator[Row]:
    """All comparisons with JoeyNMT. corpus: of PHOENIX14T, or of its annotation; without one, `count` sentences of the
    grammar are trained on, a tenth as many decoded. updates: timed, of each training.
    """
    with tempfile.TemporaryDirectory() as folder, deterministic(0, CPU), quiet(Path(folder) / "log"):
        yield from compared(sentences(corpus, count), Path(folder), updates)


def model_rows(model: Path, poses: Sequence[Any]) -> Iterator[Row]:
    """Decoding of poses as the model does it, beside one clip at a time."""
    translator, count = load_model_folder(model, "cpu").translator, sum(map(len, poses))
    translator.translate(poses[:1])
    ours = rate(lambda: translator.translate(poses), count)
    theirs = rate(lambda: [translator.translate([pose]) for pose in poses], count)
    yield Row("translate (batched beam search)", "frames/s", ours, "one clip at a time", theirs)


def sentences(corpus: Path | None, count: int) -> dict[str, Pairs]:
    """Glosses and texts of train and dev: of the corpus, else of the rendered corpus' grammar."""
    if corpus is not None:
        found = read_corpus(corpus)
        return {split: [(c.glosses, c.text) for c in found.split(split)] for split in ("train", "dev")}
    made = make_splits(count, max(1, count // 10), 1, 0)
    return {split: [(s.glosses, s.text) for s in made[split]] for split in ("train", "dev")}


def compared(pairs: dict[str, Pairs], folder: Path, updates: int) -> Iterator[Row]:
    """Training and search on glosses, then training on poses."""
    config = SIZE
    glosses = tuple(sorted({gloss for line, _ in pairs["train"] for gloss in line}))
    parts = gloss_part(pairs["train"], config), gloss_part(pairs["dev"], config)
    task = Task(*parts, None, glosses, 1)
    text = learn_text(task, config, folder)
    task = with_gloss_ids(task, text, config)
    stock_data, stock_model = joeynmt_s_own(pairs, folder)
    stock = train_rate(stock_model, stock_batches(stock_data), updates)
    for precision in ("float32", "bfloat16"):
        options = config.model_copy(update={"precision": precision})
        model = new_model(options, text, glosses)
        trainer = Trainer(model, folder / precision, CPU, 0, options)
        data = datasets(task, options, text)[0]
        ours = train_rate(model, data.make_iter(64, seed=1, shuffle=True), updates, trainer)
        yield _row(f"train Gloss2Text, {precision}", ours, stock)
    train_rate(model, data.make_iter(64, seed=2, shuffle=True), 4 * updates, trainer)  # so that hypotheses end
    yield from decoding(model.eval(), task.dev.sources[:192], text)
    yield on_poses(config, text, pairs["train"], folder, updates)


def joeynmt_s_own(pairs: dict[str, Pairs], folder: Path) -> tuple[BaseDataset, Model]:
    """The data set and the network that JoeyNMT makes of a config."""
    for language, column in (("gloss", 0), ("de", 1)):
        lines = (" ".join(pair[0]) if column == 0 else pair[1] for pair in pairs["train"])
        (folder / f"train.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sides = {
        side: {"lang": language, "level": "word", "lowercase": False, "tokenizer_type": "none", "voc_min_freq": 1}
        for side, language in (("src", "gloss"), ("trg", "de"))
    }
    special = SimpleNamespace(**_check_special_symbols({}))
    source, target, data, *_ = load_data(
        {"train": str(folder / "train"), "dataset_type": "plain", **sides, "special_symbols": special}, ["train"]
    )
    half = {
        "type": "transformer", "num_layers": SIZE.layers, "num_heads": SIZE.heads, "layer_norm": "pre",
        "embeddings": {"embedding_dim": SIZE.hidden, "scale": True, "dropout": SIZE.dropout},
        "hidden_size": SIZE.hidden, "ff_size": SIZE.feed_forward, "dropout": SIZE.dropout,
    }  # fmt: skip
    model = build_model({"encoder": half, "decoder": half, "initializer": "xavier_uniform"}, source, target)
    model.loss_function = ("crossentropy", 0.1)
    return data, model


def stock_batches(data: BaseDataset) -> Iterable[Any]:
    """As JoeyNMT's trainer asks for them."""
    batches: Iterable[Any] = data.make_iter(
        batch_size=64, batch_type="sentence", seed=1, shuffle=True, num_workers=0, pad_index=1, eos_index=3, device=CPU
    )
    return batches


def train_rate(model: Model, batches: Iterable[Any], updates: int, trainer: Trainer | None = None) -> float:
    """Sentences per CPU second of so many updates, after a few to warm up. Without a trainer, JoeyNMT's steps."""
    config = {"optimizer": "adam", "learning_rate": 1e-3, "adam_betas": [0.9, 0.999]}
    optimizer = trainer.optimizer if trainer else build_optimizer(config, model.parameters())
    seen, start = 0, 0.0
    model.train()
    for number, batch in enumerate(batches):
        if number == 3:
            start = time.process_time()
        if number == updates + 3:
            break
        if trainer:
            trainer._train_step(batch)
        else:
            batch.sort_by_src_length()
            loss, _, _, right = model(return_type="loss", **vars(batch))
            batch.normalize(loss, "tokens").backward()
            right.item()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        model.zero_grad()
        seen += batch.nseqs if number >= 3 else 0
    return seen / (time.process_time() - start)


def decoding(model: Model, sources: Sequence[np.ndarray], text: Any) -> Iterator[Row]:
    """Beam search on dev: JoeyNMT's with batches in the file's order, and ours."""
    stock_groups = [next(encode(model, sources[k : k + 64], 1, CPU)) for k in range(0, len(sources), 64)]
    groups = list(encode(model, sources, 1, CPU))
    for beam in (1, 5):

        def theirs(beam: int = beam) -> None:
            for group in stock_groups:
                joeynmt_search(model, group, beam)

        def ours(beam: int = beam) -> None:
            decode(model, groups, text, Decoding(beam, 1.0, 40))

        count = len(sources)
        yield _row(f"decode Gloss2Text, beam {beam}", rate(ours, count), rate(theirs, count))


def joeynmt_search(model: Model, group: Encoded, beam: int) -> None:
    """JoeyNMT's search of one batch."""
    shared = {"model": model, "encoder_output": group.states, "encoder_hidden": None, "src_mask": group.mask,
              "max_output_length": 40}  # fmt: skip
    with torch.no_grad():
        if beam == 1:
            joeynmt.search.greedy(**shared)
        else:
            joeynmt.search.beam_search(beam_size=beam, alpha=1.0, n_best=1, **shared)


def on_poses(config: TranslateConfig, text: Any, pairs: Pairs, folder: Path, updates: int) -> Row:
    """Training on pose features of PHOENIX14T's lengths (random ones: their values do not matter for the time)."""
    rng = np.random.default_rng(0)
    lengths = [max(8, round(4.4 * len(line) + rng.normal(13, 8))) for _, line in ((g, t.split()) for g, t in pairs)]
    few = min(len(pairs), 3000)
    sources = [rng.normal(size=(n // 2, features.WIDTH + 1)).astype(np.float32) for n in lengths[:few]]
    texts = [text for _, text in pairs[:few]]
    names = [str(k) for k in range(few)]

    def data() -> SequenceDataset:
        return SequenceDataset(sources, names, texts, text.words, text.tokenizer, "train", config.subsample)

    stock_model = new_model(config, text)
    stock_model.loss_function = ("crossentropy", config.label_smoothing)
    with_torch_dropout(stock_model)
    stock = train_rate(stock_model, unsorted(data()), updates)
    model = new_model(config, text)
    trainer = Trainer(model, folder / "poses", CPU, 0, config)
    ours = train_rate(model, data().make_iter(64, seed=1, shuffle=True), updates, trainer)
    return _row("train on poses, float32", ours, stock)


def unsorted(data: SequenceDataset) -> DataLoader[Any]:
    """Our data set with JoeyNMT's sampler."""
    sampler = RandomSubsetSampler(data, shuffle=True, generator=torch.Generator().manual_seed(0))
    batches = SentenceBatchSampler(sampler, batch_size=64, drop_last=False, seed=0)
    return DataLoader(data, batch_sampler=batches, collate_fn=lambda items: data.collate_fn(items, 1, 3))


def with_torch_dropout(model: nn.Module) -> None:
    """JoeyNMT's own dropout layers."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, PooledDropout):
                setattr(module, name, nn.Dropout(child.p))


def _row(stage: str, ours: float, theirs: float) -> Row:
    return Row(stage, "sentences/s", ours, "JoeyNMT's own", theirs)
