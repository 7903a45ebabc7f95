"""Configuration: YAML files checked against a frozen pydantic model when they are loaded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from skeletor.support.errors import InputError, one_line


class Config(BaseModel):
    """Base of all config sections: unknown keys are errors, values are strict and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def digest(self) -> str:
        """A hash of all values for caches and provenance: the first 16 hex digits of SHA-256 of their sorted JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


C = TypeVar("C", bound=Config)
T = TypeVar("T")
_LONGEST = 80  # characters of a wrong value that are told
_LARGEST_FILE = 1 << 19  # bytes of a config; the largest of ours has 6 kB
_DEEPEST = 50  # sections in sections
_LONGEST_NUMBER = 100  # characters
_MOST = 1 << 20  # characters and values, with every alias written out


class _Loader(yaml.SafeLoader):
    """YAML as configs need it, with limits that a hostile file cannot pass.

    Numbers are those of YAML 1.2 and JSON: `1e-7` is one (in YAML 1.1, which the package reads, it is text), and a
    date is text. Tags and doubled keys are errors; so are aliases that stand for more than a person would write.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._sizes: dict[int, int] = {}  # id of a finished node -> what it holds, aliases written out

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As PyYAML's, for a tree that is neither deep, nor tagged, nor larger than `_MOST`."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in the stubs of PyYAML
        if getattr(event, "tag", None) is not None:
            raise _problem(f"the tag {event.tag[:_LONGEST]!r} is not allowed; leave it out", event.start_mark)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _problem(f"nested more than {_DEEPEST} deep", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self._sizes:
                raise _problem(f"the alias *{str(event.anchor)[:_LONGEST]} stands within itself", event.start_mark)
        elif node is not None:
            self._sizes[id(node)] = self._size(node)
            if self._sizes[id(node)] > _MOST:
                raise _problem("too much, with its aliases written out", event.start_mark)
        return node

    def _size(self, node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            return 1 + len(node.value)
        if isinstance(node, yaml.MappingNode):
            return 1 + sum(self._sizes[id(key)] + self._sizes[id(value)] for key, value in node.value)
        return 1 + sum(self._sizes[id(part)] for part in node.value)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """As PyYAML's, which takes the last of two values for one key in silence."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _problem(f"the key {key.value[:_LONGEST]!r} stands there twice", key.start_mark)
                seen.add((key.tag, key.value))
        return node

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """As PyYAML's, for numbers of a sane length."""
        if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
            raise _problem(f"a number of {len(node.value)} characters", node.start_mark)
        if node.tag in _NUMBERS and ":" in node.value:  # to YAML 1.1 a number to the base 60
            raise _problem(f"{node.value} is no number; put it in quotes if it is text", node.start_mark)
        return super().construct_scalar(node)


_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_DATE = "tag:yaml.org,2002:timestamp"
_Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in found if tag != _DATE]
    for key, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def _problem(text: str, mark: Any = None) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=mark)


def read_yaml(text: str) -> Any:
    """The value of a YAML (or JSON) text. Raises yaml.YAMLError, whatever is wrong with it."""
    if len(text) > _LARGEST_FILE:
        raise _problem(f"{len(text)} characters, at most {_LARGEST_FILE} are read")
    try:
        return yaml.load(text, _Loader)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise _problem(f"a value cannot be read ({one_line(error, _LONGEST)})") from error


def read_yaml_file(path: Path | str) -> Any:
    """The value of a YAML file. Raises InputError, one line, if it cannot be read."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a file; give the path of a YAML file")
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path}: not a YAML file: {path.stat().st_size} bytes, at most {_LARGEST_FILE} are read")
        return read_yaml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a YAML file: {_why(error)}") from error


def _why(error: Exception) -> str:
    """What is wrong, and where, without PyYAML's drawing of the place."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return one_line(error)
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + " ".join(part for part in (error.context, error.problem) if part)


def read_overrides(items: Sequence[str]) -> dict[str, Any]:
    """`KEY=VALUE` items, as the option --set takes them, to a dict of dotted key -> value.

    Raises InputError if an item has no `=`, or its value is not YAML.
    """
    found: dict[str, Any] = {}
    for item in items:
        key, separator, value = item.partition("=")
        if not separator or not key:
            raise InputError(f"--set {item}: expected KEY=VALUE")
        try:
            found[key] = read_yaml(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {key}: {value[:_LONGEST]!r} is no YAML value: {_why(error)}") from error
    return found


def load_config(path: Path | str, model: type[C], overrides: Mapping[str, Any] | None = None) -> C:
    """Read a YAML file into `model`. `overrides` maps dotted keys ("refine.name") to values.

    Raises InputError, one line that names the file and the key.
    """
    raw = read_sections(path)
    override(raw, overrides or {}, str(path))
    return check_config(raw, model, str(path))


def read_sections(path: Path | str) -> dict[str, Any]:
    """The keys and values of a YAML file, unchecked. InputError if it has something else, or cannot be read."""
    raw = read_yaml_file(path)
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InputError(f"{path}: expected keys and values at the top, found {type(raw).__name__}")
    return raw


def override(raw: dict[str, Any], overrides: Mapping[str, Any], where: str) -> None:
    """Set values by dotted keys in `raw`. InputError if a part of a key is no section."""
    for key, value in overrides.items():
        _set(raw, key, value, where)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`; a section that both have keeps what `over` does not give."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def check_config(raw: Any, model: type[C], where: str) -> C:
    """Check plain values, from YAML or JSON, against `model`; InputError, one line that names `where` and the key."""
    return check_values(raw, model.model_validate, where)


def check_values(raw: Any, parse: Callable[[Any], T], where: str) -> T:
    """What `parse` makes of plain values; InputError, one line, if it raises pydantic's ValidationError."""
    _check_plain(raw, where)
    try:
        return parse(raw)
    except ValidationError as error:
        found = error.errors()
        # An unknown key says most: the file may be of another kind.
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        if first["type"] == "extra_forbidden":
            raise InputError(f"{where}: unknown key {key!r}{more}") from error
        place = f"{where}: key {key!r}" if key else where
        if first["type"] == "missing":
            raise InputError(f"{place} is missing{more}") from error
        if first["type"] == "value_error":  # our own validators: the text says it all
            raise InputError(f"{place}: {first['msg'].removeprefix('Value error, ')}{more}") from error
        given = repr(first["input"])
        given = given if len(given) <= _LONGEST else f"{given[:_LONGEST]}..."
        section = first["type"] == "model_type"  # pydantic's own words name a class of ours
        message = "a section of keys and values is expected, as {key: value}" if section else first["msg"]
        raise InputError(f"{place}: {message}, got {given}{more}") from error


def _set(raw: dict[str, Any], key: str, value: Any, where: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        node = raw.setdefault(parent, {})
        if not isinstance(node, dict):
            raise InputError(f"{where}: key {key!r} cannot be set, {parent!r} is not a section")
        raw = node
    raw[last] = value


def _check_plain(value: Any, where: str, key: str = "", depth: int = 0) -> None:
    """InputError for values that types alone let through, and that nobody means."""
    place = f"{where}: key {key!r}" if key else where
    if depth > _DEEPEST:
        raise InputError(f"{where}: nested more than {_DEEPEST} deep")
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise InputError(f"{place}: the number is too large (64 bits are the limit)")
    if isinstance(value, str) and _UNUSABLE.search(value):
        raise InputError(f"{place}: the text has characters that cannot stand in one")
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, part in parts:
        inner = str(name)[:_LONGEST] if not isinstance(name, int) or abs(name) < 1 << 63 else "?"
        _check_plain(name, where, key, depth + 1)
        _check_plain(part, where, f"{key}.{inner}" if key else inner, depth + 1)


_UNUSABLE = re.compile("[\0\ud800-\udfff]")  # no file name and no output can hold them
