"""Counts of an annotation: clips, words and glosses per split, and what the splits share."""

from __future__ import annotations

import statistics
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slt.data.corpus import SPLITS, Clip

_LONG = 8  # characters, from which on a text has words
_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # as Unicode names their signs
UNSPACED = (
    "have no spaces, which separate words: train with translate: {level: char, score_tokens: char}, or zh for Chinese"
)


@dataclass(frozen=True)
class Lengths:
    """Smallest, median and largest of some lengths."""

    shortest: int
    median: float
    longest: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Lengths:
        """Of any number of values, in their unit; zeros for none."""
        return cls(min(values), float(statistics.median(values)), max(values)) if values else cls(0, 0.0, 0)


@dataclass(frozen=True)
class Tokens:
    """Words or glosses of a split. unknown: those that are not in train, running and different ones."""

    running: int
    different: int
    singletons: int
    unknown: int
    unknown_different: int
    per_clip: Lengths


@dataclass(frozen=True)
class SplitFigures:
    """One split. clips_also_in: for each other split, how many clips here have a sentence that stands there too.

    sentences: how many different ones, empty ones left out. speakers: clips of each, those without a name left out.
    """

    clips: int
    sentences: int
    clips_also_in: Mapping[str, int]
    speakers: Mapping[str, int]
    words: Tokens
    glosses: Tokens


@dataclass(frozen=True)
class Published:
    """What Camgoz et al. (2018), Table 1, print of a split of PHOENIX14T; words without the final period."""

    clips: int
    frames: int
    words: int
    vocabulary: int


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "train": Published(7096, 827354, 99081, 2887),
        "dev": Published(519, 55775, 6820, 951),
        "test": Published(642, 64627, 7816, 1001),
    }
)


def unspaced(texts: Sequence[str]) -> tuple[int, int]:
    """How many texts have no spaces, and of how many: those that are long enough for several words.

    In scripts that write none between words two characters are enough.
    """
    long = [text for text in texts if len(text) >= _LONG or (len(text) > 1 and any(map(_runs_on, text)))]
    return sum(" " not in text for text in long), len(long)


def _runs_on(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_WITHOUT_SPACES)


def words_of(clip: Clip) -> tuple[str, ...]:
    """The words of a clip's sentence without the final period."""
    return tuple(clip.text.removesuffix(".").split())


def figures(clips: Sequence[Clip]) -> dict[str, SplitFigures]:
    """Figures of every split that has clips, in the order of SPLITS."""
    parts = {split: [clip for clip in clips if clip.split == split] for split in SPLITS}
    # A sentence that is still to be written is none: else all such clips would seem to share one.
    sentences = {split: {clip.text for clip in part if words_of(clip)} for split, part in parts.items()}
    known_words = {word for clip in parts["train"] for word in words_of(clip)}
    known_glosses = {gloss for clip in parts["train"] for gloss in clip.glosses}
    return {
        split: SplitFigures(
            clips=len(part),
            sentences=len(sentences[split]),
            clips_also_in={o: sum(c.text in sentences[o] for c in part) for o in SPLITS if o != split},
            speakers=dict(sorted(Counter(clip.speaker for clip in part if clip.speaker).items())),
            words=_tokens([words_of(clip) for clip in part], known_words),
            glosses=_tokens([clip.glosses for clip in part], known_glosses),
        )
        for split, part in parts.items()
        if part
    }


def _tokens(sequences: Sequence[Sequence[str]], known: Collection[str]) -> Tokens:
    counts = Counter(token for sequence in sequences for token in sequence)
    unknown = [count for token, count in counts.items() if token not in known]
    return Tokens(
        running=counts.total(),
        different=len(counts),
        singletons=sum(count == 1 for count in counts.values()),
        unknown=sum(unknown),
        unknown_different=len(unknown),
        per_clip=Lengths.of([len(sequence) for sequence in sequences]),
    )
