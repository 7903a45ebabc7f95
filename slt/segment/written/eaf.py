"""ELAN's annotation format (.eaf), version 3.0: the tiers `sentence`, `confidence` and `gloss`, linked to the video.

Valid by http://www.mpi.nl/tools/elan/EAFv3.0.xsd. ELAN itself takes both links to the video letter by letter and
decodes nothing, so it is the relative one by which it finds a name with a space.
https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from slt.segment.written.cues import Cue, clean, milliseconds

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
SENTENCE, CONFIDENCE, GLOSS = "sentence", "confidence", "gloss"
_NO_URI = re.compile(r"[%\[\]]")  # what xsd:anyURI does not take as it is; all else it escapes by itself
_ASSOCIATION, _INCLUDED = "Symbolic_Association", "Included_In"


def eaf(cues: Sequence[Cue], media: Path | None = None, folder: Path | None = None, now: datetime | None = None) -> str:
    """An ELAN document of cues in order, as XML text.

    Each cue is an annotation of the tier `sentence`; its confidence, if it has one, depends on it in the tier
    `confidence`; the glosses that were read, if any, lie within it in the tier `gloss`. Where cues name their signers,
    each signer has tiers of their own (`sentence@signer 1`, ...), with the attribute PARTICIPANT. media: the video that
    it is about; the link is written as a file URL, and relative to the `folder` that the document will lie in. now: the
    date in the document; default: the present.
    """
    date = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    root = Element("ANNOTATION_DOCUMENT", {"AUTHOR": "", "DATE": date, "FORMAT": "3.0", "VERSION": "3.0"})
    root.set(f"{{{_INSTANCE}}}noNamespaceSchemaLocation", _SCHEMA)
    times = list(milliseconds(cues))
    signs = [(k, *one) for k, (start, end) in enumerate(times) for one in _within(cues[k], start, end)]
    sure = [(number, cue, cue.confidence) for number, cue in enumerate(cues, 1) if cue.confidence is not None]
    _header(root, media, folder, len(cues) + len(sure) + len(signs))
    slots = iter(_time_slots(root, [*times, *((start, end) for _, start, end, _ in signs)]))
    notes = [_Note(SENTENCE, cue.signer, next(slots), cue.shown) for cue in cues]
    notes += [_Note(CONFIDENCE, cue.signer, {"ANNOTATION_REF": f"a{k}"}, f"{value:.3f}") for k, cue, value in sure]
    notes += [_Note(GLOSS, cues[k].signer, next(slots), gloss) for k, *_, gloss in signs]
    for signer in sorted({cue.signer for cue in cues} or {None}, key=lambda one: one or 0):
        for kind in (SENTENCE, CONFIDENCE, *([GLOSS] if signs else [])):
            tier = _tier(root, kind, signer)
            for number, note in enumerate(notes, 1):
                if (note.kind, note.signer) == (kind, signer):
                    _annotation(tier, number, note)
    _types(root, bool(signs))
    ElementTree.register_namespace("xsi", _INSTANCE)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


@dataclass(frozen=True)
class _Note:
    """An annotation: of which kind of tier, of whose, what it hangs on, and its text."""

    kind: str
    signer: int | None
    about: Mapping[str, str]
    text: str


def _tier(root: Element, kind: str, signer: int | None) -> Element:
    """A new tier of that kind; signer: whose it is, None where one person signs."""
    at = "" if signer is None else f"@signer {signer}"
    about = {"LINGUISTIC_TYPE_REF": kind}
    if kind != SENTENCE:
        about["PARENT_REF"] = SENTENCE + at
    if signer is not None:
        about["PARTICIPANT"] = f"signer {signer}"
    return SubElement(root, "TIER", about | {"TIER_ID": kind + at})


def _header(root: Element, media: Path | None, folder: Path | None, annotations: int) -> None:
    header = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media is not None:
        link = {"MEDIA_URL": media.absolute().as_uri(), "MIME_TYPE": mimetypes.guess_type(media.name)[0] or "unknown"}
        if folder is not None:
            relative = os.path.relpath(media.absolute(), folder.absolute()).replace(os.sep, "/")
            relative = clean(relative if relative.startswith("..") else f"./{relative}")
            link["RELATIVE_MEDIA_URL"] = _NO_URI.sub(lambda odd: f"%{ord(odd[0]):02X}", relative)
        SubElement(header, "MEDIA_DESCRIPTOR", link)
    SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(annotations)


def _within(cue: Cue, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Start and end, in milliseconds, of each gloss of a cue: within it, none before the end of the one before.

    Those for which no time is left are left out.
    """
    before = start
    for sign in cue.signs:
        first, last = max(before, round(sign.start * 1000)), min(end, round(sign.end * 1000))
        if first < last:
            yield first, last, clean(sign.gloss)
            before = last


def _time_slots(root: Element, spans: Sequence[tuple[int, int]]) -> list[dict[str, str]]:
    """Two slots for each span, all in order of time; the attributes by which an annotation of each span names them."""
    order = SubElement(root, "TIME_ORDER")
    times = sorted((time, number, edge) for number, span in enumerate(spans) for edge, time in enumerate(span))
    named = [["", ""] for _ in spans]
    for k, (time, number, edge) in enumerate(times, 1):
        named[number][edge] = f"ts{k}"
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{k}", "TIME_VALUE": str(time)})
    return [{"TIME_SLOT_REF1": first, "TIME_SLOT_REF2": last} for first, last in named]


def _annotation(tier: Element, number: int, note: _Note) -> None:
    outer = SubElement(tier, "ANNOTATION")
    tag = "REF_ANNOTATION" if note.kind == CONFIDENCE else "ALIGNABLE_ANNOTATION"
    inner = SubElement(outer, tag, {"ANNOTATION_ID": f"a{number}", **note.about})
    SubElement(inner, "ANNOTATION_VALUE").text = note.text


def _types(root: Element, glosses: bool) -> None:
    """What kinds of tiers there are: with times, with those of the parent, and with times within the parent's."""
    common = {"GRAPHIC_REFERENCES": "false"}
    SubElement(root, "LINGUISTIC_TYPE", common | {"LINGUISTIC_TYPE_ID": SENTENCE, "TIME_ALIGNABLE": "true"})
    about = {"CONSTRAINTS": _ASSOCIATION, "LINGUISTIC_TYPE_ID": CONFIDENCE, "TIME_ALIGNABLE": "false"}
    SubElement(root, "LINGUISTIC_TYPE", common | about)
    if glosses:
        about = {"CONSTRAINTS": _INCLUDED, "LINGUISTIC_TYPE_ID": GLOSS, "TIME_ALIGNABLE": "true"}
        SubElement(root, "LINGUISTIC_TYPE", common | about)
        words = "annotations with times, each within one of the parent tier"
        SubElement(root, "CONSTRAINT", {"DESCRIPTION": words, "STEREOTYPE": _INCLUDED})
    words = "at most one annotation for each annotation of the parent tier"
    SubElement(root, "CONSTRAINT", {"DESCRIPTION": words, "STEREOTYPE": _ASSOCIATION})
