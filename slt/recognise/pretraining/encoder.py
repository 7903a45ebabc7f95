"""What a pretraining leaves: the encoder's weights and the features' statistics, in one safetensors file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.support.config import check_config
from skeletor.support.errors import InputError
from slt.recognise.config import RecogniserConfig
from slt.recognise.network import Encoder
from slt.translate import features
from slt.translate.features import FeatureStats

WEIGHTS = "encoder.safetensors"
_FORMAT = "slt-encoder-1"
_ADVICE = "give the encoder.safetensors of a pretraining, or make it again"
# What decides the input and the shapes of an encoder.
_SHAPE = ("fps", "frame_stride", "hands", "subsample", "width", "hidden", "layers", "feed_forward", "heads")


@dataclass(frozen=True, eq=False)
class PretrainedEncoder:
    """config: of the recogniser that it is for. stats: of the features that it learned from. weights: of `Encoder`."""

    config: RecogniserConfig
    stats: FeatureStats
    weights: Mapping[str, Tensor]

    def save(self, folder: Path) -> None:
        """Write it into a file of a folder. Raises InputError if it cannot be written."""
        tensors = {f"encoder.{name}": value.detach().cpu().numpy() for name, value in self.weights.items()}
        tensors |= {"features.mean": self.stats.mean, "features.std": self.stats.std}
        header = {"format": _FORMAT, "features": features.VERSION, "config": self.config.model_dump_json()}
        save_tensors(tensors, folder / WEIGHTS, header)

    @staticmethod
    def load(path: Path | str) -> PretrainedEncoder:
        """Read what `save` wrote. Raises InputError if it is missing, damaged or of other features."""
        header, tensors = read_weights(Path(path), _FORMAT, "an encoder of this program", _ADVICE)
        with damaged(path, _ADVICE):
            config = check_config(json.loads(header["config"]), RecogniserConfig, str(path))
        if header.get("features") != features.VERSION:
            raise InputError(f"{path}: was trained on other features than this program has; {_ADVICE}")
        with damaged(path, _ADVICE):
            stats = FeatureStats(tensors.pop("features.mean").numpy(), tensors.pop("features.std").numpy())
            if stats.mean.shape != (features.WIDTH,) or stats.std.shape != (features.WIDTH,) or stats.std.min() <= 0:
                raise ValueError("mean and deviation of its features are none")
            weights = {name.removeprefix("encoder."): value for name, value in tensors.items()}
            check_fit(lambda: Encoder(config), weights)
        return PretrainedEncoder(config, stats, weights)

    @staticmethod
    def of(config: RecogniserConfig) -> PretrainedEncoder | None:
        """The one that a recogniser of this config begins with; None without one.

        Raises InputError as `load`, and if it is of other sizes than the config.
        """
        if config.pretrained is None:
            return None
        encoder = PretrainedEncoder.load(config.pretrained)
        encoder._check(config, config.pretrained)
        return encoder

    def _check(self, config: RecogniserConfig, where: str) -> None:
        for name in _SHAPE:
            own, wanted = getattr(self.config, name), getattr(config, name)
            if own != wanted:
                raise InputError(f"{where}: is of {name} {own}, the recogniser of {wanted}; make them alike")

    def digest(self) -> str:
        """A hash of the weights."""
        digest = hashlib.sha256()
        for _, value in sorted(self.weights.items()):
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def start(self, network: Encoder) -> None:
        """Put the weights into a network; its heads stay as they are."""
        _, unknown = network.load_state_dict(dict(self.weights), strict=False)
        assert not unknown, unknown
