"""A long recording: where somebody signs in it, and each of these parts read as a clip of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skeletor.files.plain_json import to_json
from skeletor.io.people import by_turns, select
from skeletor.poses.begins import begins
from skeletor.poses.turns import told
from slt.inference.chain import Chain, Translation, lifted_before, timed
from slt.inference.sentences import Journal, Sentence, read_segments
from slt.segment.choice import CUTS, SEGMENTER, Cut, cut_turns
from slt.segment.rule import SegmentConfig
from slt.segment.watched import Recorded
from slt.segment.written.cues import Cue

Segments = Literal["auto", "rule", "network", "none"]
SEGMENTS: tuple[Segments, ...] = ("auto", "rule", "network", "none")
_LOOKED_AT = 500  # frames at the beginning, by which it is told how the signer stands


@dataclass(frozen=True)
class Recording:
    """What became of a long recording. reason: why there is no text at all; None if a sentence was translated.

    sentences: in seconds from the first frame; `cues` and `json` have them by the clock of players, who show sound that
    comes before the first frame. duration: in seconds. seconds: of each stage. provenance: of the poses of the whole
    recording.
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
        """A subtitle for each segment, in order, by the clock of players."""
        late = begins(self.provenance)
        return tuple(sentence.later(late).cue() for sentence in self.sentences)

    def json(self) -> str:
        """All of it as JSON text; sentences without the keys "glosses", "signs" and "top" if the model has none, and
        without "signer" if one person signs."""
        late = begins(self.provenance)
        told_later = tuple(sentence.later(late) for sentence in self.sentences)
        values = dataclasses.asdict(dataclasses.replace(self, sentences=told_later))
        for sentence in values["sentences"]:
            for key in ("glosses", "signs", "signer", "top"):
                if sentence[key] is None:
                    del sentence[key]
        return to_json({"source": self.source, "text": self.text, **values}, 1) + "\n"


def translate_recording(
    chain: Chain,
    source: Path | str,
    estimate: Callable[[Path], Recorded] | None = None,
    segments: Segments | None = "auto",
    config: SegmentConfig | None = None,
    journal: Journal | None = None,
) -> Recording | Translation:
    """Translate an input, cut into the segments in which somebody signs.

    estimate: gives the poses in place of `Chain.poses`; they may lie on disk. segments: "none" takes it for one
    sentence, as `Chain.translate` does; "rule" and "network" say what cuts, "auto" leaves it to the model; None cuts
    only what is longer than the model's longest clip, or what several people sign in turns, who never share a segment.
    config: of the rule, which then cuts. journal: keeps what was read. Raises InputError if the input cannot be read;
    an abstention is a result without text.
    """
    seconds: dict[str, float] = {}
    take = select if segments == "none" else by_turns
    poses = estimate or (lambda path: chain.poses(path, take))
    raw: Recorded = timed(seconds, "estimate", lambda: poses(Path(source)))
    shortest, longest = (chain.model.abstention.thresholds[name] for name in ("short", "long"))
    several = told(raw)
    if segments == "none" or (segments is None and raw.seconds <= longest and several is None):
        return chain.translate_poses(raw.frames(0, len(raw)), source, seconds)
    by = cut_by(chain, segments, config)
    found = timed(seconds, "segment", lambda: cut_turns(raw, by, longest, config, shortest))
    sentences, provenance = read_segments(chain, raw, found, seconds, journal)
    understood = [sentence for sentence in sentences if sentence.text is not None]
    about = raw.frames(0, _LOOKED_AT)  # what there is to warn of stands in the provenance, or is seen at once
    return Recording(
        source=str(source),
        sentences=tuple(sentences),
        reason=None if understood else _reason(sentences, by, config or SegmentConfig()),
        duration=raw.seconds,
        seconds=seconds,
        provenance=dataclasses.asdict(provenance),
        warnings=(
            *([] if several is None else [several]),
            *_cut(raw, longest, by, len(sentences), len(understood)),
            *lifted_before(about),
            *chain.warnings(about),
        ),
    )


def cut_by(chain: Chain, segments: Segments | None = "auto", config: SegmentConfig | None = None) -> Cut:
    """What cuts a recording: what is asked for, or the rule if it has options, or what stands in the model folder.

    The network has learned from the rendered signer, and is for models that have, too; on real people it misses signing
    that the rule finds.
    """
    asked: Cut | None = next((cut for cut in CUTS if cut == segments), None)
    if asked is not None:
        return asked
    own: Cut = next((cut for cut in CUTS if cut == chain.model.config.get(SEGMENTER)), "rule")
    return "rule" if config is not None else own


def _reason(sentences: Sequence[Sentence], by: Cut, config: SegmentConfig) -> str:
    """Why there is no text at all."""
    if not sentences and by == "network":
        return "nobody signs: no motion is like signing; see it with `slt view`, or cut it with --segments rule"
    if not sentences:
        return f"nobody signs: no hand is raised or moves for {config.shortest:g} s; see it with `slt view`"
    return f"not one of its {_count(len(sentences))} was understood; the first: {sentences[0].reason}"


def _cut(raw: Recorded, longest: float, by: Cut, segments: int, understood: int) -> tuple[str, ...]:
    """A warning that tells what was cut, and what is missing."""
    if not segments:
        return ()
    why = f"{raw.seconds:.1f} s, longer than the {longest:.1f} s of one sentence: " if raw.seconds > longest else ""
    how = {"rule": "a rule", "network": "a network"}[by]
    lost = f"; {segments - understood} not understood" if understood < segments else ""
    return (f"{why}cut by {how} into {_count(segments)}{lost}; look at the times",)


def _count(segments: int) -> str:
    return f"{segments} segment{'s' if segments != 1 else ''}"
