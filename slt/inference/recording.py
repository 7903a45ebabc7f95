"""A long recording: poses of all of it once, then each part in which somebody signs as a clip of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skeletor.files.plain_json import to_json
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence
from slt.inference.chain import Chain, Translation, lifted_before, sureness, timed, to_signing_50, told_of
from slt.recognise.align import Sign
from slt.segment.cues import Cue, clean
from slt.segment.rule import Segment, SegmentConfig, find_segments

Segments = Literal["auto", "none"]
SEGMENTS: tuple[Segments, ...] = ("auto", "none")


@dataclass(frozen=True)
class Sentence:
    """What became of one segment, from start_s up to end_s, in seconds. text is None if the system abstained.

    The other fields are those of a `Translation`. confidence: geometric mean of the tokens' probabilities, 0 to 1; None
    for an abstention. signs: by the recording's clock.
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

    def cue(self) -> Cue:
        """The sentence as a subtitle."""
        signs = self.signs if self.signs and self.text is not None else ()
        return Cue(self.start_s, self.end_s, self.text, self.confidence, signs)


@dataclass(frozen=True)
class Recording:
    """What became of a long recording. reason: why there is no text at all; None if a sentence was translated.

    duration: in seconds. seconds: of each stage. provenance: of the poses of the whole recording.
    """

    source: str
    sentences: tuple[Sentence, ...]
    reason: str | None
    duration: float
    seconds: dict[str, float]
    provenance: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def text(self) -> str | None:
        """All sentences, one a line, "[not understood]" where the system abstained; None if nothing was translated."""
        return None if self.reason is not None else "\n".join(cue.shown for cue in self.cues())

    def cues(self) -> tuple[Cue, ...]:
        """A subtitle for each segment, in order."""
        return tuple(sentence.cue() for sentence in self.sentences)

    def json(self) -> str:
        """All of it as JSON text; sentences without the keys "glosses" and "signs" if the model has none."""
        values = dataclasses.asdict(self)
        for sentence in values["sentences"]:
            for key in ("glosses", "signs"):
                if sentence[key] is None:
                    del sentence[key]
        return to_json({"source": self.source, "text": self.text, **values}, 1) + "\n"


def translate_recording(
    chain: Chain,
    source: Path | str,
    estimate: Callable[[Path], PoseSequence] | None = None,
    segments: Segments | None = "auto",
    config: SegmentConfig | None = None,
) -> Recording | Translation:
    """Translate an input, cut into the segments in which somebody signs.

    estimate: as of `Chain.translate`. segments: "none" takes it for one sentence, as `Chain.translate` does; None cuts
    only what is longer than the model's longest clip. config: of the rule that cuts. Raises InputError if the input
    cannot be read; an abstention is a result without text.
    """
    seconds: dict[str, float] = {}
    raw = timed(seconds, "estimate", lambda: (estimate or chain.poses)(Path(source)))
    longest = chain.model.abstention.thresholds["long"]
    if segments == "none" or (segments is None and raw.seconds <= longest):
        return chain.translate_poses(raw, source, seconds)
    found = timed(seconds, "segment", lambda: find_segments(to_signing_50(raw), config, longest))
    sentences, provenance = _sentences(chain, raw, found, seconds) if found else ([], raw.provenance)
    understood = [sentence for sentence in sentences if sentence.text is not None]
    return Recording(
        source=str(source),
        sentences=tuple(sentences),
        reason=None if understood else _reason(sentences, config or SegmentConfig()),
        duration=raw.seconds,
        seconds=seconds,
        provenance=dataclasses.asdict(provenance),
        warnings=(*_cut(raw, longest, len(sentences), len(understood)), *lifted_before(raw), *chain.warnings(raw)),
    )


def _sentences(
    chain: Chain, raw: PoseSequence, found: Sequence[Segment], seconds: dict[str, float]
) -> tuple[list[Sentence], Any]:
    """A sentence for each segment, and the provenance of the poses that they were read from."""
    from slt.recognise.cascade import Cascade  # torch takes seconds to load

    abstention, translator = chain.model.abstention, chain.model.translator
    told, stride = told_of(raw), pose_stride(raw)
    refined = chain.spatial(raw, seconds)
    parts = [one.frames(raw.fps, stride) for one in found]
    told_parts = [None if told is None else told.frames(*part) for part in parts]
    nobody = [None if part is None else abstention.signer_reason(part) for part in told_parts]
    judged = [k for k, reason in enumerate(nobody) if reason is None]
    poses = [refined.frames(*parts[k]) for k in judged]
    hypotheses = timed(seconds, "translate", lambda: translator.translate(poses))
    glosses = translator.recognise(poses) if translator.recognised else [None] * len(poses)
    signs = translator.signs(poses) if isinstance(translator, Cascade) else [None] * len(poses)

    sentences = [Sentence(one.start_s, one.end_s, None, reason) for one, reason in zip(found, nobody, strict=True)]

    def judge() -> None:
        for k, pose, hypothesis, read, signed in zip(judged, poses, hypotheses, glosses, signs, strict=True):
            signals = abstention.signals(translator, told_parts[k], pose, hypothesis)
            reason = abstention.reason(signals) or (None if clean(hypothesis.text) else "the translation has no words")
            text, sure = (None, None) if reason else (hypothesis.text, sureness(signals))
            sentences[k] = dataclasses.replace(
                sentences[k], text=text, reason=reason, confidence=sure, tokens=tuple(hypothesis.tokens),
                score=hypothesis.score, signals=signals, glosses=read, signs=_later(signed, parts[k][0] / raw.fps),
            )  # fmt: skip

    timed(seconds, "judge", judge)
    return sentences, refined.provenance


def _later(signs: Sequence[Sign] | None, start: float) -> tuple[Sign, ...] | None:
    """Signs of a segment that begins at `start` seconds, by the recording's clock."""
    if signs is None:
        return None
    return tuple(
        dataclasses.replace(sign, start=round(sign.start + start, 3), end=round(sign.end + start, 3)) for sign in signs
    )


def _reason(sentences: Sequence[Sentence], config: SegmentConfig) -> str:
    """Why there is no text at all."""
    if not sentences:
        return f"nobody signs: no hand is raised or moves for {config.shortest:g} s; see it with `slt view`"
    return f"not one of its {_count(len(sentences))} was understood; the first: {sentences[0].reason}"


def _cut(raw: PoseSequence, longest: float, segments: int, understood: int) -> tuple[str, ...]:
    """A warning that tells what was cut, and what is missing."""
    if not segments:
        return ()
    why = f"{raw.seconds:.1f} s, longer than the {longest:.1f} s of one sentence: " if raw.seconds > longest else ""
    lost = f"; {segments - understood} not understood" if understood < segments else ""
    return (f"{why}cut by a rule into {_count(segments)}{lost}; look at the times",)


def _count(segments: int) -> str:
    return f"{segments} segment{'s' if segments != 1 else ''}"
