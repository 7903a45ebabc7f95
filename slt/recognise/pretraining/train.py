"""Training of the encoder on poses without glosses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from skeletor.learning.data.clip_stream import ShardClips
from skeletor.learning.data.shards import Shards
from skeletor.learning.schedule import Budget, Schedule
from skeletor.learning.task import Options
from skeletor.learning.trainer import train
from skeletor.poses.pose import PoseSequence
from skeletor.support.devices import resolve_device
from skeletor.support.errors import InputError
from slt.recognise.augment import augment
from slt.recognise.network import Encoder
from slt.recognise.pretraining.clips import Held, RawClips, Streamed
from slt.recognise.pretraining.config import PretrainConfig
from slt.recognise.pretraining.encoder import PretrainedEncoder
from slt.recognise.pretraining.network import Found, PretrainNetwork, contrastive_loss, masked_loss, order_loss
from slt.recognise.pretraining.views import DOUBTS, Clips, hide, shuffle
from slt.recognise.recogniser import raw_features
from slt.translate.features import STREAMS, FeatureStats, fit_stats


def pretrain(
    poses: Iterable[PoseSequence | np.ndarray] | Shards, config: PretrainConfig, out: Path, seed: int = 0,
    device: str = "auto",
) -> PretrainedEncoder:  # fmt: skip
    """Train on 3D poses in shoulder widths (or their raw features), and write the encoder into `out`.

    Of shards only a buffer of clips is in memory, and the features' statistics are of some.

    A killed training goes on where it was when called again with the same arguments. Started by torchrun, all its
    processes train together, and the first one writes. Raises InputError if there are no poses, or one is not 3D
    SIGNING_50 in shoulder widths.
    """
    clips: RawClips
    if isinstance(poses, Shards):
        ready = partial(raw_features, config=config.recogniser)
        source = ShardClips(poses, ready, clips_of(config, poses.clips), seed)
        clips, raw = Streamed(source), source.some()
    else:
        raw = [raw_features(pose, config.recogniser) for pose in poses]
        clips = Held(raw)
    if not raw:
        raise InputError("pretraining: no poses")
    stats = fit_stats(raw)
    digest = hashlib.sha256(f"{config.model_dump_json(exclude={'checkpoint_every'})} {seed}".encode())
    clips.update(digest)
    trained = train(
        lambda place: PretrainTask(config, clips, stats, place), _options(config), seed, resolve_device(device), out,
        digest.hexdigest(),
    )  # fmt: skip
    names = Encoder(config.recogniser).state_dict()
    weights = {name: value for name, value in trained.task.network.state_dict().items() if name in names}
    encoder = PretrainedEncoder(config.recogniser, stats, weights)
    if trained.first:
        encoder.save(out)
    trained.fabric.barrier()
    return encoder


def _options(config: PretrainConfig) -> Options:
    return Options(
        name="encoder", schedule=Schedule("cosine", config.learning_rate, config.warmup),
        budget=Budget(config.steps), batch_size=config.batch, weight_decay=config.weight_decay, gradient_clip=1.0,
        log_every=100, checkpoint_every=config.checkpoint_every, ema=config.recogniser.ema, prefetch=1,
        unit="sequences", accumulate=config.accumulate,
    )  # fmt: skip


def clips_of(config: PretrainConfig, count: int) -> int:
    """How many of `count` clips a batch has: its sequences are one or more views of each."""
    wanted = config.objectives
    each = (2 if "contrastive" in wanted else int("masked" in wanted)) + int("order" in wanted)
    return min(count, max(1, config.batch // each))


@dataclass(eq=False)
class PretrainTask:
    """What `skeletor.learning.trainer` trains.

    Whatever the objectives, the encoder reads `batch` sequences in a step: two views of a clip for the contrast, one
    more with its segments in another order.
    """

    config: PretrainConfig
    clips: RawClips
    stats: FeatureStats
    device: torch.device
    network: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.network = PretrainNetwork(self.config).to(self.device)
        self.columns = [list(columns) for columns in STREAMS.values()]
        doubts = list(DOUBTS)
        unseen = (1.0 - self.stats.mean[doubts]) / self.stats.std[doubts]
        self.unseen = torch.tensor(unseen, dtype=torch.float32, device=self.device)

    def draw(self, rng: np.random.Generator, number: int) -> Clips:
        """Clips of like length, turned and stretched."""
        size = clips_of(self.config, self.clips.count)
        whole = self.config.recogniser.model_copy(update={"lost_hands": 0.0})  # the views lose them
        frames, known = [], []
        for clip in self.clips.batch(number, size, rng):
            raw, _ = augment(clip, np.zeros(len(clip), np.int64), whole, rng)
            frames.append(torch.from_numpy(self.stats.standardise(raw)))
            known.append(torch.from_numpy(~np.isnan(raw)))
        pad = nn.utils.rnn.pad_sequence
        return Clips(pad(frames, batch_first=True), pad(known, batch_first=True))

    def loss(self, runner: nn.Module, batch: Clips, seed: int) -> Tensor:
        """The sum of the objectives' losses."""
        c, place = self.config, self.device
        g = torch.Generator(place).manual_seed(seed)
        clips = Clips(*(x.to(place) for x in batch))
        wanted, size = c.objectives, len(clips.frames)
        number = 2 if "contrastive" in wanted else int("masked" in wanted)
        views = [hide(clips, self.unseen, c, g) for _ in range(number)]
        frames = [view.frames for view in views]
        orders = torch.empty(0)
        if "order" in wanted:
            shuffled, orders = shuffle(clips, c.recogniser.subsample, g)
            frames.append(hide(shuffled, self.unseen, c, g).frames)
        with torch.autocast(place.type, torch.bfloat16, enabled=c.recogniser.bf16):
            found: Found = runner(torch.cat(frames))
        total = torch.zeros((), device=place)
        if found.predicted is not None:
            hidden = torch.cat([view.hidden for view in views])
            predicted = tuple(p[: len(hidden)] for p in found.predicted)
            target = clips.frames[:, :, :-1].repeat(len(views), 1, 1)
            total = total + masked_loss(predicted, self.columns, target, hidden, c.stream_weight)
        if found.steps is not None:
            first, second = found.steps[:size], found.steps[size : 2 * size]
            total = total + contrastive_loss(first, second, found.real[:size], c.temperature)
        if found.orders is not None:
            total = total + order_loss(found.orders[-size:], orders)
        return total

    def validate(self) -> dict[str, float]:
        """Nothing is held out."""
        return {}
