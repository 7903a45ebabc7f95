"""ELAN's annotation format (.eaf), version 3.0: the tiers `sentence` and `confidence`, linked to the video.

https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from slt.segment.cues import Cue, clean, milliseconds

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
SENTENCE, CONFIDENCE = "sentence", "confidence"
_ASSOCIATION = "Symbolic_Association"


def eaf(cues: Sequence[Cue], media: Path | None = None, folder: Path | None = None, now: datetime | None = None) -> str:
    """An ELAN document of cues in order, as XML text.

    Each cue is an annotation of the tier `sentence`; its confidence, if it has one, depends on it in the tier
    `confidence`. media: the video that it is about; the link is written as a file URL, and relative to the `folder`
    that the document will lie in. now: the date in the document; default: the present.
    """
    date = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    root = Element("ANNOTATION_DOCUMENT", {"AUTHOR": "", "DATE": date, "FORMAT": "3.0", "VERSION": "3.0"})
    root.set(f"{{{_INSTANCE}}}noNamespaceSchemaLocation", _SCHEMA)
    sure = [(number, cue.confidence) for number, cue in enumerate(cues, 1) if cue.confidence is not None]
    _header(root, media, folder, len(cues) + len(sure))
    _time_slots(root, cues)
    tier = SubElement(root, "TIER", {"LINGUISTIC_TYPE_REF": SENTENCE, "TIER_ID": SENTENCE})
    for number, cue in enumerate(cues, 1):
        about = {"TIME_SLOT_REF1": f"ts{2 * number - 1}", "TIME_SLOT_REF2": f"ts{2 * number}"}
        _annotation(tier, "ALIGNABLE_ANNOTATION", number, about, cue.shown)
    about = {"LINGUISTIC_TYPE_REF": CONFIDENCE, "PARENT_REF": SENTENCE, "TIER_ID": CONFIDENCE}
    tier = SubElement(root, "TIER", about)
    for k, (number, confidence) in enumerate(sure, len(cues) + 1):
        _annotation(tier, "REF_ANNOTATION", k, {"ANNOTATION_REF": f"a{number}"}, f"{confidence:.3f}")
    _types(root)
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


def _time_slots(root: Element, cues: Sequence[Cue]) -> None:
    """Two slots for each cue. They are in order of time, because the cues are."""
    order = SubElement(root, "TIME_ORDER")
    times = [time for pair in milliseconds(cues) for time in pair]
    for number, time in enumerate(times, 1):
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{number}", "TIME_VALUE": str(time)})


def _annotation(tier: Element, kind: str, number: int, about: dict[str, str], text: str) -> None:
    outer = SubElement(tier, "ANNOTATION")
    inner = SubElement(outer, kind, {"ANNOTATION_ID": f"a{number}", **about})
    SubElement(inner, "ANNOTATION_VALUE").text = text


def _types(root: Element) -> None:
    """What kinds of tiers there are: one with times, and one that has those of its parent."""
    common = {"GRAPHIC_REFERENCES": "false"}
    SubElement(root, "LINGUISTIC_TYPE", common | {"LINGUISTIC_TYPE_ID": SENTENCE, "TIME_ALIGNABLE": "true"})
    about = {"CONSTRAINTS": _ASSOCIATION, "LINGUISTIC_TYPE_ID": CONFIDENCE, "TIME_ALIGNABLE": "false"}
    SubElement(root, "LINGUISTIC_TYPE", common | about)
    words = "at most one annotation for each annotation of the parent tier"
    SubElement(root, "CONSTRAINT", {"DESCRIPTION": words, "STEREOTYPE": _ASSOCIATION})
