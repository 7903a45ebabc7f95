"""ELAN's annotation files (.eaf) as they come from others: tiers by name, each annotation with its times.

The format: https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from skeletor.support.errors import InputError
from slt.data.own import tidy
from slt.data.tables import nfc

_LARGEST = 64 << 20  # bytes of a document
_DECLARED = (b"<!DOCTYPE", b"<!ENTITY")  # ELAN writes none, and what it declares could grow without bound
_DEEPEST = 16  # tiers above a tier


@dataclass(frozen=True)
class Annotation:
    """A value of a tier. start, end: seconds of the document, or of a medium (`Document.on`)."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Tier:
    """A tier's annotations in order of time. participant: who signs, "" if it is not said.

    unread: how many are empty but for a reference to an entry of a vocabulary that the document does not hold.
    """

    name: str
    participant: str
    annotations: tuple[Annotation, ...]
    unread: int = 0


@dataclass(frozen=True)
class Document:
    """A file that was read. media: names or paths of the linked media, as written, relative ones first. tiers: by name,
    in composed characters and without spaces at the ends.

    origins: for each of `media`, at how many seconds of it the document begins. ELAN sets each by itself, so that
    several cameras and a sound file run together.
    """

    path: Path
    media: tuple[str, ...]
    tiers: Mapping[str, Tier]
    origins: tuple[float, ...] = ()

    def on(self, recording: Path) -> Document:
        """The document by the clock of one of its media, found by its name; of another recording, by the first one's.

        What lies before the medium's beginning is left out.
        """
        pairs = list(zip(self.media, self.origins, strict=True))
        named = [origin for link, origin in pairs if nfc(media_name(link)).lower() == nfc(recording.name).lower()]
        named += [origin for link, origin in pairs if nfc(PurePosixPath(media_name(link)).stem) == nfc(recording.stem)]
        shift = next(iter([*named, *self.origins]), 0.0)
        tiers = {
            name: replace(tier, annotations=_shifted(tier.annotations, shift)) for name, tier in self.tiers.items()
        }
        return replace(self, tiers=tiers)

    def tier(self, name: str) -> Tier:
        """The tier of that name; InputError, which names those that are there, if there is none."""
        if tidy(name) not in self.tiers:
            some = ", ".join(list(self.tiers)[:8]) + (", ..." if len(self.tiers) > 8 else "")
            raise InputError(f"{self.path}: no tier {name!r}; its tiers are {some or 'none'}")
        return self.tiers[tidy(name)]

    def tiers_named(self, names: Iterable[str]) -> list[Tier]:
        """Those of these tiers that are there."""
        return [self.tiers[tidy(name)] for name in names if tidy(name) in self.tiers]


def read_eaf(path: Path) -> Document:
    """Read a document. Raises InputError, one line, if it is none, or if an annotation's time cannot be known.

    Times that ELAN leaves open lie evenly between those that are set. What depends on another annotation has its times.
    """
    root = _parsed(path)
    try:
        _check_units(root)
        spans = _spans(root, _times(root))
        entries = _entries(root)
        read = [_tier(tier, spans, entries) for tier in root.findall("TIER")]
        tiers = {tier.name: tier for tier in read}
        media = _media(root)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: not a whole ELAN document ({type(error).__name__}: {error})"[:200]) from error
    if len(tiers) < len(read):
        twice = next(tier.name for tier in read if tiers[tier.name] is not tier)
        raise InputError(f"{path}: two tiers are called {twice!r}; rename one in ELAN")
    return Document(path, tuple(link for link, _ in media), tiers, tuple(origin for _, origin in media))


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


def _check_units(root: Element) -> None:
    """ValueError for times in frames, which the format knows and ELAN does not write."""
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise ValueError(f"its times are in {units}; save it by ELAN in milliseconds")


def _times(root: Element) -> dict[str, float]:
    """Slot -> seconds; those that are not set lie evenly between the set ones before and after them."""
    slots = [slot for order in root.findall("TIME_ORDER") for slot in order.findall("TIME_SLOT")]
    values = np.array([float(slot.get("TIME_VALUE", "nan")) for slot in slots])
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < len(values) and len(known):
        values = np.interp(np.arange(len(values)), known, values[known])
    return {slot.attrib["TIME_SLOT_ID"]: float(value) / 1000 for slot, value in zip(slots, values, strict=True)}


def _spans(root: Element, times: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Annotation's id -> start and end in seconds; what refers to another one has those of that.

    Annotations that follow each other under one (a symbolic subdivision) share its time evenly, as ELAN shows them.
    """
    found = {}
    for own in root.iter("ALIGNABLE_ANNOTATION"):
        found[own.attrib["ANNOTATION_ID"]] = times[own.attrib["TIME_SLOT_REF1"]], times[own.attrib["TIME_SLOT_REF2"]]
    shares = {name: share for tier in root.findall("TIER") for name, share in _shares(tier).items()}
    waiting = dict(shares)
    for _ in range(_DEEPEST):
        for name, (above, place, count) in list(waiting.items()):
            if above in found:
                start, end = found[above]
                width = (end - start) / count
                found[name] = start + place * width, end if place + 1 == count else start + (place + 1) * width
                del waiting[name]
    if waiting:
        raise KeyError(next(iter(waiting.values()))[0])
    return found


def _shares(tier: Element) -> dict[str, tuple[str, int, int]]:
    """Id of each referring annotation of a tier -> the one above it, its place under that, and of how many."""
    below: dict[str, list[Element]] = {}
    for own in tier.iter("REF_ANNOTATION"):
        below.setdefault(own.attrib["ANNOTATION_REF"], []).append(own)
    found: dict[str, tuple[str, int, int]] = {}
    for above, group in below.items():
        after = {own.get("PREVIOUS_ANNOTATION"): own.attrib["ANNOTATION_ID"] for own in group}
        chain: list[str] = []
        following = after.get(None)
        while following is not None and following not in chain:
            chain.append(following)
            following = after.get(following)
        if len(chain) != len(group):  # no chain: each has the whole time
            found |= {own.attrib["ANNOTATION_ID"]: (above, 0, 1) for own in group}
        else:
            found |= {name: (above, place, len(chain)) for place, name in enumerate(chain)}
    return found


def _entries(root: Element) -> dict[str, str]:
    """Id of an entry of the document's vocabularies -> its value, the first that says anything of several languages."""
    found = {}
    for entry in root.iterfind("CONTROLLED_VOCABULARY/CV_ENTRY_ML"):
        values = (tidy(value.text or "") for value in entry.findall("CVE_VALUE"))
        found[entry.attrib["CVE_ID"]] = next(filter(None, values), "")
    return found


def _tier(tier: Element, spans: Mapping[str, tuple[float, float]], entries: Mapping[str, str]) -> Tier:
    """entries: values of vocabularies, for annotations that have none of their own."""
    annotations = []
    unread = 0
    for holder in tier.findall("ANNOTATION"):
        for one in holder:
            start, end = spans[one.attrib["ANNOTATION_ID"]]
            entry = one.get("CVE_REF", "")
            text = tidy(one.findtext("ANNOTATION_VALUE") or "") or entries.get(entry, "")
            unread += bool(entry and not text)
            annotations.append(Annotation(start, end, text))
    annotations.sort(key=lambda a: (a.start, a.end))
    return Tier(tidy(tier.get("TIER_ID", "")), tidy(tier.get("PARTICIPANT", "")), tuple(annotations), unread)


def _shifted(annotations: Sequence[Annotation], by: float) -> tuple[Annotation, ...]:
    """Later by so many seconds, cut at 0."""
    return tuple(replace(a, start=max(0.0, a.start + by), end=a.end + by) for a in annotations if a.end + by > 0)


def _media(root: Element) -> list[tuple[str, float]]:
    """The links, relative ones first, and at how many seconds of each medium the document begins."""
    linked = [(one, int(one.get("TIME_ORIGIN") or 0) / 1000) for one in root.findall("HEADER/MEDIA_DESCRIPTOR")]
    urls = [(one.get(key) or "", origin) for key in ("RELATIVE_MEDIA_URL", "MEDIA_URL") for one, origin in linked]
    return [(unquote(_path(url)), origin) for url, origin in urls if url]


def _path(url: str) -> str:
    """Of a link, as it is written: ELAN leaves signs in it that a URL gives another meaning (#, ?)."""
    scheme, mark, rest = url.partition("://")
    return "/" + rest.partition("/")[2] if mark and scheme.isalpha() else url.removeprefix("file:")


def media_name(link: str) -> str:
    """The file's name in a link, of whichever system."""
    return PurePosixPath(link.replace("\\", "/")).name


def unread_in(tiers: Iterable[Tier]) -> int:
    """How many annotations of these tiers only refer to vocabularies of other files."""
    return sum(tier.unread for tier in tiers)


def unread_note(unread: Mapping[Path, int]) -> list[str]:
    """A note on a data set's annotations that are not read, by document; empty if there are none."""
    found = {path: count for path, count in unread.items() if count}
    if not found:
        return []
    where = f"{next(iter(found))}" + (f" and {len(found) - 1:,} more documents" if len(found) > 1 else "")
    return [f"{where}: {sum(found.values()):,} annotations only name an entry of a vocabulary that is not in the file, "
            "and are left out; open and save it in ELAN where the vocabulary is within reach"]  # fmt: skip


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
