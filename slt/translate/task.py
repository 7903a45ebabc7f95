"""What a training of the translator learns from: poses or glosses with their sentences, as data sets of JoeyNMT's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import numpy as np

from slt.translate.config import TranslateConfig, spelt
from slt.translate.feature_augment import augment
from slt.translate.features import FeatureStats
from slt.translate.joey.batches import Change, Example, SequenceDataset
from slt.translate.joey.glosses import Recognition
from slt.translate.joey.subwords import Resampler, hide, spoken
from slt.translate.joey.text import SentencePieceTokenizer, Text, fit_text
from slt.translate.translator import gloss_sources

GlossedText = tuple[Sequence[str], str]


@dataclass(frozen=True, eq=False)
class Part:
    """Train or dev: of each clip the input, (T, F) features or (T,) ids of glosses; name, sentence; glosses, if those
    are the input."""

    sources: list[np.ndarray]
    names: list[str]
    texts: list[str]
    glosses: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Task:
    """What is trained: pose features with their statistics, or glosses with their vocabulary.

    recognition: what a gloss head learns beside that, if there is to be one.
    For glosses, the sources are made when the text's tokens are known (`with_gloss_ids`).
    """

    train: Part
    dev: Part
    stats: FeatureStats | None
    glosses: tuple[str, ...]
    subsample: int
    recognition: Recognition | None = None


def pose_part(examples: Sequence[Example], sources: list[np.ndarray], config: TranslateConfig) -> Part:
    """Clips with their sentences. sources: (T, F) features of each."""
    return Part(sources, [e.name for e in examples], _clean((e.text for e in examples), config))


def gloss_part(pairs: Sequence[GlossedText], config: TranslateConfig) -> Part:
    """Glosses with their sentences; named by their glosses, and still without sources."""
    names = [" ".join(glosses) for glosses, _ in pairs]
    return Part([], names, _clean((text for _, text in pairs), config), tuple(tuple(glosses) for glosses, _ in pairs))


def with_gloss_ids(task: Task, text: Text, config: TranslateConfig) -> Task:
    """The task, with the ids of its glosses."""

    def made(part: Part) -> Part:
        ids = gloss_sources(part.glosses, task.glosses, text, config.gloss_pieces)
        return dataclasses.replace(part, sources=ids)

    return dataclasses.replace(task, train=made(task.train), dev=made(task.dev))


def learn_text(task: Task, config: TranslateConfig, out: Path) -> Text:
    """The tokens of the training sentences, written into the folder `out`; with `gloss_pieces` of the glosses too."""
    others = [spoken(glosses) for glosses in task.train.glosses] if config.gloss_pieces else []
    return fit_text(
        task.train.texts, out, config.level, config.minimum_count, config.spm_size, others, config.sampling > 0
    )


def datasets(task: Task, config: TranslateConfig, text: Text) -> tuple[SequenceDataset, SequenceDataset]:
    """Training, augmented as the config says; and the part of dev that validations decode."""
    train, dev, some = task.train, task.dev, config.validation_sentences
    return (
        SequenceDataset(
            train.sources, train.names, train.texts, text.words, text.tokenizer, "train", task.subsample,
            _source_change(task, config, text), _resampler(config, text), _hider(config.drop_words, text),
            config.r_drop > 0,
        ),
        SequenceDataset(
            dev.sources[:some], dev.names[:some], dev.texts[:some], text.words, text.tokenizer, "dev", task.subsample
        ),
    )  # fmt: skip


def _source_change(task: Task, config: TranslateConfig, text: Text) -> Change | None:
    """What a training source undergoes: features are augmented; glosses are cut anew and hidden."""
    if task.stats is not None:
        if not (config.stretch or config.drop_frames or config.noise):
            return None
        return partial(augment, stretch=config.stretch, drop_frames=config.drop_frames, noise=config.noise)
    steps = [_resampler(config, text) if config.gloss_pieces else None, _hider(config.drop_source, text)]
    changes = [step for step in steps if step is not None]
    return (lambda ids, rng: reduce(lambda left, step: step(left, rng), changes, ids)) if changes else None


def _resampler(config: TranslateConfig, text: Text) -> Change | None:
    if not config.sampling:
        return None
    assert isinstance(text.tokenizer, SentencePieceTokenizer)
    return Resampler(text.tokenizer, text.words, config.sampling)


def _hider(share: float, text: Text) -> Change | None:
    words = text.words  # the glosses' vocabulary has the same special symbols
    return partial(hide, share=share, unknown=words.unk_index, specials=len(words.specials)) if share else None


def _clean(texts: Iterable[str], config: TranslateConfig) -> list[str]:
    """Sentences with single spaces, which separate words, in the case of the config."""
    return [spelt(" ".join(text.split()), config.case) for text in texts]
