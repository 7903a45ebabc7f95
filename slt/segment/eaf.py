"""ELAN's annotation format (.eaf), version 3.0: the tiers `sentence`, `confidence` and `gloss`, linked to the video.

https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from slt.segment.cues import Cue, clean, milliseconds

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
SENTENCE, CONFIDENCE, GLOSS = "sentence", "confidence", "gloss"
_ASSOCIATION, _INCLUDED = "Symbolic_Association", "Included_In"


def eaf(cues: Sequence[Cue], media: Path | None = None, folder: Path | None = None, now: datetime | None = None) -> str:
    """An ELAN document of cues in order, as XML text.

    Each cue is an annotation of the tier `sentence`; its confidence, if it has one, depends on it in the tier
    `confidence`; the glosses that were read, if any, lie within it in the tier `gloss`. media: the video that it is
    about; the link is written as a file URL, and relative to the `folder` that the document will lie in. now: the date
    in the document; default: the present.
    """
    date = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    root = Element("ANNOTATION_DOCUMENT", {"AUTHOR": "", "DATE": date, "FORMAT": "3.0", "VERSION": "3.0"})
    root.set(f"{{{_INSTANCE}}}noNamespaceSchemaLocation", _SCHEMA)
    sure = [(number, cue.confidence) for number, cue in enumerate(cues, 1) if cue.confidence is not None]
    times = list(milliseconds(cues))
    signs = [sign for cue, (start, end) in zip(cues, times, strict=True) for sign in _within(cue, start, end)]
    _header(root, media, folder, len(cues) + len(sure) + len(signs))
    slots = _time_slots(root, [*times, *((start, end) for start, end, _ in signs)])
    tier = SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": SENTENCE, "TIER_ID": SENTENCE})
    for number, cue in enumerate(cues, 1):
        _annotation(tier, "ALIGNABLE_ANNOTATION", number, slots[number - 1], cue.shown)
    about = {"LINGUISTIC_TYPE_REF": CONFIDENCE, "PARENT_REF": SENTENCE, "TIER_ID": CONFIDENCE}
    tier = SubElement(root, "TIER", about)
    for k, (number, confidence) in enumerate(sure, len(cues) + 1):
        _annotation(tier, "REF_ANNOTATION", k, {"ANNOTATION_REF": f"a{number}"}, f"{confidence:.3f}")
    if signs:
        tier = SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": GLOSS, "PARENT_REF": SENTENCE, "TIER_ID": GLOSS})
        for k, (*_, gloss) in enumerate(signs):
            number = len(cues) + len(sure) + 1 + k
            _annotation(tier, "ALIGNABLE_ANNOTATION", number, slots[len(cues) + k], gloss)
    _types(root, bool(signs))
    ElementTree.register_namespace("xsi", _INSTANCE)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


def _header(root: Element, media: Path | None, folder: Path | None, annotations: int) -> None:
    header = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media is not None:
        link = {"MEDIA_URL": media.absolute().as_uri(), "MIME_TYPE": mimetypes.guess_type(media.name)[0] or "unknown"}
        if folder is not None:
            relative = os.path.relpath(media.absolute(), folder.absolute()).replace(os.sep, "/")
            link["RELATIVE_MEDIA_URL"] = clean(relative if relative.startswith("..") else f"./{relative}")
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


def _annotation(tier: Element, kind: str, number: int, about: dict[str, str], text: str) -> None:
    outer = SubElement(tier, "ANNOTATION")
    inner = SubElement(outer, kind, {"ANNOTATION_ID": f"a{number}", **about})
    SubElement(inner, "ANNOTATION_VALUE").text = text


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
