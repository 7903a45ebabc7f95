"""The trained translator: skeletons in, sentences out; saved as safetensors and a vocabulary."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config, check_config
from skeletor.support.devices import resolve_device
from skeletor.support.errors import InputError
from slt.translate import features
from slt.translate.config import TranslateConfig
from slt.translate.features import FeatureStats, pose_features
from slt.translate.joey.body_streams import StreamEmbedding
from slt.translate.joey.decoding.decode import Decoding, DecodingConfig, Encoded, Hypothesis, decode, encode
from slt.translate.joey.glosses import GlossModel, read_glosses
from slt.translate.joey.model import FrameEmbedding, Model, build_transformer, word_embedding
from slt.translate.joey.subwords import spoken
from slt.translate.joey.text import VOCABULARY, Text, copy_text, load_text, text_digest, vocabulary

WEIGHTS = "translator.safetensors"
_FORMAT = "slt-translator-1"
_ADVICE = "give the folder of a trained model, or train it again"
_DAMAGED = "train or copy the model again"
NOTHING = Hypothesis("", (), ())  # its log probability is that of nothing: -infinity
_BUFFER = ".pe.pe"  # JoeyNMT keeps its fixed position codes among the weights


class _Words(Config):
    """Glosses as a header has them."""

    glosses: list[str]
    recognised: list[str]


@dataclass(frozen=True, eq=False)
class Translator:
    """A trained network and what it takes to use it. `stats` is None, and `glosses` set, for Gloss2Text.

    recognised: the glosses that the head of a `GlossModel` tells apart; () without such a head.
    """

    model: Model
    text: Text
    config: TranslateConfig
    decoding: Decoding
    device: torch.device
    stats: FeatureStats | None = None
    glosses: tuple[str, ...] = ()
    recognised: tuple[str, ...] = ()

    @staticmethod
    def load(
        folder: Path | str, device: str = "auto", decoding: Decoding | None = None, name: str = WEIGHTS
    ) -> Translator:
        """Read the files that `save` wrote. Raises InputError if a file is missing or damaged."""
        folder = Path(folder)
        header, tensors = read_weights(folder / name, _FORMAT, "a translator of this program", _ADVICE)
        where = str(folder / name)
        with damaged(where, _DAMAGED):
            config = check_config(json.loads(header["config"]), TranslateConfig, where)
            stored = check_config(json.loads(header["decoding"]), DecodingConfig, f"{where}: decoding")
            words = {"glosses": header["glosses"], "recognised": header.get("recognised", "[]")}
            known = check_config({name: json.loads(text) for name, text in words.items()}, _Words, where)
            glosses, recognised = tuple(known.glosses), tuple(known.recognised)
        if header.get("features") != features.VERSION:
            raise InputError(
                f"{where}: was trained on features of version {header.get('features')}, this program has "
                f"{features.VERSION}; train it again"
            )
        text = load_text(folder, config.level)
        if header.get("vocabulary") != text_digest(text):
            raise InputError(f"{folder / VOCABULARY}: not the vocabulary that {name} was trained with; copy both")
        stats = None if glosses else _stats(tensors, where)
        with damaged(where, _DAMAGED):
            model = _loaded(config, text, glosses, recognised, tensors)
        target = resolve_device(device)
        model.to(target).eval()
        return Translator(
            model, text, config, decoding or Decoding(**stored.model_dump()), target, stats, glosses, recognised
        )

    def save(self, folder: Path | str, text_from: Path, name: str = WEIGHTS) -> None:
        """Write weights and vocabulary into `folder`; the vocabulary's files are copied from `text_from`.

        Raises InputError if the weights cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"model.{name}": value.detach().cpu().numpy()
            for name, value in self.model.state_dict().items()
            if not name.endswith(_BUFFER)
        }
        if self.stats is not None:
            tensors["features.mean"] = self.stats.mean
            tensors["features.std"] = self.stats.std
        header = {
            "format": _FORMAT,
            "features": features.VERSION,
            "vocabulary": text_digest(self.text),
            "config": json.dumps(self.config.model_dump(mode="json")),
            "decoding": json.dumps(dataclasses.asdict(self.decoding)),
            "glosses": json.dumps(self.glosses, ensure_ascii=False),
        }
        if self.recognised:
            header["recognised"] = json.dumps(self.recognised, ensure_ascii=False)
        if text_from.resolve() != folder.resolve():
            copy_text(text_from, folder)
        save_tensors(tensors, folder / name, header)

    @property
    def width(self) -> int:
        """Numbers in a state of the encoder."""
        return self.config.hidden

    def plain(self) -> dict[str, Any]:
        """Options of network and search, for `model.yaml`."""
        return {"translate": self.config.model_dump(mode="json"), "decoding": dataclasses.asdict(self.decoding)}

    def features(self, pose: PoseSequence) -> np.ndarray:
        """(T', F) raw features of a pose. Raises InputError as `pose_features` does."""
        return raw_features(pose, self.config)

    def sources(self, poses: Sequence[PoseSequence | np.ndarray]) -> list[np.ndarray]:
        """Standardised features (T', F + 1) of poses (3D, shoulder widths) or of their raw features."""
        assert self.stats is not None, "a Gloss2Text model takes glosses"
        raw = [raw_features(pose, self.config) for pose in poses]
        return [self.stats.standardise(array) for array in raw]

    def encode(self, poses: Sequence[PoseSequence | np.ndarray]) -> list[Encoded]:
        """Encoder states (B, T', H) of poses, in batches of like length."""
        return list(encode(self.model, self.sources(poses), self.config.subsample, self.device))

    def translate(
        self, poses: Sequence[PoseSequence | np.ndarray], decoding: Decoding | None = None
    ) -> list[Hypothesis]:
        """One hypothesis per pose. Raises InputError if a pose is not 3D SIGNING_50 in shoulder widths."""
        if not poses:
            return []
        return decode(self.model, self.encode(poses), self.text, decoding or self.decoding)

    def recognise(self, poses: Sequence[PoseSequence | np.ndarray]) -> list[tuple[str, ...]]:
        """The glosses that the head reads in each pose (greedy CTC). Raises InputError if this model has no head."""
        if not isinstance(self.model, GlossModel):
            raise InputError("this model has no gloss head; train one with translate: {preset: ctc}")
        return recognise(self.model, self.encode(poses), self.recognised) if poses else []

    def translate_glosses(self, sentences: Sequence[Sequence[str]]) -> list[Hypothesis]:
        """One hypothesis per sequence of glosses, for a Gloss2Text model; an empty one where there are no glosses.

        Raises AssertionError for a translator of poses.
        """
        assert self.glosses, "a translator of poses takes poses"
        given = [sentence for sentence in sentences if sentence]
        if not given:
            return [NOTHING] * len(sentences)
        sources = gloss_sources(given, self.glosses, self.text, self.config.gloss_pieces)
        batches = list(encode(self.model, sources, 1, self.device))
        made = iter(decode(self.model, batches, self.text, self.decoding))
        return [next(made) if sentence else NOTHING for sentence in sentences]


def raw_features(pose: PoseSequence | np.ndarray, config: TranslateConfig) -> np.ndarray:
    """Raw features (T', F) of a pose; an array (T', F) is taken to be that already.

    Raises InputError as `pose_features` does.
    """
    if isinstance(pose, PoseSequence):
        return pose_features(
            pose,
            config.fps,
            config.frame_stride,
            config.confidence,
            config.parts,
            config.normalise,
            config.depth,
            config.every,
            config.hands,
        )
    assert pose.ndim == 2 and pose.shape[1] == features.WIDTH, pose.shape
    return pose


def gloss_sources(
    sentences: Sequence[Sequence[str]], glosses: Sequence[str], text: Text, pieces: bool = False
) -> list[np.ndarray]:
    """Glosses to (T,) int64 ids with the end symbol behind, unknown ones as <unk>; or to ids of the text's pieces."""
    words = text.words if pieces else vocabulary(glosses)
    tokens = [text.tokenizer(spoken(s)) if pieces else s for s in sentences]
    return [np.array([*map(words.lookup, sentence), words.eos_index], np.int64) for sentence in tokens]


def new_model(
    config: TranslateConfig, text: Text, glosses: Sequence[str] = (), recognised: Sequence[str] = ()
) -> Model:
    """An initialised network: with a frame embedding of (B, T, F + 1), or with a word embedding of `glosses` if given.

    recognised: glosses that a head on the encoder is to tell apart, if any.
    """
    if glosses:
        source = word_embedding(text.words if config.gloss_pieces else vocabulary(glosses), config.hidden)
    else:
        source = frame_embedding(config)
    model = build_transformer(
        source, text.words, layers=config.layers, hidden=config.hidden, feed_forward=config.feed_forward,
        heads=config.heads, dropout=config.dropout, norm=config.norm, glosses=len(recognised),
    )  # fmt: skip
    if config.tie != "none":
        model.decoder.output_layer.weight = model.trg_embed.lut.weight
    if config.tie == "all" and glosses:
        model.src_embed = model.trg_embed
    return model


def frame_embedding(config: TranslateConfig) -> FrameEmbedding | StreamEmbedding:
    """The source embedding of (B, T, F + 1) features: of all in one, or of body and hands apart (`config.streams`)."""
    inputs, streams = features.WIDTH + 1, tuple(features.STREAMS.values())
    if config.streams:
        return StreamEmbedding(streams, inputs, config.hidden, config.window, config.subsample, config.width)
    return FrameEmbedding(inputs, config.hidden, config.window, config.subsample, config.width)


def recognise(model: GlossModel, batches: Sequence[Encoded], vocabulary: Sequence[str]) -> list[tuple[str, ...]]:
    """The glosses that a head reads in encoder states (B, T', H), in the order of the sources that were encoded."""
    found = {
        position: glosses
        for batch in batches
        for position, glosses in zip(
            batch.positions, read_glosses(model, batch.states, batch.mask, vocabulary), strict=True
        )
    }
    return [found[k] for k in sorted(found)]


def _stats(tensors: dict[str, torch.Tensor], where: str) -> FeatureStats:
    try:
        stats = FeatureStats(tensors.pop("features.mean").numpy(), tensors.pop("features.std").numpy())
    except KeyError as error:
        raise InputError(f"{where}: {error} is missing; train or copy the model again") from error
    if stats.mean.shape != (features.WIDTH,) or stats.std.shape != (features.WIDTH,):
        raise InputError(f"{where}: has {stats.mean.shape} features, expected {features.WIDTH}; train it again")
    if stats.mean.dtype != np.float32 or stats.std.dtype != np.float32 or stats.std.min() <= 0:
        raise InputError(f"{where}: mean and deviation of its features are none; {_DAMAGED}")
    return stats


def _loaded(
    config: TranslateConfig, text: Text, glosses: Sequence[str], recognised: Sequence[str],
    tensors: Mapping[str, torch.Tensor],
) -> Model:  # fmt: skip
    """A network with these weights; ValueError if they are not those of config and vocabulary."""
    weights = {name.removeprefix("model."): value for name, value in tensors.items()}
    check_fit(lambda: new_model(config, text, glosses, recognised), weights, lambda name: name.endswith(_BUFFER))
    model = new_model(config, text, glosses, recognised)
    model.load_state_dict(weights, strict=False)
    return model
