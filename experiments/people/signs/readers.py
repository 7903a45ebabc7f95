"""Three readers of single signs: ridge regression, a small temporal network, the product's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from experiments.people.ways import in_3d
from skeletor.poses.pose import PoseSequence
from skeletor.support.devices import seeded
from slt.recognise.config import RecogniserConfig
from slt.recognise.isolated import other_people, train_signs
from slt.recognise.train import GlossClip
from slt.translate.features import fit_stats

_FLOOR = 0.02  # of a standard deviation
_WIDTH, _KERNEL, _BATCH, _RATE = 64, 5, 64, 2e-3
_DEV = 20  # of few people, one training clip in so many sets how sure the product's reader is


def ridge(
    train: np.ndarray, labels: np.ndarray, groups: np.ndarray, tests: Sequence[np.ndarray], penalties: Sequence[float]
) -> list[np.ndarray]:
    """Labels read in each of the tests (M, F), after ridge regression on one-hot labels of train (N, F).

    groups: (N,) the people; the penalty is the one that reads best in half of them when trained on the others, both
    ways. Features are standardised by those of the training clips; NaN is their mean. They are divided by the root of
    their number, so that a penalty means the same for any F.
    """
    count = np.maximum((~np.isnan(train)).sum(0), 1)
    mean = np.nansum(train, 0) / count
    std = np.maximum(np.sqrt(np.nansum((train - mean) ** 2, 0) / count), _FLOOR)

    def ready(values: np.ndarray) -> Tensor:
        scaled = np.nan_to_num((values - mean) / std, nan=0.0) / np.sqrt(train.shape[1])
        return torch.from_numpy(scaled.astype(np.float32))

    x = ready(train)
    classes, numbers = np.unique(labels, return_inverse=True)
    target = torch.from_numpy(numbers.reshape(-1))
    kernel = x @ x.T
    penalty = penalties[0] if len(penalties) == 1 else _best(kernel, target, _halves(groups), penalties)
    weights, centre = _solved(kernel, target, penalty)
    return [classes[(ready(test) @ (x.T @ weights) + centre).argmax(1).numpy()] for test in tests]


def _solved(kernel: Tensor, target: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights (N, C) of the clips, and the classes' shares (C,)."""
    hot = nn.functional.one_hot(target).float()
    centre = hot.mean(0)
    factor = torch.linalg.cholesky(kernel + penalty * torch.eye(len(kernel)))
    return torch.cholesky_solve(hot - centre, factor), centre


def _halves(groups: np.ndarray) -> Tensor:
    """(N,) bool: every other person; of a single one, every other clip."""
    known = np.unique(groups)
    return torch.from_numpy(np.isin(groups, known[::2]) if len(known) > 1 else np.arange(len(groups)) % 2 == 0)


def _best(kernel: Tensor, target: Tensor, half: Tensor, penalties: Sequence[float]) -> float:
    right = []
    for penalty in penalties:
        read = 0
        for test in (half, ~half):
            weights, centre = _solved(kernel[~test][:, ~test], target[~test], penalty)
            scores = kernel[test][:, ~test] @ weights + centre
            read += int((scores.argmax(1) == target[test]).sum())
        right.append(read)
    return penalties[int(np.argmax(right))]


class TemporalNetwork(nn.Module):
    """Two convolutions over time, then mean and maximum over the clip. (B, T, F) and (B, T) bool to (B, classes)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, _WIDTH)
        self.first = nn.Conv1d(_WIDTH, _WIDTH, _KERNEL, padding=_KERNEL // 2)
        self.second = nn.Conv1d(_WIDTH, _WIDTH, _KERNEL, padding=_KERNEL // 2)
        self.drop = nn.Dropout(0.3)
        self.leave = nn.Linear(2 * _WIDTH, classes)

    def forward(self, frames: Tensor, real: Tensor) -> Tensor:
        """Scores of the classes; frames where `real` is False fill up the batch."""
        gone = ~real[:, None, :]
        x = torch.relu(self.enter(self.drop(frames))).transpose(1, 2)  # (B, W, T)
        for layer in (self.first, self.second):
            x = x + torch.relu(layer(x.masked_fill(gone, 0)))
        mean = x.masked_fill(gone, 0).sum(2) / real.sum(1, keepdim=True)
        top = x.masked_fill(gone, -torch.inf).amax(2)
        scores: Tensor = self.leave(self.drop(torch.cat([mean, top], 1)))
        return scores


def network(
    train: Sequence[np.ndarray], labels: np.ndarray, tests: Sequence[Sequence[np.ndarray]], epochs: int, seed: int
) -> list[np.ndarray]:
    """Labels read in each of the tests after training the temporal network on clips, each (T, F)."""
    stats = fit_stats(list(train))
    classes, numbers = np.unique(labels, return_inverse=True)
    target = torch.from_numpy(numbers.reshape(-1))
    frames, real = _padded([stats.standardise(clip) for clip in train])
    with seeded(seed, torch.device("cpu")):
        model = TemporalNetwork(frames.shape[2], len(classes))
        steps = epochs * -(-len(train) // _BATCH)
        optimiser = torch.optim.AdamW(model.parameters(), _RATE, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, max(2, steps))
        for _ in range(epochs):
            for chosen in torch.randperm(len(train)).split(_BATCH):
                loss = nn.functional.cross_entropy(
                    model(frames[chosen], real[chosen]), target[chosen], label_smoothing=0.1
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
    model.eval()
    found = []
    with torch.no_grad():
        for test in tests:
            held, there = _padded([stats.standardise(clip) for clip in test])
            found.append(classes[model(held, there).argmax(1).numpy()])
    return found


def _padded(clips: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """(B, T, F) and which frames (B, T) are real."""
    lengths = torch.tensor([len(clip) for clip in clips])
    frames = nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
    return frames, torch.arange(frames.shape[1])[None] < lengths[:, None]


def own(
    train: Sequence[PoseSequence], labels: np.ndarray, people: np.ndarray, tests: Sequence[Sequence[PoseSequence]],
    changes: Mapping[str, Any], seed: int,
) -> list[np.ndarray]:  # fmt: skip
    """Labels read in each of the tests by the product's reader of isolated signs. changes: of its preset `signs`.

    people: (N,) of the training clips; of some of them the reader learns when to stop, if there are enough.
    """
    clips = [
        GlossClip(f"{k:05d}", in_3d(pose), (str(label),))
        for k, (pose, label) in enumerate(zip(train, labels, strict=True))
    ]
    config = RecogniserConfig.model_validate({"preset": "signs", "bf16": False, **changes})
    with TemporaryDirectory() as place:
        apart = other_people(people.tolist())
        if not apart.any():
            apart = np.arange(len(clips)) % _DEV == seed % _DEV
        dev, kept = ([clip for clip, is_dev in zip(clips, apart, strict=True) if is_dev == side] for side in (1, 0))
        reader = train_signs(kept or clips, dev or clips, config, Path(place), seed, "cpu")
    return [np.array([int(read.text) for read in reader.translate([in_3d(pose) for pose in test])]) for test in tests]
