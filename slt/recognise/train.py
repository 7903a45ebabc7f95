"""Training of the recogniser on poses with glosses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, ctc_loss

from skeletor.learning.schedule import Budget, Schedule
from skeletor.learning.task import Options
from skeletor.learning.trainer import train
from skeletor.poses.pose import PoseSequence
from skeletor.support.devices import process_count, resolve_device
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data.alignments import Span
from slt.recognise.augment import augment, run_on
from slt.recognise.config import RecogniserConfig
from slt.recognise.decoding.decode import BLANK, Ids, Reading, greedy, tune
from slt.recognise.decoding.trigram import Trigram
from slt.recognise.labels import UNKNOWN, row_labels
from slt.recognise.network import Read, RecogniserNetwork
from slt.recognise.pretraining.encoder import PretrainedEncoder
from slt.recognise.recogniser import Recogniser, log_probabilities, raw_features
from slt.score.wer import word_error_rate
from slt.translate.features import FeatureStats, fit_stats
from slt.translate.joey.glosses import steps_needed

_POOL = 8  # a batch is drawn from so many batches of clips of like length


@dataclass(frozen=True, eq=False)
class GlossClip:
    """A clip with its glosses. pose: 3D, in shoulder widths. spans: its aligned signs, in frames of the pose."""

    name: str
    pose: PoseSequence
    glosses: tuple[str, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, eq=False)
class Batch:
    """frames (B, T, F + 1), targets (B, L) numbers of glosses, lengths (B,) of the targets, labels (B, T)."""

    frames: Tensor
    targets: Tensor
    lengths: Tensor
    labels: Tensor

    def pinned(self) -> Batch:
        """What goes to a GPU in page-locked memory, from which it copies while the CPU goes on; shapes and types stay.

        CTC asks for the lengths on the CPU.
        """
        return Batch(self.frames.pin_memory(), self.targets.pin_memory(), self.lengths, self.labels.pin_memory())


@dataclass(frozen=True, eq=False)
class Clips:
    """What is learned from: raw features (T, F), numbers of glosses, labels (T,) of rows; by clip."""

    raw: list[np.ndarray]
    ids: list[Ids]
    labels: list[np.ndarray]


def train_recogniser(
    clips: Sequence[GlossClip], dev: Sequence[GlossClip], config: RecogniserConfig, out: Path, seed: int = 0,
    device: str = "auto",
) -> Recogniser:  # fmt: skip
    """Train, choose on dev how glosses are read, and write the recogniser into `out`.

    A killed training goes on where it was when called again with the same arguments. Started by torchrun, all its
    processes train together, and the first one writes. Raises InputError if there are no clips, or one has no glosses,
    or the encoder that it begins with cannot be used.
    """
    for what, some in (("training", clips), ("dev", dev)):
        bare = [clip.name for clip in some if not clip.glosses]
        if not some or bare:
            raise InputError(f"recogniser: {bare[0]} has no glosses" if bare else f"recogniser: no {what} clips")
    glosses = tuple(sorted({gloss for clip in clips for gloss in clip.glosses}))
    numbers = {gloss: k + 1 for k, gloss in enumerate(glosses)}
    known = prepared(clips, numbers, config)
    _tell_too_short(known, config)
    encoder = PretrainedEncoder.of(config)
    stats = encoder.stats if encoder else fit_stats(known.raw)
    held_out = [stats.standardise(raw_features(clip.pose, config)) for clip in dev]
    references = [[str(numbers.get(g, UNKNOWN)) for g in clip.glosses] for clip in dev]
    target = resolve_device(device)
    trained = train(
        lambda place: RecogniserTask(config, len(glosses), known, stats, held_out, references, place, encoder),
        options(config, len(clips)), seed, target, out,
        identity(config, known, held_out, references, seed, encoder),
    )  # fmt: skip
    if trained.first:
        network, target = trained.task.network, trained.device
        trigram = Trigram.fit(known.ids, len(glosses))
        found = log_probabilities(network, held_out, target)
        best, rates = tune(found, [tuple(map(int, r)) for r in references], trigram, _readings(config))
        for description, rate in rates.items():
            log.info("recogniser: dev WER %.2f with %s", rate, description)
        alone = config.model_copy(update={"pretrained": None})  # the weights are its own now
        recogniser = Recogniser(network, alone, glosses, stats, trigram, best, target)
        recogniser.save(out)
    trained.fabric.barrier()
    return recogniser if trained.first else Recogniser.load(out, str(trained.device))


def _readings(config: RecogniserConfig) -> list[Reading]:
    plain = [Reading(beam=1)]
    if config.beam == 1:
        return plain
    weights, bonuses = config.gloss_weights, config.gloss_bonuses
    return plain + [Reading(beam=config.beam, weight=w, bonus=b) for w in weights for b in bonuses]


def prepared(clips: Sequence[GlossClip], numbers: dict[str, int], config: RecogniserConfig) -> Clips:
    """What is learned from the clips. numbers: of the glosses, from 1."""
    raw = [raw_features(clip.pose, config) for clip in clips]
    labels = [
        row_labels(clip.spans, len(array), config.frame_stride * clip.pose.fps / config.fps, numbers)
        for clip, array in zip(clips, raw, strict=True)
    ]
    return Clips(raw, [tuple(numbers[g] for g in clip.glosses) for clip in clips], labels)


def _tell_too_short(clips: Clips, config: RecogniserConfig) -> None:
    """A warning of clips with fewer steps than CTC needs for their glosses, which teach nothing. InputError if all."""
    steps = [-(-len(array) // config.subsample) for array in clips.raw]
    short = sum(have < steps_needed(ids) for have, ids in zip(steps, clips.ids, strict=True))
    if not short:
        return
    each = config.subsample * config.frame_stride
    told = f"recogniser: %d of %d clips have fewer than {each} frames (at {config.fps:g} a second) for each gloss"
    if short == len(steps):
        raise InputError(f"{told % (short, short)}; 0 are left to learn from; give longer clips")
    log.warning(f"{told}; nothing is learned from them", short, len(steps))


def options(config: RecogniserConfig, clips: int) -> Options:
    """How the trainer goes about so many clips."""
    steps = max(1, round(config.epochs * clips / (config.batch * config.accumulate * process_count())))
    return Options(
        name="recogniser", schedule=Schedule("cosine", config.learning_rate, config.warmup),
        budget=Budget(steps, config.max_minutes), batch_size=min(config.batch, clips),
        weight_decay=config.weight_decay, gradient_clip=1.0, log_every=100, checkpoint_every=500, ema=config.ema,
        prefetch=1, unit="clips", accumulate=config.accumulate,
    )  # fmt: skip


@dataclass(eq=False)
class RecogniserTask:
    """What `skeletor.learning.trainer` trains: CTC of all heads, streams towards the heads' mean, aligned glosses."""

    config: RecogniserConfig
    glosses: int
    clips: Clips
    stats: FeatureStats
    dev: list[np.ndarray]
    references: list[list[str]]
    device: torch.device
    encoder: PretrainedEncoder | None = None  # what the network begins with
    network: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        network = RecogniserNetwork(self.config, self.glosses)
        if self.encoder:
            self.encoder.start(network)
        network.frame_head.requires_grad_(self.reads_frames)  # processes wait for each gradient that may come
        self.network = network.to(self.device)
        self.order = np.argsort([len(array) for array in self.clips.raw], kind="stable")

    @property
    def reads_frames(self) -> bool:
        """Whether the head of aligned glosses learns."""
        return self.config.frame_weight > 0

    def draw(self, rng: np.random.Generator, number: int) -> Batch:
        """Clips of like length, augmented; frames (B, T, F + 1)."""
        count, size = len(self.order), min(self.config.batch, len(self.order))
        pool = min(count, _POOL * size)
        start = int(rng.integers(count))  # the order is a ring: every clip is as likely
        ring = self.order[np.arange(start, start + pool) % count]
        chosen = rng.choice(ring, size, replace=False)
        sources, labels = [], []
        for k in chosen:
            raw, label = self._with_ends(int(k), rng)
            raw, label = augment(raw, label, self.config, rng)
            standard = self.stats.standardise(raw)
            if self.config.noise:
                drawn = rng.standard_normal((len(standard), standard.shape[1] - 1), dtype=np.float32)
                standard[:, :-1] += self.config.noise * drawn
            sources.append(torch.from_numpy(standard))
            labels.append(torch.from_numpy(label))
        targets = [torch.tensor(self.clips.ids[k]) for k in chosen]
        pad = nn.utils.rnn.pad_sequence
        batch = Batch(
            pad(sources, batch_first=True),
            pad(targets, batch_first=True),
            torch.tensor([len(target) for target in targets]),
            pad(labels, batch_first=True, padding_value=UNKNOWN),
        )
        return batch.pinned() if self.device.type == "cuda" else batch

    def _with_ends(self, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels of clip `k`, whose ends may be those of a sentence among others."""
        raw, label = self.clips.raw[k], self.clips.labels[k]
        for step in (1, -1) if self.config.run_ons else ():  # the end, and with time reversed the beginning
            if rng.random() < self.config.run_ons:
                other = self.clips.raw[int(rng.integers(len(self.clips.raw)))]
                raw, label = run_on(raw[::step], label[::step], other[::step], self.config, rng)
                raw, label = raw[::step], label[::step]
        return np.ascontiguousarray(raw), np.ascontiguousarray(label)

    def loss(self, runner: nn.Module, batch: Batch, seed: int) -> Tensor:
        """Mean over the clips of the CTC loss and of what is added to it."""
        c, place = self.config, self.device
        with torch.autocast(place.type, torch.bfloat16, enabled=c.bf16):
            read: Read = runner(batch.frames.to(place, non_blocking=True))
        targets, labels = (one.to(place, non_blocking=True) for one in (batch.targets, batch.labels))
        steps = (batch.frames[:, :: c.subsample, -1] > 0.5).sum(
            1
        )  # (B,) like `lengths` not on a GPU: CTC asks for them
        heads = [logits.float().log_softmax(2) for logits in (read.joined, *read.streams)]  # 4 x (B, T', 1 + G)
        losses = [
            ctc_loss(h.transpose(0, 1), targets, steps, batch.lengths, BLANK, reduction="sum", zero_infinity=True)
            for h in heads
        ]
        total = losses[0] + c.stream_weight * torch.stack(losses[1:]).sum()
        if c.distil_weight:
            with torch.no_grad():
                mean = torch.stack(heads).exp_().mean(0) * read.real[:, :, None]  # (B, T', 1 + G), 0 behind the end
            total = total - c.distil_weight * (mean * torch.stack(heads[1:]).sum(0)).sum()  # but for a constant, KL
        if c.frame_weight:
            aligned = labels[:, :: c.subsample]  # (B, T')
            total = total + c.frame_weight * cross_entropy(
                read.frames.float().flatten(0, 1), aligned.flatten(), ignore_index=UNKNOWN, reduction="sum"
            )
        return total / len(targets)

    def validate(self) -> dict[str, float]:
        """The word error rate on dev, read step by step."""
        found = log_probabilities(self.network, self.dev, self.device)
        return {"dev_wer": word_error_rate([[str(k) for k in greedy(one)] for one in found], self.references)}


def identity(
    config: RecogniserConfig, clips: Clips, dev: list[np.ndarray], references: list[list[str]], seed: int,
    encoder: PretrainedEncoder | None,
) -> str:  # fmt: skip
    """A hash, as hex, of all that a training depends on. dev: (T, F) of each clip."""
    digest = hashlib.sha256(f"{config.model_dump_json()} {seed} {clips.ids} {references}".encode())
    digest.update((encoder.digest() if encoder else "").encode())
    for array in _all_arrays(clips, dev):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _all_arrays(clips: Clips, dev: list[np.ndarray]) -> Iterator[np.ndarray]:
    yield from clips.raw
    yield from clips.labels
    yield from dev
