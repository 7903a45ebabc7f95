"""Safetensors files with a format in their header, whose bytes depend on their content alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from skeletor.atomic import atomic_path
from skeletor.errors import InputError


def save_tensors(tensors: Mapping[str, np.ndarray], path: Path | str, metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata atomically.

    The safetensors library puts the metadata in another order in every process; here they are sorted, so that the
    same content gives the same bytes.
    """
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, temporary, dict(metadata))
        _sort_metadata(temporary)


def read_tensors(
    path: Path, form: str, what: str, advice: str, framework: Literal["np", "pt"] = "pt"
) -> tuple[dict[str, str], dict[str, Any]]:
    """Metadata and tensors of a file whose metadata name the format `form`.

    Raises InputError, one line, if there is no such file (with `advice`), it is damaged, or it is not `what`.
    """
    if not path.is_file():
        raise InputError(f"{path}: is missing (no such file); {advice}")
    try:
        with safe_open(path, framework=framework) as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: not a safetensors file, or damaged ({error}); {advice}") from error
    if header.get("format") != form:
        raise InputError(f"{path}: not {what} (format {header.get('format')!r}, need {form!r}); {advice}")
    return header, tensors


def _sort_metadata(path: Path) -> None:
    """Rewrite the header in place: 8 bytes of length, JSON, spaces up to that length."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        metadata = dict(sorted(header.pop("__metadata__", {}).items()))
        text = json.dumps({"__metadata__": metadata, **header}, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > length:
            raise AssertionError(f"{path}: the sorted header needs {len(text)} bytes, the file has {length}")
        file.seek(8)
        file.write(text.ljust(length))
