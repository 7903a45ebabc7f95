"""Which gloss is signed in each row of a clip's features, where a corpus has alignments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from slt.data.alignments import Span, durations, plan_signs, read_alignments
from slt.data.layout import Clip

UNKNOWN = -1


def aligned_spans(clips: Sequence[Clip], annotations: Path, split: str) -> dict[str, tuple[Span, ...]]:
    """The signs of each clip of a split that the alignments in a folder have; {} if there are no alignments.

    The glosses are those of the annotation, see `plan_signs`. Raises InputError for files that do not hold together.
    """
    if not (annotations / f"gloss_segments.{split}.tsv").exists():
        return {}
    alignments = read_alignments(annotations, split)
    lengths = durations(alignments)
    return {
        clip.name: tuple(
            plan_signs(clip.glosses, alignments[clip.name], lengths, np.random.default_rng(crc32(clip.name.encode())))
        )
        for clip in clips
        if clip.name in alignments and clip.glosses
    }


def row_labels(spans: Sequence[Span], rows: int, frames_per_row: float, numbers: Mapping[str, int]) -> np.ndarray:
    """(T,) int64: number of the gloss in the middle of each row, 0 for a pause, UNKNOWN where nothing is known.

    frames_per_row: frames of the alignment to a row.
    """
    labels = np.full(rows, UNKNOWN, np.int64)
    middle = (np.arange(rows) + 0.5) * frames_per_row
    for span in spans:
        inside = (middle >= span.start) & (middle < span.stop)
        labels[inside] = numbers.get(span.gloss, UNKNOWN) if span.gloss else 0
    return labels
