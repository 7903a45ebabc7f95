"""Elements of a page, as text. All texts and values are escaped: what comes from data stays text."""

from __future__ import annotations

import html
from collections.abc import Mapping


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Any value as text of a page; markup stays as it is."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def tag(name: str, values: Mapping[str, object] | None = None, *children: object) -> Markup:
    """An element. values: its attributes; None leaves one out. children: texts, or elements. `_` in a name is `-`."""
    given = "".join(f' {k.replace("_", "-")}="{text(v)}"' for k, v in (values or {}).items() if v is not None)
    return Markup(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: object) -> Markup:
    """Elements and texts behind each other."""
    return Markup("".join(text(child) for child in children))


def number(value: float) -> str:
    """A coordinate or a length, short."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(value: float) -> str:
    """A length as a share of its element, in per cent."""
    return f"{number(value)}%"
