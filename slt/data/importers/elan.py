"""ELAN's annotation files (.eaf) as they come from others: tiers by name, each annotation with its times.

The format: https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from skeletor.support.errors import InputError
from slt.data.own import tidy

_LARGEST = 64 << 20  # bytes of a document
_DECLARED = (b"<!DOCTYPE", b"<!ENTITY")  # ELAN writes none, and what it declares could grow without bound
_DEEPEST = 16  # tiers above a tier


@dataclass(frozen=True)
class Annotation:
    """A value of a tier. start, end: seconds of the medium."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Tier:
    """A tier's annotations in order of time. participant: who signs, "" if it is not said."""

    name: str
    participant: str
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class Document:
    """A file that was read. media: names or paths of the linked media, as written, relative ones first."""

    path: Path
    media: tuple[str, ...]
    tiers: Mapping[str, Tier]

    def tier(self, name: str) -> Tier:
        """The tier of that name; InputError, which names those that are there, if there is none."""
        if name not in self.tiers:
            some = ", ".join(list(self.tiers)[:8]) + (", ..." if len(self.tiers) > 8 else "")
            raise InputError(f"{self.path}: no tier {name!r}; its tiers are {some or 'none'}")
        return self.tiers[name]


def read_eaf(path: Path) -> Document:
    """Read a document. Raises InputError, one line, if it is none, or if an annotation's time cannot be known.

    Times that ELAN leaves open lie evenly between those that are set. What depends on another annotation has its times.
    """
    root = _parsed(path)
    try:
        times = _times(root)
        origin = max((int(m.get("TIME_ORIGIN", 0)) for m in root.iter("MEDIA_DESCRIPTOR")), default=0) / 1000
        spans = _spans(root, times)
        tiers = {tier.get("TIER_ID", ""): _tier(tier, spans, origin) for tier in root.findall("TIER")}
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: not a whole ELAN document ({type(error).__name__}: {error})"[:200]) from error
    return Document(path, tuple(_media(root)), tiers)


def _parsed(path: Path) -> Element:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: larger than {_LARGEST >> 20} MB; is it an ELAN document?")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if any(word in data for word in _DECLARED):
        raise InputError(f"{path}: declares entities, which no ELAN document does; it is not read")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not XML, or damaged ({error})") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{path}: XML, but no ELAN document")
    return root


def _times(root: Element) -> dict[str, float]:
    """Slot -> seconds; those that are not set lie evenly between the set ones before and after them."""
    slots = [slot for order in root.findall("TIME_ORDER") for slot in order.findall("TIME_SLOT")]
    values = np.array([float(slot.get("TIME_VALUE", "nan")) for slot in slots])
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < len(values) and len(known):
        values = np.interp(np.arange(len(values)), known, values[known])
    return {slot.attrib["TIME_SLOT_ID"]: float(value) / 1000 for slot, value in zip(slots, values, strict=True)}


def _spans(root: Element, times: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Annotation's id -> start and end in seconds; what refers to another one has those of that."""
    found = {}
    for own in root.iter("ALIGNABLE_ANNOTATION"):
        found[own.attrib["ANNOTATION_ID"]] = times[own.attrib["TIME_SLOT_REF1"]], times[own.attrib["TIME_SLOT_REF2"]]
    refers = {own.attrib["ANNOTATION_ID"]: own.attrib["ANNOTATION_REF"] for own in root.iter("REF_ANNOTATION")}
    for name, above in refers.items():
        for _ in range(_DEEPEST):
            if above in found or above not in refers:
                break
            above = refers[above]
        found[name] = found[above]
    return found


def _tier(tier: Element, spans: Mapping[str, tuple[float, float]], origin: float) -> Tier:
    annotations = []
    for holder in tier.findall("ANNOTATION"):
        for one in holder:
            start, end = spans[one.attrib["ANNOTATION_ID"]]
            text = tidy(one.findtext("ANNOTATION_VALUE") or "")
            annotations.append(Annotation(start + origin, end + origin, text))
    annotations.sort(key=lambda a: (a.start, a.end))
    return Tier(tier.get("TIER_ID", ""), tidy(tier.get("PARTICIPANT", "")), tuple(annotations))


def _media(root: Element) -> list[str]:
    linked = root.findall("HEADER/MEDIA_DESCRIPTOR")
    relative = [one.get("RELATIVE_MEDIA_URL") or "" for one in linked]
    absolute = [one.get("MEDIA_URL") or "" for one in linked]
    return [unquote(urlsplit(url).path) for url in (*relative, *absolute) if url]


def glosses_within(tiers: Sequence[Tier], start: float, end: float) -> str:
    """The glosses whose middle lies in a time, in order, as a cell; what both hands sign at once stands there once.

    Spaces within a gloss become `_`, since spaces separate glosses.
    """
    found = [a for tier in tiers for a in tier.annotations if start <= (a.start + a.end) / 2 < end and a.text]
    found.sort(key=lambda a: (a.start, a.end))
    kept: list[Annotation] = []
    for one in found:
        if not any(one.text == other.text and one.start < other.end for other in kept[-2:]):
            kept.append(one)
    return " ".join("_".join(one.text.split()) for one in kept)
