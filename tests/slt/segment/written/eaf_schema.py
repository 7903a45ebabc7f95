"""The rules of EAFv3.0.xsd that concern what we write, and those that ELAN adds; faults as lines of text.

Read from the schema as ELAN's sources have it (version 3.0, December 2016), and from the description of the format by
MPI Nijmegen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from xml.etree.ElementTree import Element

_ID = re.compile(r"[A-Za-z_][\w.\-]*\Z")
_DATE = re.compile(r"-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?\Z")  # xsd:dateTime
_NO_URI = re.compile(r"%(?![0-9A-Fa-f]{2})|[\[\]\x00-\x1f\x7f]")  # xsd:anyURI takes all else
LONGEST = 2**32 - 1  # xsd:unsignedInt
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
# element -> its children in the order of the schema
CHILDREN = {
    "ANNOTATION_DOCUMENT": ("LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE",
                            "CONSTRAINT", "CONTROLLED_VOCABULARY", "LEXICON_REF", "REF_LINK_SET", "EXTERNAL_REF"),
    "HEADER": ("MEDIA_DESCRIPTOR", "LINKED_FILE_DESCRIPTOR", "PROPERTY"),
    "TIME_ORDER": ("TIME_SLOT",),
    "TIER": ("ANNOTATION",),
    "ANNOTATION": ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"),
    "ALIGNABLE_ANNOTATION": ("ANNOTATION_VALUE",),
    "REF_ANNOTATION": ("ANNOTATION_VALUE",),
    **dict.fromkeys(("MEDIA_DESCRIPTOR", "PROPERTY", "TIME_SLOT", "ANNOTATION_VALUE", "LINGUISTIC_TYPE", "CONSTRAINT"),
                    ()),
}  # fmt: skip
# element -> attributes that it must have, and those that it may have
ATTRIBUTES = {
    "ANNOTATION_DOCUMENT": ({"DATE", "AUTHOR", "VERSION"}, {"FORMAT", _INSTANCE}),
    "HEADER": (set(), {"MEDIA_FILE", "TIME_UNITS"}),
    "MEDIA_DESCRIPTOR": ({"MEDIA_URL", "MIME_TYPE"}, {"RELATIVE_MEDIA_URL", "TIME_ORIGIN", "EXTRACTED_FROM"}),
    "PROPERTY": (set(), {"NAME"}),
    "TIME_ORDER": (set(), set()),
    "TIME_SLOT": ({"TIME_SLOT_ID"}, {"TIME_VALUE"}),
    "TIER": ({"TIER_ID", "LINGUISTIC_TYPE_REF"},
             {"PARTICIPANT", "ANNOTATOR", "DEFAULT_LOCALE", "PARENT_REF", "EXT_REF", "LANG_REF"}),
    "ANNOTATION": (set(), set()),
    "ALIGNABLE_ANNOTATION": ({"ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2"},
                             {"SVG_REF", "EXT_REF", "LANG_REF", "CVE_REF"}),
    "REF_ANNOTATION": ({"ANNOTATION_ID", "ANNOTATION_REF"}, {"PREVIOUS_ANNOTATION", "EXT_REF", "LANG_REF", "CVE_REF"}),
    "ANNOTATION_VALUE": (set(), set()),
    "LINGUISTIC_TYPE": ({"LINGUISTIC_TYPE_ID"}, {"TIME_ALIGNABLE", "CONSTRAINTS", "GRAPHIC_REFERENCES",
                                                 "CONTROLLED_VOCABULARY_REF", "EXT_REF", "LEXICON_REF"}),
    "CONSTRAINT": ({"STEREOTYPE"}, {"DESCRIPTION"}),
}  # fmt: skip
ONCE = {"ANNOTATION_DOCUMENT": ("HEADER", "TIME_ORDER"), "ALIGNABLE_ANNOTATION": ("ANNOTATION_VALUE",),
        "REF_ANNOTATION": ("ANNOTATION_VALUE",)}  # fmt: skip
IDS = ("TIME_SLOT_ID", "ANNOTATION_ID", "STEREOTYPE")  # xsd:ID: unique in the whole document
STEREOTYPES = {"Time_Subdivision": "true", "Symbolic_Subdivision": "false", "Symbolic_Association": "false",
               "Included_In": "true"}  # fmt: skip


def faults(root: Element) -> list[str]:
    """What is wrong with a document; [] if it is valid."""
    return [*_form(root), *_values(root), *_references(root), *_tiers(root)]


def _form(root: Element) -> Iterator[str]:
    """Elements, their order and number, and their attributes."""
    if root.tag != "ANNOTATION_DOCUMENT":
        yield f"the root is {root.tag}"
    for one in root.iter():
        if one.tag not in CHILDREN:
            yield f"there is no element {one.tag}"
            continue
        order, tags = CHILDREN[one.tag], [child.tag for child in one]
        if any(tag not in order for tag in tags):
            yield f"{one.tag} has children {tags}"
        elif [order.index(tag) for tag in tags] != sorted(order.index(tag) for tag in tags):
            yield f"the children of {one.tag} are not in order: {tags}"
        if any(tags.count(tag) != 1 for tag in ONCE.get(one.tag, ())) or (one.tag == "ANNOTATION" and len(tags) != 1):
            yield f"{one.tag} has {tags}"
        needed, allowed = ATTRIBUTES[one.tag]
        if not needed <= set(one.attrib) <= needed | allowed:
            yield f"{one.tag} has attributes {sorted(one.attrib)}"


def _values(root: Element) -> Iterator[str]:
    """Types of attributes."""
    date = root.get("DATE", "")
    if not _DATE.match(date) or datetime.fromisoformat(date).tzinfo is None or root.get("FORMAT") != "3.0":
        yield f"date {root.get('DATE')}, format {root.get('FORMAT')}"
    header = root.find("HEADER")
    if header is not None and header.get("TIME_UNITS") not in ("milliseconds", "NTSC-frames", "PAL-frames"):
        yield f"time units {header.get('TIME_UNITS')}"
    for one in root.iter("MEDIA_DESCRIPTOR"):
        if not re.match(r"file:/{1,3}\S+\Z", one.get("MEDIA_URL", "")) or not one.get("MIME_TYPE"):
            yield f"media {one.attrib}"
        yield from (f"{key} is no address: {one.get(key)}" for key in ("MEDIA_URL", "RELATIVE_MEDIA_URL")
                    if _NO_URI.search(one.get(key, "")))  # fmt: skip
    for one in root.iter("TIME_SLOT"):
        value = one.get("TIME_VALUE", "0")
        if not re.match(r"\d+\Z", value) or int(value) > LONGEST:
            yield f"time {one.get('TIME_VALUE')}"
    for one in root.iter("LINGUISTIC_TYPE"):
        if {one.get(key, "true") for key in ("TIME_ALIGNABLE", "GRAPHIC_REFERENCES")} - {"true", "false"}:
            yield f"linguistic type {one.attrib}"


def _references(root: Element) -> Iterator[str]:
    """Names are unique, and what refers to one finds it."""
    ids = [value for one in root.iter() for key in IDS if (value := one.get(key)) is not None]
    yield from (f"id {name} is given {count} times" for name, count in Counter(ids).items() if count > 1)
    yield from (f"{name!r} is no id" for name in ids if not _ID.match(name))
    names = {
        "TIER_ID": [one.get("TIER_ID") for one in root.iter("TIER")],
        "LINGUISTIC_TYPE_ID": [one.get("LINGUISTIC_TYPE_ID") for one in root.iter("LINGUISTIC_TYPE")],
        "TIME_SLOT_ID": [one.get("TIME_SLOT_ID") for one in root.iter("TIME_SLOT")],
        "ANNOTATION_ID": [one.get("ANNOTATION_ID") for one in root.iter() if one.get("ANNOTATION_ID")],
        "STEREOTYPE": [one.get("STEREOTYPE") for one in root.iter("CONSTRAINT")],
    }
    yield from (f"a {kind} is given twice" for kind, found in names.items() if len(set(found)) < len(found))
    meant = {"LINGUISTIC_TYPE_REF": "LINGUISTIC_TYPE_ID", "PARENT_REF": "TIER_ID", "TIME_SLOT_REF1": "TIME_SLOT_ID",
             "TIME_SLOT_REF2": "TIME_SLOT_ID", "ANNOTATION_REF": "ANNOTATION_ID",
             "CONSTRAINTS": "STEREOTYPE"}  # fmt: skip
    for one in root.iter():
        for key, kind in meant.items():
            if one.get(key) is not None and one.get(key) not in names[kind]:
                yield f"{one.tag}: {key} {one.get(key)} is nowhere"


def _tiers(root: Element) -> Iterator[str]:
    """What ELAN asks for beyond the schema: stereotypes, order of time, annotations within those of the parent."""
    slots = {one.get("TIME_SLOT_ID"): float(one.get("TIME_VALUE", "-1")) for one in root.iter("TIME_SLOT")}
    if list(slots.values()) != sorted(slots.values()):
        yield "time slots are not in order"
    types = {one.get("LINGUISTIC_TYPE_ID"): one for one in root.iter("LINGUISTIC_TYPE")}
    tiers = {one.get("TIER_ID"): one for one in root.iter("TIER")}
    spans = {name: _spans(tier, slots) for name, tier in tiers.items()}
    for name, tier in tiers.items():
        kind = types.get(tier.get("LINGUISTIC_TYPE_REF"))
        constraint = None if kind is None else kind.get("CONSTRAINTS")
        parent = tier.get("PARENT_REF")
        if (constraint is None) != (parent is None):
            yield f"tier {name}: parent {parent}, constraint {constraint}"
        if constraint is not None and kind is not None and kind.get("TIME_ALIGNABLE") != STEREOTYPES.get(constraint):
            yield f"tier {name}: {constraint} with times {kind.get('TIME_ALIGNABLE')}"
        own = spans[name]
        if any(start >= end for start, end in own) or any(a[1] > b[0] for a, b in pairwise(own)):
            yield f"tier {name}: annotations overlap, or have no length"
        above = spans.get(parent, [])
        if constraint == "Included_In" and not all(any(s <= a and b <= e for s, e in above) for a, b in own):
            yield f"tier {name}: an annotation is not within one of {parent}"
        about = [one.get("ANNOTATION_REF") for one in tier.iter("REF_ANNOTATION")]
        known = {one.get("ANNOTATION_ID") for one in tiers[parent].iter()} if parent in tiers else set()
        if not set(about) <= known or (constraint == "Symbolic_Association" and len(set(about)) < len(about)):
            yield f"tier {name}: refers to {about}"
        aligned = next(tier.iter("ALIGNABLE_ANNOTATION"), None) is not None
        if kind is not None and aligned and kind.get("TIME_ALIGNABLE") != "true":
            yield f"tier {name}: has times, its type none"


def _spans(tier: Element, slots: dict[str | None, float]) -> list[tuple[float, float]]:
    found = tier.iter("ALIGNABLE_ANNOTATION")
    return [(slots.get(a.get("TIME_SLOT_REF1"), -1), slots.get(a.get("TIME_SLOT_REF2"), -1)) for a in found]
