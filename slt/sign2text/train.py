"""Training of Sign2Text with the translator's trainer (JoeyNMT's): same text, validation, stopping and decoding."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from joeynmt.config import TestConfig
from joeynmt.model import Model

from skeletor.files.atomic import write_text
from skeletor.files.keyed import keyed_folder
from skeletor.support.devices import resolve_device
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.score.bleu import corpus_bleu
from slt.score.scores import score
from slt.sign2text.batches import FrameDataset, change_frames
from slt.sign2text.cnn import AlexNet, load_cnn_weights
from slt.sign2text.config import Sign2TextConfig
from slt.sign2text.decoded import FrameStore, mean_picture
from slt.sign2text.translator import Sign2Text, encode_frames, new_model
from slt.translate.joey.decoding.decode import Decoding, decode, tune
from slt.translate.joey.surroundings import deterministic, quiet
from slt.translate.joey.text import Text, fit_text
from slt.translate.joey.trainer import Trainer, average, curve
from slt.translate.train import TrainResult

_VALIDATION_BATCH = 8  # clips; those of PHOENIX14T take 46 MB each as 300 frames of 227 x 227


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips of train or dev: files of decoded frames (`frames.decode_frames`), names and sentences."""

    files: Sequence[Path]
    names: Sequence[str]
    texts: Sequence[str]


def train_sign2text(
    train: Clips, dev: Clips, config: Sign2TextConfig, out: Path, seed: int = 0, device: str = "auto", threads: int = 1
) -> TrainResult:
    """Train from pixels. A killed training goes on where it was when called again with the same arguments.

    On a CPU with as many threads it ends with the same bytes. out: folder for the model, JoeyNMT's checkpoints and its
    log. Raises InputError on bad clips or weights.
    """
    for name, part in (("training", train), ("dev", dev)):
        if not part.files:
            raise InputError(f"Sign2Text: no {name} clips with pixels; give at least one")
    out, target = Path(out), resolve_device(device)
    stores = FrameStore(train.files), FrameStore(dev.files)
    mean = mean_picture(stores[0], stores[0].lengths)
    key = _fingerprint(train, dev, stores, mean, config, seed)
    checkpoints = keyed_folder(out / "checkpoints", key)
    start = time.monotonic()
    with deterministic(seed, target), quiet(out / "train.log"):
        torch.set_num_threads(threads)
        text = fit_text(train.texts, out, "word", config.minimum_count)
        model = new_model(config, text, torch.from_numpy(mean))
        if config.cnn_weights is not None:
            assert isinstance(model.encoder.cnn, AlexNet)
            load_cnn_weights(model.encoder.cnn, config.cnn_weights)
        trainer = FrameTrainer(model.to(target), checkpoints, target, seed, config)
        if trainer.resume():
            log.info("sign2text: goes on after %d updates", trainer.stats.steps)
        trainer.train_and_validate(*_datasets(train, dev, stores, config, text))
        model.eval()
        averaged = _choose(trainer, stores[1], dev.texts, text, config)
        batches = list(encode_frames(model, stores[1], config.frame_stride, target))
        decoding, tried = tune(model, batches, text, dev.texts, config.beams, config.alphas, config.max_words)
        hypotheses = decode(model, batches, text, decoding)
    Sign2Text(model, text, config, decoding, target).save(out, out)
    result = TrainResult(
        folder=out, dev=score([h.text for h in hypotheses], list(dev.texts)), decoding=decoding, tried=tuple(tried),
        curve=tuple(curve(checkpoints / "validations.txt")), averaged=averaged, updates=trainer.stats.steps,
        seconds=max(time.monotonic() - start, trainer.clock.elapsed),  # the latter counts what was before a break
    )  # fmt: skip
    values = dataclasses.asdict(result)
    values.pop("folder")  # a copied folder must not lie
    write_text(out / "training.json", json.dumps(values, ensure_ascii=False, indent=1))
    return result


class FrameTrainer(Trainer):
    """The translator's trainer, with small batches in validation and no pictures of attention."""

    dev_cfg: TestConfig

    def __init__(self, model: Model, folder: Path, device: torch.device, seed: int, config: Sign2TextConfig) -> None:
        super().__init__(model, folder, device, seed, config.training_options())
        self.args = self.args._replace(print_valid_sents=[])
        self.dev_cfg = self.dev_cfg._replace(batch_size=_VALIDATION_BATCH)


def _datasets(
    train: Clips, dev: Clips, stores: tuple[FrameStore, FrameStore], config: Sign2TextConfig, text: Text
) -> tuple[FrameDataset, FrameDataset]:
    """Train, and the part of dev that validations decode."""
    change = partial(change_frames, shift=config.shift, brightness=config.brightness, mirror=config.mirror)
    sizes = (config.frame_stride, config.max_frames, config.max_words)
    some = slice(config.validation_sentences)
    return (
        FrameDataset(stores[0], train.names, train.texts, text, "train", *sizes, change, config.word_dropout),
        FrameDataset(FrameStore(dev.files[some]), dev.names[some], dev.texts[some], text, "dev", *sizes),
    )


def _choose(trainer: Trainer, clips: FrameStore, texts: Sequence[str], text: Text, config: Sign2TextConfig) -> int:
    """Load the best checkpoint or the mean of the kept ones, whichever is better on dev, greedily; gives how many
    checkpoints the weights are the mean of."""
    model, paths = trainer.model, trainer.kept()
    if not paths:
        return 1

    def bleu(weights: dict[str, torch.Tensor]) -> float:
        model.load_state_dict(weights)
        batches = list(encode_frames(model, clips, config.frame_stride, trainer.device))
        hypotheses = decode(model, batches, text, Decoding(max_words=config.max_words))
        return corpus_bleu([h.text for h in hypotheses], texts).bleu[3]

    best = average(paths[:1])
    if len(paths) > 1:
        mean = average(paths)
        if bleu(mean) >= bleu(best):
            model.load_state_dict(mean)
            return len(paths)
    model.load_state_dict(best)
    return 1


def _fingerprint(
    train: Clips, dev: Clips, stores: tuple[FrameStore, FrameStore], mean: np.ndarray, config: Sign2TextConfig,
    seed: int,
) -> str:  # fmt: skip
    """A hash of all that a training depends on; pixels by the lengths of the clips and their mean picture."""
    digest = hashlib.sha256(f"{config.digest()} {seed}".encode())
    for part, store in zip((train, dev), stores, strict=True):
        digest.update(repr((list(part.names), list(part.texts), store.lengths)).encode())
    digest.update(mean.tobytes())
    if config.cnn_weights is not None and Path(config.cnn_weights).is_file():
        with open(config.cnn_weights, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
