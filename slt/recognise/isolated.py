"""Isolated signs: one label a clip. The recogniser's network, its heads pooled over time in place of CTC.

The mean of a linear head over time is the head of the mean state, so the network needs no other head, and its file is
that of a recogniser by another name.

A network that has few people to learn from soon learns who they are. So weights are kept on the way, and dev says which
of them are read with: where dev is other people, those of before that.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skeletor.learning.checkpoint import read_snapshot, snapshot_path
from skeletor.learning.trainer import Trainer, train
from skeletor.support.devices import resolve_device
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.recognise.config import RecogniserConfig
from slt.recognise.decoding.decode import Reading
from slt.recognise.decoding.trigram import Trigram
from slt.recognise.guess import TOP, Guess
from slt.recognise.labels import UNKNOWN
from slt.recognise.network import Read
from slt.recognise.pretraining.encoder import PretrainedEncoder
from slt.recognise.recogniser import Recogniser, log_probabilities, raw_features
from slt.recognise.states import OfRecogniser
from slt.recognise.train import Batch, GlossClip, RecogniserTask, identity, options, prepared
from slt.translate.features import fit_stats
from slt.translate.joey.decoding.decode import Hypothesis
from slt.translate.reader import Poses

SIGNS = "signs.safetensors"
_STOPS = 11  # over a factor of 32
_TEMPERATURES = np.geomspace(0.5, 8.0, 57)


@dataclass(frozen=True, eq=False)
class SignReader(OfRecogniser):
    """A `slt.translate.reader.Reader` whose sentence is the label of the one sign in a clip."""

    recogniser: Recogniser

    @property
    def recognised(self) -> tuple[str, ...]:
        """It reads no glosses on the way to a sentence: the label is all."""
        return ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it tells apart."""
        return self.recogniser.glosses

    def translate(self, poses: Poses) -> list[Hypothesis]:
        """The likeliest label of each pose, as a sentence of one token."""
        best = [(self.labels[int(one.argmax())], float(one.max())) for one in self._log_probabilities(poses)]
        return [Hypothesis(label, (label,), (sure,)) for label, sure in best]

    def recognise(self, poses: Poses) -> list[tuple[str, ...]]:
        """Raises InputError: there are no glosses on the way."""
        raise InputError("a model of isolated signs gives a label, and no glosses")

    def top(self, poses: Poses, count: int = TOP) -> list[tuple[Guess, ...]]:
        """The likeliest labels of each pose, the best first."""
        return [
            tuple(
                Guess(self.labels[k], round(float(np.exp(one[k])), 4)) for k in np.argsort(-one, kind="stable")[:count]
            )
            for one in self._log_probabilities(poses)
        ]

    def plain(self) -> dict[str, Any]:
        """Options of the network, for `model.yaml`."""
        return {"recogniser": self.recogniser.config.model_dump(mode="json"), "translate": {}, "decoding": {}}

    def save(self, folder: Path, text_from: Path | None = None) -> None:
        """Write the weights into a folder; the labels stand in them."""
        self.recogniser.save(folder, SIGNS)

    @staticmethod
    def load(folder: Path | str, device: str = "auto") -> SignReader:
        """Read what `save` wrote. Raises InputError if it is missing or damaged."""
        return SignReader(Recogniser.load(folder, device, SIGNS))

    def _log_probabilities(self, poses: Poses) -> list[np.ndarray]:
        return [pooled(one) for one in self.recogniser.log_probabilities(poses)]


def pooled(log_probs: np.ndarray) -> np.ndarray:
    """(G,) log probabilities of the labels, of (T', 1 + G) of the steps: the softmax of the mean logits, no blank."""
    mean = log_probs[:, 1:].mean(0, dtype=np.float64)
    total: np.ndarray = mean - np.logaddexp.reduce(mean)
    return total


def other_people(people: Sequence[object]) -> np.ndarray:
    """(N,) bool: the clips of every fourth person, a dev that tells how long to learn for people who are not known.

    people: of each clip. All False where there are fewer than three.
    """
    known = sorted({str(person) for person in people})
    chosen = set(known[::4]) if len(known) > 2 else set()
    return np.array([str(person) in chosen for person in people], bool)


def train_signs(
    clips: Sequence[GlossClip], dev: Sequence[GlossClip], config: RecogniserConfig, out: Path, seed: int = 0,
    device: str = "auto",
) -> SignReader:  # fmt: skip
    """Train on clips with one label each (`glosses`), and write the weights into `out`.

    dev: on which it is chosen how long is learned, and confidence is set, by one temperature. A killed training goes on
    where it was when called again with the same arguments. Raises InputError if there are no clips, or fewer than two
    labels.
    """
    if not clips or not dev:
        raise InputError("isolated signs: no clips of train or dev")
    labels = tuple(sorted({clip.glosses[0] for clip in clips}))
    if len(labels) < 2:
        raise InputError(f"isolated signs: all clips are {labels[0]!r}; at least two labels are needed")
    numbers = {label: k + 1 for k, label in enumerate(labels)}
    known = prepared(clips, numbers, config)
    encoder = PretrainedEncoder.of(config)
    stats = encoder.stats if encoder else fit_stats(known.raw)
    held_out = [stats.standardise(raw_features(clip.pose, config)) for clip in dev]
    references = [[str(numbers.get(clip.glosses[0], UNKNOWN))] for clip in dev]
    target = resolve_device(device)
    how = options(config, len(clips))
    how = dataclasses.replace(how, snapshots=_stops(how.budget.steps))
    trained = train(
        lambda place: SignTask(config, len(labels), known, stats, held_out, references, place, encoder),
        how, seed, target, out, identity(config, known, held_out, references, seed, encoder),
    )  # fmt: skip
    if trained.first:
        _choose(trained, out)
        network, target = trained.task.network, trained.device
        _calibrate(network, held_out, [int(reference[0]) for reference in references], target)
        alone = config.model_copy(update={"pretrained": None})  # the weights are its own now
        reader = SignReader(Recogniser(network, alone, labels, stats, Trigram.fit([], len(labels)), Reading(), target))
        reader.save(out)
    trained.fabric.barrier()
    return reader if trained.first else SignReader.load(out, str(trained.device))


class SignTask(RecogniserTask):
    """What `skeletor.learning.trainer` trains: cross-entropy of all heads, pooled over time, with the one label."""

    @property
    def reads_frames(self) -> bool:
        """A clip of one sign has no aligned glosses."""
        return False

    def loss(self, runner: nn.Module, batch: Batch, seed: int) -> Tensor:
        """Mean over the clips of the joined head's loss and, weighted, of the streams'."""
        c, place = self.config, self.device
        with torch.autocast(place.type, torch.bfloat16, enabled=c.bf16):
            read: Read = runner(batch.frames.to(place))
        target = batch.targets[:, 0].to(place) - 1  # (B,) without the blank
        steps = read.real[:, :, None].float()  # (B, T', 1)
        heads = [(h.float() * steps).sum(1)[:, 1:] / steps.sum(1) for h in (read.joined, *read.streams)]  # 4 x (B, G)
        losses = torch.stack([cross_entropy(head, target) for head in heads])
        return losses[0] + c.stream_weight * losses[1:].sum()

    def validate(self) -> dict[str, float]:
        """Per cent of dev that is right at the first guess."""
        found = log_probabilities(self.network, self.dev, self.device)
        right = [int(pooled(one).argmax()) + 1 == int(r[0]) for one, r in zip(found, self.references, strict=True)]
        return {"dev_top1": 100 * float(np.mean(right))}


def _stops(steps: int) -> frozenset[int]:
    """Steps after which the weights are kept, each about the square root of 2 before the next; the last one is none."""
    return frozenset(max(1, round(steps / 2 ** (k / 2))) for k in range(1, _STOPS)) - {steps}


def _choose(trained: Trainer[SignTask], out: Path) -> None:
    """Put the weights into the network with which dev is read best; the latest of those that are no standard error
    behind them, since a few clips of dev tell no more."""
    network, last = trained.task.network, trained.state.progress.step
    weights = {last: copy.deepcopy(network.state_dict())}
    for step in sorted(s for s in trained.options.snapshots if s < last):
        if read_snapshot(snapshot_path(out, trained.options.name, step), network):
            weights[step] = copy.deepcopy(network.state_dict())
    found: dict[int, float] = {}
    for step in sorted(weights):
        network.load_state_dict(weights[step])
        found[step] = trained.task.validate()["dev_top1"]
    step = _latest_as_good(found, len(trained.task.dev))
    network.load_state_dict(weights[step])
    rates = ", ".join(f"{right:.1f} after {k}" for k, right in found.items())
    log.info("isolated signs: the weights of step %d of %d are taken; dev top-1 %s", step, last, rates)


def _latest_as_good(rates: Mapping[int, float], clips: int) -> int:
    """The last of the steps whose per cent of right clips is no standard error behind the best.

    The error is that of Agresti and Coull (1998, "Approximate is better than exact"), with two clips more that are
    right and two that are wrong: a few clips that are all right do not pass for certain. It is one clip at least.
    """
    best = max(rates.values())
    share = (best / 100 * clips + 2) / (clips + 4)
    error = 100 * max(math.sqrt(share * (1 - share) / (clips + 4)), 1 / clips)
    return max(step for step, right in rates.items() if right >= best - error - 1e-9)  # 1e-9: rounding


def _calibrate(network: nn.Module, sources: list[np.ndarray], numbers: list[int], device: torch.device) -> None:
    """Divide the joined head by the temperature with which dev's true labels are likeliest. No order changes.

    One clip more is taken to be any label (the rule of succession): a few clips that are all right prove no certainty.
    """
    rows = [
        (one[:, 1:].mean(0, dtype=np.float64), number - 1)
        for one, number in zip(log_probabilities(network, sources, device), numbers, strict=True)
        if number != UNKNOWN
    ]
    if not rows:
        return

    doubt = 1 / (len(rows) + 1)

    def cost(temperature: float) -> float:
        wanted = sum((1 - doubt) * row[k] + doubt * row.mean() for row, k in rows)
        return sum(float(np.logaddexp.reduce(row / temperature)) for row, _ in rows) - float(wanted) / temperature

    best = float(min(_TEMPERATURES, key=cost))
    log.info("isolated signs: temperature %.2f on %d dev clips", best, len(rows))
    head = network.head
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.weight.div_(best)
        head.bias.div_(best)
