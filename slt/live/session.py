"""What a live session makes of joints that come in: sentences, grey while they go on and fixed when they have ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from skeletor.support.errors import InputError
from slt.inference.chain import Chain, sureness
from slt.inference.sentences import later_signs
from slt.live.clock import Clock
from slt.live.window import Row, Window
from slt.recognise.decoding.align import Sign
from slt.recognise.guess import Guess
from slt.segment.online import SegmentStream
from slt.segment.rule import Segment
from slt.segment.written.cues import Cue, clean

EVERY = 0.8  # seconds of signing from one look at an unfinished sentence to the next
FEWEST = 0.5  # share of a sentence's frames that have to be looked at; what was lost is guessed by straight lines
WORDLESS = "the translation has no words"
Ending = Literal["rest", "cut", "end"]  # hands at rest; cut within, for its length; the end of the stream


@dataclass(frozen=True)
class Grey:
    """What a sentence that goes on would be if it ended now. start_s, end_s: seconds of the stream, the end so far.

    text: None while nothing is understood. start_s is None where nobody signs any more and nothing came of it.
    """

    start_s: float | None
    end_s: float
    text: str | None


@dataclass(frozen=True)
class Fixed:
    """A sentence that will not change. text: None if the system abstained; reason says why.

    confidence, glosses, signs, top: as of `slt.inference.sentences.Sentence`. delay_s: seconds from the arrival of the
    sentence's last picture to its text. ending: what ended it.
    """

    start_s: float
    end_s: float
    text: str | None
    reason: str | None
    confidence: float | None
    glosses: tuple[str, ...] | None
    signs: tuple[Sign, ...] | None
    delay_s: float
    ending: Ending
    top: tuple[Guess, ...] | None = None

    def cue(self) -> Cue:
        """The sentence as a subtitle."""
        return Cue(self.start_s, self.end_s, self.text, self.confidence, self.signs or () if self.text else ())


class Session:
    """Turns rows of joints into sentences. Each is repaired and read as a clip of its own, once it has ended.

    segments: finds them. stride: only every N-th frame is looked at. every: seconds of signing between two grey texts;
    None: none. Memory holds the frames of the sentence that goes on, and no more. warnings: as of a `Translation`, of
    the last sentence that was read.
    """

    def __init__(
        self,
        chain: Chain,
        segments: SegmentStream,
        fps: float,
        clock: Clock,
        source: str = "live",
        stride: int = 1,
        every: float | None = EVERY,
    ) -> None:
        self._chain, self._segments, self._fps, self._clock = chain, segments, fps, clock
        self._source, self._stride, self._every = source, stride, every
        self._window = Window()
        self._shown: float | None = None  # until where the sentence that goes on was read
        self._open: float | None = None
        self.warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the stream so far."""
        return self._window.stop / self._fps

    def push(self, row: Row, hurry: bool = False) -> Iterator[Fixed | Grey]:
        """The next row. hurry: more is waiting, so that there is no time for grey text."""
        found = self._segments.push(self._window.add(row))
        yield from self._fixed(found, None)
        opened = self._segments.open_s
        if opened is None:
            if self._open is not None and not found:
                yield Grey(None, self.seconds, None)
        elif self._every is not None and not hurry:
            yield from self._grey(opened, self._every)
        self._open = opened
        self._window.forget(round(self._segments.from_s * self._fps / self._stride) * self._stride)

    def finish(self) -> Iterator[Fixed]:
        """The sentence that the end of the stream ended, if there is one."""
        yield from self._fixed(self._segments.finish(), "end")

    def _fixed(self, found: Sequence[Segment], last: Ending | None) -> Iterator[Fixed]:
        """Read segments. last: what ended the last of them; None: a rest, unless what follows begins where it ends."""
        for k, one in enumerate(found):
            after = found[k + 1].start_s if k + 1 < len(found) else None if last else self._segments.open_s
            ending: Ending = "cut" if after == one.end_s else last if last and k + 1 == len(found) else "rest"
            yield self._read(one, ending)
            self._shown = None

    def _read(self, segment: Segment, ending: Ending) -> Fixed:
        start, stop = segment.frames(self._fps, self._stride)
        pose, told = self._window.part(start, stop), self._window.told(start, stop)
        text = sure = glosses = signs = top = None
        share = self._window.share(start, stop, self._stride)
        try:
            made = self._chain.translate_poses(pose, self._source, told=told)
            reason, glosses, self.warnings = made.reason, made.glosses, made.warnings
            if share < FEWEST:
                reason = (
                    f"only {share:.0%} of its frames could be looked at, {FEWEST:.0%} needed: this machine is too slow"
                )
            if reason is None and not clean(made.text or ""):
                reason = WORDLESS
            if reason is None:
                text, sure, signs = made.text, sureness(made.signals), later_signs(made.signs, start / self._fps)
                top = made.top
        except InputError as error:  # nobody in it by whom to measure; the stream goes on
            reason = f"it cannot be read: {error}"
        delay = self._clock.now() - self._window.arrived(stop - 1)
        return Fixed(segment.start_s, segment.end_s, text, reason, sure, glosses, signs, delay, ending, top)

    def _grey(self, opened: float, every: float) -> Iterator[Grey]:
        """Look at the sentence that goes on, if it has grown enough since the last look."""
        now = self.seconds
        if self._shown is not None and now - self._shown < every:
            return
        self._shown = now
        text = None
        if now - opened >= self._chain.model.abstention.thresholds["short"]:
            text = self._read(Segment(opened, now), "end").text
        yield Grey(opened, now, text)
