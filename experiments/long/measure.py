"""How well segments fit what is signed, and what the sentences that are read from them are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from experiments.long.takes import Said, Take
from slt.segment.rule import Segment


@dataclass
class Counts:
    """What is counted over takes. found, given, true: boundaries, of which one that is found is near a true one.

    signed, caught, false: seconds in which somebody signs, those of them that are within a segment, and those of the
    segments in which nobody signs. seconds: of the takes. segments, sentences, one_to_one: numbers; a sentence is
    one_to_one with a segment if each overlaps the other alone by more than half of the shorter. hypotheses, references:
    texts, a pair for each sentence. loose: texts that were read where nobody signs.
    """

    found: int = 0
    given: int = 0
    true: int = 0
    signed: float = 0.0
    caught: float = 0.0
    false: float = 0.0
    seconds: float = 0.0
    segments: int = 0
    sentences: int = 0
    one_to_one: int = 0
    loose: int = 0
    hypotheses: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)

    def add(self, take: Take, segments: Sequence[Segment], texts: Sequence[str | None], tolerance: float) -> None:
        """Count one take. texts: what was read from each segment, None where the system abstained."""
        fps, frames = take.pose.fps, len(take.pose)
        for edge in ("start", "stop"):
            true = [getattr(one, edge) / fps for one in take.said]
            given = [one.start_s if edge == "start" else one.end_s for one in segments]
            self.found += matched(true, given, tolerance)
            self.true += len(true)
            self.given += len(given)
        signs, kept = np.zeros(frames, bool), np.zeros(frames, bool)
        for one in take.said:
            signs[one.start : one.stop] = True
        for segment in segments:
            kept[slice(*segment.frames(fps))] = True
        self.signed += float(signs.sum()) / fps
        self.caught += float((signs & kept).sum()) / fps
        self.false += float((kept & ~signs).sum()) / fps
        self.seconds += frames / fps
        self.segments += len(segments)
        self.sentences += len(take.said)
        shared = overlaps(take.said, segments, fps)
        partners = shared > 0.5 * np.minimum(
            np.array([(one.stop - one.start) / fps for one in take.said])[:, None],
            np.array([one.end_s - one.start_s for one in segments])[None],
        )
        self.one_to_one += int((partners & (partners.sum(0) == 1)[None] & (partners.sum(1) == 1)[:, None]).sum())
        self._read(take.said, shared, segments, texts, fps)

    def _read(
        self, said: Sequence[Said], shared: np.ndarray, segments: Sequence[Segment], texts: Sequence[str | None],
        fps: float,
    ) -> None:  # fmt: skip
        """Each text belongs to the sentence that its segment overlaps most, or that is nearest; in order of time."""
        read: list[list[str]] = [[] for _ in said]
        middles = np.array([(one.start + one.stop) / 2 / fps for one in said])
        for k, (segment, text) in enumerate(zip(segments, texts, strict=True)):
            if text is None:
                continue
            nowhere = not shared[:, k].any()
            self.loose += nowhere
            nearest = int(np.abs(middles - (segment.start_s + segment.end_s) / 2).argmin())
            read[nearest if nowhere else int(shared[:, k].argmax())].append(text)
        self.hypotheses += [joined(parts) for parts in read]
        self.references += [one.text for one in said]

    def figures(self) -> dict[str, float]:
        """The columns of the table but for the scores; shares in per cent."""
        precision, recall = self.found / max(1, self.given), self.found / max(1, self.true)
        return {
            "boundary_f1": 100 * 2 * precision * recall / max(1e-9, precision + recall),
            "boundary_precision": 100 * precision,
            "boundary_recall": 100 * recall,
            "signing_found": 100 * self.caught / max(1e-9, self.signed),
            "false_seconds_a_minute": 60 * self.false / max(1e-9, self.seconds),
            "one_to_one": 100 * self.one_to_one / max(1, self.sentences),
            "loose_texts_a_minute": 60 * self.loose / max(1e-9, self.seconds),
            "segments": self.segments,
            "sentences": self.sentences,
            "minutes": self.seconds / 60,
        }


def matched(true: Sequence[float], given: Sequence[float], tolerance: float) -> int:
    """The most pairs of a true and a given time at most `tolerance` apart, in which no time is used twice.

    Both in order. On a line the greedy choice is the best one.
    """
    count = k = 0
    for time in true:
        while k < len(given) and given[k] < time - tolerance - 1e-9:
            k += 1
        if k < len(given) and given[k] <= time + tolerance + 1e-9:
            count += 1
            k += 1
    return count


def overlaps(said: Sequence[Said], segments: Sequence[Segment], fps: float) -> np.ndarray:
    """(sentences, segments) seconds that each pair has in common."""
    first = np.maximum.outer([one.start / fps for one in said], [one.start_s for one in segments])
    last = np.minimum.outer([one.stop / fps for one in said], [one.end_s for one in segments])
    shared: np.ndarray = np.maximum(last - first, 0).reshape(len(said), len(segments))
    return shared


def joined(texts: Sequence[str]) -> str:
    """Texts as one, with one full stop at its end if they have any."""
    words = [text.removesuffix(".").strip() for text in texts]
    end = " ." if any(text.endswith(".") for text in texts) else ""
    return " ".join(word for word in words if word) + end if texts else ""
