"""The trained baseline Sign2Text: frames in, sentences out; saved as safetensors and a vocabulary."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from joeynmt.model import Model

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.support.config import check_config
from skeletor.support.devices import resolve_device
from skeletor.support.errors import InputError
from slt.sign2text.batches import pad_frames
from slt.sign2text.cnn import AlexNet, SmallCnn
from slt.sign2text.config import Sign2TextConfig
from slt.sign2text.model import FrameEncoder, with_decoder
from slt.translate.joey.decoding.decode import Decoding, DecodingConfig, Encoded, Hypothesis, decode
from slt.translate.joey.text import VOCABULARY, Text, copy_text, load_text, text_digest

WEIGHTS = "sign2text.safetensors"
_FORMAT = "slt-sign2text-1"
_ADVICE = "give the folder of a trained model, or train it again"
_DAMAGED = "train or copy the model again"
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Sign2Text:
    """A trained network and what it takes to use it."""

    model: Model
    text: Text
    config: Sign2TextConfig
    decoding: Decoding
    device: torch.device

    @staticmethod
    def load(folder: Path | str, device: str = "auto") -> Sign2Text:
        """Read the files that `save` wrote. Raises InputError if a file is missing or damaged."""
        folder = Path(folder)
        path = folder / WEIGHTS
        header, tensors = read_weights(path, _FORMAT, "a Sign2Text model of this program", _ADVICE)
        with damaged(path, _DAMAGED):
            config = check_config(json.loads(header["config"]), Sign2TextConfig, str(path))
            search = check_config(json.loads(header["decoding"]), DecodingConfig, f"{path}: decoding")
        text = load_text(folder, "word")
        if header.get("vocabulary") != text_digest(text):
            raise InputError(f"{folder / VOCABULARY}: not the vocabulary that {WEIGHTS} was trained with; copy both")
        picture = torch.zeros(config.height, config.width, 3)
        with damaged(path, _DAMAGED):
            check_fit(lambda: new_model(config, text, picture), tensors)
            model = new_model(config, text, picture)
            model.load_state_dict(tensors)
        target = resolve_device(device)
        model.to(target).eval()
        return Sign2Text(model, text, config, Decoding(**search.model_dump()), target)

    def save(self, folder: Path | str, text_from: Path) -> None:
        """Write weights and vocabulary into `folder`; the vocabulary is copied from `text_from`.

        Raises InputError if the weights cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # The file that AlexNet started from is not needed any more, and not there on another machine.
        values = self.config.model_dump(mode="json", include=set(Sign2TextConfig.model_fields)) | {"cnn_weights": None}
        header = {
            "format": _FORMAT,
            "vocabulary": text_digest(self.text),
            "config": json.dumps(values),
            "decoding": json.dumps(dataclasses.asdict(self.decoding)),
        }
        if text_from.resolve() != folder.resolve():
            copy_text(text_from, folder)
        tensors = {name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()}
        save_tensors(tensors, folder / WEIGHTS, header)

    def translate(self, clips: Sequence[np.ndarray], decoding: Decoding | None = None) -> list[Hypothesis]:
        """One hypothesis per clip of all its frames (T, height, width, 3) uint8 RGB, as `read_frames` gives them."""
        if not clips:
            return []
        batches = list(encode_frames(self.model, clips, self.config.frame_stride, self.device))
        return decode(self.model, batches, self.text, decoding or self.decoding)


def encode_frames(
    model: Model, clips: Sequence[np.ndarray], stride: int, device: torch.device
) -> Iterator[Encoded]:  # fmt: skip
    """Encode clips (T, H, W, 3) uint8, of which every `stride`-th frame is used, longest first, in batches.

    The model has to be in eval mode.
    """
    order = sorted(range(len(clips)), key=lambda k: -len(clips[k]))
    for start in range(0, len(order), _BATCH):
        positions = order[start : start + _BATCH]
        frames, lengths = pad_frames([clips[k][::stride] for k in positions])
        mask = (torch.arange(frames.shape[1])[None] < lengths[:, None]).unsqueeze(1).to(device)  # (B, 1, T)
        with torch.no_grad():
            states, last, *_ = model(
                return_type="encode", src=frames.to(device), src_length=lengths.to(device), src_mask=mask
            )
        yield Encoded(states, mask, tuple(positions), last)


def new_model(config: Sign2TextConfig, text: Text, mean_picture: torch.Tensor) -> Model:
    """An initialised network; mean_picture: (H, W, 3) grey levels.

    Weights of AlexNet are read by `cnn.load_cnn_weights`.
    """
    cnn: AlexNet | SmallCnn
    if config.cnn == "small":
        cnn = SmallCnn((config.height, config.width), config.channels, config.feature_size, config.cnn_dropout)
    else:
        cnn = AlexNet(config.cnn == "alexnet-torchvision", config.cnn_dropout)
    encoder = FrameEncoder(
        cnn, mean_picture, config.hidden, config.layers, config.dropout, bidirectional=config.bidirectional,
        reverse=config.reverse, bf16=config.bf16, clip_mean=config.mean == "clip",
    )  # fmt: skip
    return with_decoder(encoder, text.words, config.layers, config.embedding, config.attention, config.dropout)
