"""Configuration: YAML files checked against a frozen pydantic model when they are loaded."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from skeletor.errors import InputError


class Config(BaseModel):
    """Base of all config sections: unknown keys are errors, values are strict and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def digest(self) -> str:
        """A short hash of all values, for caches and provenance."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


C = TypeVar("C", bound=Config)
_LONGEST = 80  # characters of a wrong value that are told


class _Loader(yaml.SafeLoader):
    """Numbers as in YAML 1.2 and JSON: `1e-7` is one. In YAML 1.1, which the package reads, it is text."""


_Loader.yaml_implicit_resolvers = {key: list(found) for key, found in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(text: str) -> Any:
    """The value of a YAML (or JSON) text. Raises yaml.YAMLError."""
    return yaml.load(text, _Loader)


def load_config(path: Path | str, model: type[C], overrides: dict[str, Any] | None = None) -> C:
    """Read a YAML file into `model`. `overrides` maps dotted keys ("refine.name") to values.

    Raises InputError, one line that names the file and the key.
    """
    try:
        raw = read_yaml(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{path}: not a YAML file: {line}") from error
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise InputError(f"{path}: expected keys and values at the top, found {type(raw).__name__}")
    for key, value in (overrides or {}).items():
        _set(raw, key, value, str(path))
    return check_config(raw, model, str(path))


def check_config(raw: dict[str, Any], model: type[C], where: str) -> C:
    """Check a plain dict against `model`; InputError, one line that names `where` and the key."""
    try:
        return model.model_validate(raw)
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
        raise InputError(f"{place}: {first['msg']}, got {given}{more}") from error


def _set(raw: dict[str, Any], key: str, value: Any, where: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        node = raw.setdefault(parent, {})
        if not isinstance(node, dict):
            raise InputError(f"{where}: key {key!r} cannot be set, {parent!r} is not a section")
        raw = node
    raw[last] = value
