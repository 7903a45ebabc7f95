"""The sentences of a recording: each segment of it as a clip of its own, a few at a time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.support.errors import InputError
from skeletor.support.listening import said
from slt.inference.chain import Chain, sureness, to_signing_50, told_of
from slt.recognise.decoding.align import Sign
from slt.recognise.guess import Guess, guess_lines
from slt.segment.rule import Segment
from slt.segment.watched import Recorded
from slt.segment.written.cues import Cue, clean

GROUP = 32  # segments that are read together


@dataclass(frozen=True)
class Sentence:
    """What became of one segment, from start_s up to end_s, in seconds. text is None if the system abstained.

    The other fields are those of a `Translation`. confidence: geometric mean of the tokens' probabilities, 0 to 1; None
    for an abstention. signs: by the recording's clock. signer: number of who signs, from 1; None where one person does.
    """

    start_s: float
    end_s: float
    text: str | None
    reason: str | None
    confidence: float | None = None
    tokens: tuple[str, ...] = ()
    score: float = 0.0
    signals: dict[str, float] = dataclasses.field(default_factory=dict)
    glosses: tuple[str, ...] | None = None
    signs: tuple[Sign, ...] | None = None
    signer: int | None = None
    top: tuple[Guess, ...] | None = None

    def guesses(self) -> tuple[str, ...]:
        """As those of a `Translation`."""
        return guess_lines(self.text, self.top)

    def later(self, by: float) -> Sentence:
        """The sentence so many seconds later, rounded to microseconds; itself for 0."""
        if not by:
            return self
        start, end = round(self.start_s + by, 6), round(self.end_s + by, 6)
        return dataclasses.replace(self, start_s=start, end_s=end, signs=later_signs(self.signs, by))

    def cue(self) -> Cue:
        """The sentence as a subtitle."""
        signs = self.signs if self.signs and self.text is not None else ()
        return Cue(self.start_s, self.end_s, self.text, self.confidence, signs, self.signer)


class Journal(Protocol):
    """Keeps what was read, for a run that goes on where one before it was killed."""

    def read(self, number: int) -> tuple[list[Sentence], Provenance] | None:
        """The sentences of the group of that number and where they come from, None if they are not there."""
        ...

    def write(self, number: int, sentences: Sequence[Sentence], provenance: Provenance) -> None:
        """Keep them."""
        ...


def read_segments(
    chain: Chain, raw: Recorded, found: Sequence[Segment], seconds: dict[str, float], journal: Journal | None = None
) -> tuple[list[Sentence], Provenance]:
    """A sentence for each segment, and the provenance of the poses that they were read from.

    Of the recording no more than `GROUP` segments are in memory. Each is lifted, repaired and translated as a clip of
    its own, as the model's training clips were. seconds: takes up how long each stage took.
    """
    sentences: list[Sentence] = []
    provenance = raw.provenance
    starts = range(0, len(found), GROUP)
    for number, start in enumerate(said(starts, "parts", len(starts))):
        group = found[start : start + GROUP]
        known = journal.read(number) if journal is not None else None
        if known is None or [_place(one) for one in known[0]] != [_place(one) for one in group]:
            known = _read(chain, raw, group, seconds)
            if journal is not None:
                journal.write(number, *known)
        sentences += known[0]
        provenance = known[1]
    return sentences, provenance


def _place(one: Sentence | Segment) -> tuple[float, float, int | None]:
    return one.start_s, one.end_s, one.signer


def _read(
    chain: Chain, raw: Recorded, found: Sequence[Segment], seconds: dict[str, float]
) -> tuple[list[Sentence], Provenance]:
    """`read_segments` of one group."""
    clips = _clips(chain, raw, found, seconds)
    sentences = [
        Sentence(one.start_s, one.end_s, None, clip.reason, signer=one.signer)
        for one, clip in zip(found, clips, strict=True)
    ]
    judged = [k for k, clip in enumerate(clips) if clip.pose is not None]
    poses = [pose for clip in clips if (pose := clip.pose) is not None]
    if poses:
        with _Counted(seconds, "translate"):
            read = _readings(chain, poses)
        with _Counted(seconds, "judge"):
            for k, pose, one in zip(judged, poses, read, strict=True):
                made = _judged(chain, clips[k].told, pose, one.hypothesis)
                later = later_signs(one.signs, clips[k].start_s)
                sentences[k] = dataclasses.replace(sentences[k], **made, glosses=one.glosses, signs=later, top=one.top)
    return sentences, poses[-1].provenance if poses else raw.provenance


@dataclass(frozen=True)
class _Clip:
    """A segment as a clip. told: see `told_of`. pose: as the translator reads it, None for a `reason`."""

    start_s: float
    told: PoseSequence | None
    pose: PoseSequence | None
    reason: str | None


def _clips(chain: Chain, raw: Recorded, found: Sequence[Segment], seconds: dict[str, float]) -> list[_Clip]:
    """The segments as clips, in the order of the segments."""
    stride = pose_stride(raw.frames(0, 1))
    clips = []
    for one in found:
        start, stop = one.frames(raw.fps, stride)
        part = to_signing_50(raw.frames(start, stop))
        told = told_of(part)
        reason = None if told is None else chain.model.abstention.signer_reason(told)
        pose = None
        if reason is None:
            own: dict[str, float] = {}
            try:
                pose = chain.spatial(part, own)
            except InputError as error:  # nobody in it by whom to measure; the others go on
                reason = f"it cannot be read: {error}"
            for stage, took in own.items():
                seconds[stage] = round(seconds.get(stage, 0.0) + took, 4)
        clips.append(_Clip(start / raw.fps, told, pose, reason))
    return clips


@dataclass(frozen=True)
class _Reading:
    """What the translator tells of a pose; None for what it does not."""

    hypothesis: Any
    glosses: Any
    signs: Any
    top: Any


def _readings(chain: Chain, poses: list[PoseSequence]) -> list[_Reading]:
    from slt.recognise.cascade import Cascade  # torch takes seconds to load
    from slt.recognise.isolated import SignReader

    translator = chain.model.translator
    nothing: list[None] = [None] * len(poses)
    glosses = translator.recognise(poses) if translator.recognised else nothing
    signs = translator.signs(poses) if isinstance(translator, Cascade) else nothing
    top = translator.top(poses) if isinstance(translator, SignReader) else nothing
    return [_Reading(*one) for one in zip(translator.translate(poses), glosses, signs, top, strict=True)]


def _judged(chain: Chain, told: PoseSequence | None, pose: PoseSequence, hypothesis: Any) -> dict[str, Any]:
    """What a hypothesis comes to, as fields of a `Sentence`."""
    abstention = chain.model.abstention
    signals = abstention.signals(chain.model.translator, told, pose, hypothesis)
    reason = abstention.reason(signals) or (None if clean(hypothesis.text) else "the translation has no words")
    return {
        "text": None if reason else hypothesis.text,
        "reason": reason,
        "confidence": None if reason else sureness(signals),
        "tokens": tuple(hypothesis.tokens),
        "score": hypothesis.score,
        "signals": signals,
    }


class _Counted:
    """Adds the seconds that a block takes to those of a stage."""

    def __init__(self, seconds: dict[str, float], stage: str) -> None:
        self._seconds, self._stage, self._began = seconds, stage, 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        took = time.perf_counter() - self._began
        self._seconds[self._stage] = round(self._seconds.get(self._stage, 0.0) + took, 4)


def later_signs(signs: Sequence[Sign] | None, start: float) -> tuple[Sign, ...] | None:
    """Signs of a segment that begins at `start` seconds, by the clock of the recording or stream; None stays None."""
    if signs is None:
        return None
    return tuple(
        dataclasses.replace(sign, start=round(sign.start + start, 3), end=round(sign.end + start, 3)) for sign in signs
    )
