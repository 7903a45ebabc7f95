"""The trained recogniser: 3D poses in, glosses out; saved as one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config, check_config
from skeletor.support.devices import resolve_device
from skeletor.support.errors import InputError
from slt.recognise.config import RecogniserConfig
from slt.recognise.decoding.decode import Reading, read
from slt.recognise.decoding.trigram import Trigram
from slt.recognise.network import RecogniserNetwork
from slt.translate import features
from slt.translate.features import FeatureStats, pose_features
from slt.translate.reader import Poses

WEIGHTS = "recogniser.safetensors"
_FORMAT = "slt-recogniser-1"
_ADVICE = "give the folder of a trained recogniser, or train it again"
_DAMAGED = "train or copy the recogniser again"
_BATCH = 64


class _Glosses(Config):
    """Glosses as a header has them."""

    glosses: list[str]


@dataclass(frozen=True, eq=False)
class Recogniser:
    """A trained network and what it takes to use it. glosses: of the heads' outputs 1, 2, ...; 0 is CTC's blank."""

    network: nn.Module
    config: RecogniserConfig
    glosses: tuple[str, ...]
    stats: FeatureStats
    trigram: Trigram
    reading: Reading
    device: torch.device

    def recognise(self, poses: Poses, reading: Reading | None = None) -> list[tuple[str, ...]]:
        """The glosses of each pose. Raises InputError if a pose is not 3D SIGNING_50 in shoulder widths."""
        way = reading or self.reading
        return [tuple(self.glosses[k - 1] for k in read(p, self.trigram, way)) for p in self.log_probabilities(poses)]

    def log_probabilities(self, poses: Poses) -> list[np.ndarray]:
        """(T', 1 + glosses) of each pose: what the joined head makes of each step. Errors as of `recognise`."""
        return log_probabilities(self.network, self._sources(poses), self.device)

    def states(self, poses: Poses) -> list[np.ndarray]:
        """(T', H) of each pose: the states under the joined head. Errors as of `recognise`."""
        return [states for _, states in outputs(self.network, self._sources(poses), self.device)]

    def _sources(self, poses: Poses) -> list[np.ndarray]:
        return [self.stats.standardise(raw_features(pose, self.config)) for pose in poses]

    def save(self, folder: Path, name: str = WEIGHTS) -> None:
        """Write the recogniser into a file of a folder. Raises InputError if it cannot be written."""
        tensors = {f"network.{name}": value.detach().cpu().numpy() for name, value in self.network.state_dict().items()}
        tensors |= {"features.mean": self.stats.mean, "features.std": self.stats.std, "trigram": self.trigram.array()}
        header = {
            "format": _FORMAT,
            "features": features.VERSION,
            "config": self.config.model_dump_json(),
            "reading": self.reading.model_dump_json(),
            "glosses": json.dumps(self.glosses, ensure_ascii=False),
        }
        save_tensors(tensors, folder / name, header)

    @staticmethod
    def load(folder: Path | str, device: str = "auto", name: str = WEIGHTS) -> Recogniser:
        """Read what `save` wrote. Raises InputError if it is missing, damaged or of other features."""
        path = Path(folder) / name
        header, tensors = read_weights(path, _FORMAT, "a recogniser of this program", _ADVICE)
        where = str(path)
        with damaged(where, _DAMAGED):
            config = check_config(json.loads(header["config"]), RecogniserConfig, where)
            reading = check_config(json.loads(header["reading"]), Reading, f"{where}: reading")
            words = check_config({"glosses": json.loads(header["glosses"])}, _Glosses, where)
        if header.get("features") != features.VERSION:
            raise InputError(
                f"{where}: was trained on features of version {header.get('features')}, this program has "
                f"{features.VERSION}; train it again"
            )
        glosses = tuple(words.glosses)
        with damaged(where, _DAMAGED):
            stats = FeatureStats(tensors.pop("features.mean").numpy(), tensors.pop("features.std").numpy())
            if stats.mean.shape != (features.WIDTH,) or stats.std.shape != (features.WIDTH,) or stats.std.min() <= 0:
                raise ValueError("mean and deviation of its features are none")
            trigram = _trigram(tensors.pop("trigram").numpy(), len(glosses))
            weights = {name.removeprefix("network."): value for name, value in tensors.items()}
            check_fit(lambda: RecogniserNetwork(config, len(glosses)), weights)
            network = RecogniserNetwork(config, len(glosses))
            network.load_state_dict(weights)
        target = resolve_device(device)
        return Recogniser(network.to(target).eval(), config, glosses, stats, trigram, reading, target)


def _trigram(rows: np.ndarray, size: int) -> Trigram:
    if rows.ndim != 2 or rows.shape[1] != 4 or (rows[:, :3] < 0).any() or (rows[:, :3] > size).any():
        raise ValueError("its trigrams are none")
    if (rows[:, 3] < 1).any():
        raise ValueError("its trigrams have counts below 1")
    return Trigram.from_array(rows, size)


def raw_features(pose: PoseSequence | np.ndarray, config: RecogniserConfig) -> np.ndarray:
    """(T', F) features of a pose, with the doubt about each hand; an array is taken to be that already.

    Raises InputError as `pose_features`.
    """
    if isinstance(pose, np.ndarray):
        assert pose.ndim == 2 and pose.shape[1] == features.WIDTH, pose.shape
        return pose
    return pose_features(pose, config.fps, config.frame_stride, confidence=True, hands=config.hands)


def log_probabilities(network: nn.Module, sources: Sequence[np.ndarray], device: torch.device) -> list[np.ndarray]:
    """(T', 1 + glosses) float32 of each source (T, F + 1), by the joined head."""
    return [scores for scores, _ in outputs(network, sources, device)]


def outputs(
    network: nn.Module, sources: Sequence[np.ndarray], device: torch.device
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Log probabilities (T', 1 + glosses) and states (T', H), float32, of each source; in batches of like length."""
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    order = sorted(range(len(sources)), key=lambda k: len(sources[k]))
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        batch = nn.utils.rnn.pad_sequence([torch.from_numpy(sources[k]) for k in chosen], batch_first=True)
        with torch.no_grad():
            read = network(batch.to(device))
            scores = read.joined.float().log_softmax(2).cpu().numpy()  # (B, T', 1 + G)
            states = read.states.float().cpu().numpy()  # (B, T', H)
        for row, (k, count) in enumerate(zip(chosen, read.real.sum(1).tolist(), strict=True)):
            found[k] = scores[row, :count], states[row, :count]
    return [found[k] for k in range(len(sources))]
