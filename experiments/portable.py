"""Results without the folders of the machine that made them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.request import ROOT

_SIGNS = r"""\t\n'"`=,:;()\[\]{}<>|"""  # they end a path; so does a blank, unless it is known to be part of one
_PART = rf"/[^/ {_SIGNS}]+"
# A path begins behind a blank, a quote, an option's sign, or a bracket that is no link's in Markdown.
_BEGIN = re.compile(rf"""(?:^|(?<=[\s'"`=,\[:])|(?<!\]\()(?<=\())(?={_PART})""")
_PARTS, _PATH = re.compile(rf"(?:{_PART})+"), re.compile(rf"{_PART}(?:{_PART})+")
_QUOTED = re.compile(rf"[^{_SIGNS}]+")
_LONGEST = 4096  # characters of a path, on Linux


def portable(value: Any, root: Path = ROOT) -> Any:
    """JSON's values, or a text, without the folders of this machine.

    A path below `root`, or beside it, is as seen from there (`runs/demo`, `../shared/data`); any other is its name,
    with as many of its folders as tell it from the others in `value`. Blanks belong to a path that stands in quotes, or
    that is there on this machine, or to `root`; others end it.
    """
    near = {path: _seen_from(root, Path(path)) for text in _texts(value) for _, path in _paths(text, root)}
    far = _told_apart([path for path, name in near.items() if name is None])
    return _renamed(value, root, {path: name or far[path] for path, name in near.items()})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _renamed(value: Any, root: Path, names: Mapping[str, str]) -> Any:
    """`value` with the name of each path in its place."""
    if isinstance(value, dict):
        return {_renamed(key, root, names): _renamed(one, root, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_renamed(one, root, names) for one in value]
    if not isinstance(value, str):
        return value
    done, parts = 0, list[str]()
    for start, path in _paths(value, root):
        parts += [value[done:start], names[path]]
        done = start + len(path)
    return "".join([*parts, value[done:]])


def _paths(text: str, root: Path) -> Iterator[tuple[int, str]]:
    """Where absolute paths begin in a text, and those: of two parts or more, none within a word or a link."""
    done = 0
    for found in _BEGIN.finditer(text):
        start = found.start()
        if start < done:
            continue
        rest = re.split(r"[\t\n]", text[start : start + _LONGEST], maxsplit=1)[0]
        length = max(_plain(rest, root), _in_quotes(rest, text[start - 1 : start]), _of_a_file(rest))
        if length:
            done = start + length
            yield start, text[start:done]


def _plain(rest: str, root: Path) -> int:
    """The length of the path without blanks at the start of a text, but for those of `root`; 0 if there is none."""
    for home in (str(root), str(root.parent)):
        if home != "/" and rest.startswith(f"{home}/") and (below := _PARTS.match(rest, len(home))) is not None:
            return below.end()
    found = _PATH.match(rest)
    return 0 if found is None else found.end()


def _in_quotes(rest: str, before: str) -> int:
    """The length up to the closing quote, if that is one path and no command or sentence of several."""
    inner = _QUOTED.match(rest)
    if before not in ("'", '"') or inner is None or rest[inner.end() : inner.end() + 1] != before:
        return 0
    several = any(sign in inner[0] for sign in (" -", " /"))
    return 0 if several or "/" not in inner[0][1:] else inner.end()


def _of_a_file(rest: str) -> int:
    """The length of the longest path at the start of a text that is there on this machine."""
    ends = [found.start() for found in re.finditer(rf"[ {_SIGNS}]|$", rest)]
    return next((end for end in reversed(ends) if "/" in rest[1:end] and os.path.exists(rest[:end])), 0)


def _seen_from(root: Path, path: Path) -> str | None:
    """From `root`, or None if it is far from there."""
    if path.is_relative_to(root):
        return str(path.relative_to(root))
    if path.is_relative_to(root.parent) and root.parent != Path("/"):
        return str(Path("..") / path.relative_to(root.parent))
    return None


def _told_apart(paths: Iterable[str]) -> dict[str, str]:
    """The last parts of each path, as few as no other one ends in."""
    parts = {path: Path(path).parts[1:] for path in paths}
    names = {}
    for path, own in parts.items():
        others = [other for other in parts.values() if other != own]
        count = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
        names[path] = "/".join(own[-count:])
    return names
