"""The frame alignments of PHOENIX14T: gloss and hand shape of each frame, and the timing of signs planned from them.

Beside the annotation's CSV files, for each split (tab-separated, with a head line):
PHOENIX-2014-T.{split}.frames_alignments.tsv   name, num_frames, and per frame: gloss state, mouth and hand shape
gloss_segments.{split}.tsv                     name, start_frame, end_frame (included), class_id, gloss_complex
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from skeletor.support.errors import InputError

_REST = frozenset({"", "__ON__", "__OFF__"})  # hands rise, sink, or nothing is aligned
_HELD = frozenset({"__HOLD__", "__LEFTHAND__", "__EMP__"})  # the sign before goes on
GESTURE = "__PU__"  # palms up, part of no annotated gloss
_MARKS = re.compile(r"^(?:loc|cl|poss|neg|negalp|qu|lh|rh)-|-?PLUSPLUS$|(?<=NORD|SUED|WEST)RAUM$|(?<=OST)RAUM$")
_SHORT = 12  # frames; a pause between signs that is shorter is no pause but a slow transition
_SLOT = 4  # frames that a missing gloss needs, to be put into a pause
_SLOWEST = 2.0  # a missing gloss takes at most this multiple of its drawn duration
_TYPICAL = 11  # frames, the median sign, for glosses that no training clip has


@dataclass(frozen=True)
class Span:
    """Frames start to stop (excluded) of one gloss, "" for a pause."""

    start: int
    stop: int
    gloss: str

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, eq=False)
class Alignment:
    """One clip: hands (T,) the hand-shape class of each frame, 0 for none; spans: contiguous, all frames."""

    hands: np.ndarray
    spans: tuple[Span, ...]


def core(gloss: str) -> str:
    """A gloss without its marks of place, classifier, negation, possession and repetition: loc-NORDRAUM gives NORD.

    A gloss that consists of one mark alone stays as it is.
    """
    while (plain := _MARKS.sub("", gloss)) not in (gloss, ""):
        gloss = plain
    return gloss


def read_alignments(folder: Path, split: str) -> dict[str, Alignment]:
    """All clips of a split by name; hands (T,) class per frame.

    Raises InputError, naming file and line, if a file is absent or does not hold together.
    """
    frames, segments = folder / f"PHOENIX-2014-T.{split}.frames_alignments.tsv", folder / f"gloss_segments.{split}.tsv"
    spans: dict[str, list[Span]] = defaultdict(list)
    for number, (name, start, end, _, gloss) in _rows(segments, 5):
        try:
            span = Span(int(start), int(end) + 1, gloss)
        except ValueError as error:
            raise InputError(f"{segments}: line {number}: frames must be whole numbers") from error
        if span.start != (spans[name][-1].stop if spans[name] else 0) or len(span) < 1:
            raise InputError(f"{segments}: line {number}: does not follow on the segment before it")
        spans[name].append(span)
    clips = {}
    for number, (name, count, _, _, hands) in _rows(frames, 5):
        try:
            shapes = np.array(hands.split(), dtype=np.int16)
        except ValueError as error:
            raise InputError(f"{frames}: line {number}: hand-shape classes must be whole numbers") from error
        if not (name in spans and count == str(len(shapes)) and spans[name][-1].stop == len(shapes)):
            raise InputError(f"{frames}: line {number}: {name}: number of frames not as in {segments.name}")
        clips[name] = Alignment(shapes, tuple(spans[name]))
    return clips


def _rows(path: Path, width: int) -> Iterator[tuple[int, list[str]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); the re-synthesis needs it") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text") from error
    for number, line in enumerate(lines[1:], 2):
        if line:
            fields = line.removesuffix("\r").split("\t")
            if len(fields) != width:
                raise InputError(f"{path}: line {number} has {len(fields)} fields, expected {width}")
            yield number, fields


# --- what is signed when ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """Glosses that share frames: exactly as aligned (spans), or to be divided (spans empty)."""

    start: int
    stop: int
    glosses: tuple[str, ...]
    spans: tuple[Span, ...] = ()


def durations(clips: Mapping[str, Alignment]) -> dict[str, tuple[int, ...]]:
    """For each core gloss, the durations in frames of all of its occurrences. Pauses and held signs are left out."""
    found: dict[str, list[int]] = defaultdict(list)
    for clip in clips.values():
        for span in clip.spans:
            if span.gloss not in _REST | _HELD:
                found[core(span.gloss)].append(len(span))
    return {gloss: tuple(values) for gloss, values in found.items()}


def plan_signs(
    glosses: Sequence[str], alignment: Alignment, lengths: Mapping[str, Sequence[int]], rng: np.random.Generator
) -> list[Span]:
    """When each gloss is signed: contiguous spans over all T frames of the clip, "" for pauses.

    glosses: as annotated; where the alignment disagrees with them, they win. lengths: durations in frames, see
    `durations`.
    """
    frames = len(alignment.hands)
    aligned = _hold(alignment.spans)
    signs = [span for span in aligned if span.gloss not in _REST and span.gloss != GESTURE]
    groups = [tuple(group) for _, group in groupby(signs, key=lambda span: core(span.gloss))]
    wanted = list(glosses)
    blocks: list[_Block] = []
    matcher = SequenceMatcher(None, [core(g[0].gloss) for g in groups], [core(g) for g in wanted], autojunk=False)
    missing: tuple[str, ...] = ()
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "insert":
            start, stop = groups[i - 1][-1].stop if i else 0, groups[i][0].start if i < len(groups) else frames
            pause = max((s for s in aligned if s.gloss in _REST and start <= s.start and s.stop <= stop), key=len,
                        default=Span(0, 0, ""))  # fmt: skip
            if len(pause) >= _SLOT * (m - k):
                blocks.append(_in_pause(pause, wanted[k:m], frames, lengths, rng))
            elif blocks:
                last = blocks[-1]
                blocks[-1] = _Block(last.start, last.stop, (*last.glosses, *wanted[k:m]))
            else:
                missing = tuple(wanted[k:m])
            continue
        if kind == "replace" and j - i != m - k:
            blocks.append(_Block(groups[i][0].start, groups[j - 1][-1].stop, tuple(wanted[k:m])))
        else:
            for number, group in enumerate(groups[i:j]):
                blocks.append(_aligned(group, wanted[k + number] if kind != "delete" else None))
        if missing:  # at the very start, with no pause for them: they share the first sign's frames
            blocks[0] = _Block(blocks[0].start, blocks[0].stop, (*missing, *blocks[0].glosses))
            missing = ()
    found = [span for block in blocks for span in (block.spans or _divide(block, lengths, rng))]
    free = [s for s in aligned if s.gloss == GESTURE and all(f.stop <= s.start or s.stop <= f.start for f in found)]
    return _absorb(_fill(sorted([*found, *free], key=lambda s: s.start), frames))


def _hold(spans: Sequence[Span]) -> list[Span]:
    """Frames in which a sign is held belong to it; those of no sign to a pause."""
    result: list[Span] = []
    for span in spans:
        if span.gloss not in _HELD:
            result.append(span)
        elif result:
            result[-1] = replace(result[-1], stop=span.stop)
        else:
            result.append(replace(span, gloss=""))
    return result


def _aligned(group: tuple[Span, ...], gloss: str | None) -> _Block:
    """A sign as aligned, maybe repeated. gloss: as annotated, which names the sign unless the alignment says more."""
    same = gloss is None or (core(gloss) == core(group[0].gloss) and gloss == core(gloss))
    spans = group if same else tuple(replace(span, gloss=str(gloss)) for span in group)
    return _Block(spans[0].start, spans[-1].stop, (spans[0].gloss,), spans)


def _in_pause(
    pause: Span, glosses: Sequence[str], frames: int, lengths: Mapping[str, Sequence[int]], rng: np.random.Generator
) -> _Block:
    """Glosses put into a pause; at the clip's ends some frames of it are left if it is long enough."""
    need = round(_SLOWEST * sum(_draw(g, lengths, rng) for g in glosses))
    start, stop = pause.start, pause.stop
    for edge in (start == 0, stop == frames):
        spare = min(_SLOT, len(pause) - _SLOT * len(glosses))
        if edge and spare > 0 and len(pause) > 3 * _SLOT * len(glosses):
            start, stop = (start + spare, stop) if start == 0 else (start, stop - spare)
    return _Block(start, min(stop, start + max(need, _SLOT * len(glosses))), tuple(glosses))


def _draw(gloss: str, lengths: Mapping[str, Sequence[int]], rng: np.random.Generator) -> int:
    known = lengths.get(core(gloss), (_TYPICAL,))
    return int(known[int(rng.integers(len(known)))])


def _divide(block: _Block, lengths: Mapping[str, Sequence[int]], rng: np.random.Generator) -> list[Span]:
    """A block's frames divided among its glosses in proportion to drawn durations."""
    drawn = np.cumsum([0, *(_draw(g, lengths, rng) for g in block.glosses)])
    edges = block.start + np.rint(drawn / drawn[-1] * (block.stop - block.start)).astype(int)
    spans = [Span(int(a), int(b), g) for (a, b), g in zip(pairwise(edges), block.glosses, strict=True)]
    return [span for span in spans if len(span)]


def _fill(spans: Sequence[Span], frames: int) -> list[Span]:
    """Spans with pauses where there is nothing."""
    result, end = [], 0
    for span in [*spans, Span(frames, frames, "")]:
        if span.start > end:
            result.append(Span(end, span.start, ""))
        if len(span):
            result.append(span)
        end = span.stop
    return result


def _absorb(spans: list[Span]) -> list[Span]:
    """Short pauses between signs go half to the sign before and half to the one after."""
    result = list(spans)
    for k in range(1, len(spans) - 1):
        if not spans[k].gloss and len(spans[k]) < _SHORT:
            middle = spans[k].start + len(spans[k]) // 2
            result[k - 1] = replace(result[k - 1], stop=middle)
            result[k + 1] = replace(result[k + 1], start=middle)
            result[k] = Span(middle, middle, "")
    return [span for span in result if len(span)]
