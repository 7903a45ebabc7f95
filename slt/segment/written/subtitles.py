"""Subtitles as text: SubRip (.srt), WebVTT (.vtt), and plain sentences (.txt)."""

from __future__ import annotations

from collections.abc import Sequence

from slt.segment.written.cues import Cue, in_lines


def srt(cues: Sequence[Cue]) -> str:
    """SubRip of cues in order. It has no way to escape, so the text stands as it is."""
    blocks = [
        f"{number}\n{clock(one.start, ',')} --> {clock(one.end, ',')}\n" + "\n".join(one.lines) + "\n"
        for number, one in enumerate(in_lines(cues), 1)
    ]
    return "\n".join(blocks)


def vtt(cues: Sequence[Cue]) -> str:
    """WebVTT of cues in order; `&`, `<` and `>` are escaped. Of several signers each has a voice (`<v signer 1>`).

    A note tells the number of each subtitle and how sure the system is of it. It stands before all of them: some
    readers take a note between two subtitles for text of the first.
    """
    made = list(enumerate(in_lines(cues), 1))
    sure = [f"{number} {one.confidence:.3f}\n" for number, one in made if one.confidence is not None]
    blocks = ["WEBVTT\n", *(["NOTE confidence by number\n" + "".join(sure)] if sure else [])]
    for number, one in made:
        text = "\n".join(one.lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        voice = "" if one.signer is None else f"<v signer {one.signer}>"
        blocks.append(f"{number}\n{clock(one.start, '.')} --> {clock(one.end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def txt(cues: Sequence[Cue]) -> str:
    """One sentence a line, without times."""
    return "".join(f"{cue.shown}\n" for cue in cues)


def clock(milliseconds: int, point: str = ".") -> str:
    """A time as HH:MM:SS and three digits of milliseconds behind `point`; hours may have more than two digits."""
    seconds, milli = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milli:03}"
