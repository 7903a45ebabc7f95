"""Safetensors files with a format in their header, whose bytes depend on their content alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from skeletor.files.atomic import atomic_path
from skeletor.files.outside import existing_file, reading
from skeletor.support.errors import InputError


def save_tensors(tensors: Mapping[str, np.ndarray], path: Path | str, metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata to a safetensors file, atomically. Raises InputError as `atomic_path` does.

    tensors: name -> array of any shape, stored in its own type. metadata: texts for the header. The library writes the
    metadata in another order in every process; here they are sorted, so that the same content gives the same bytes.
    """
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, temporary, dict(metadata))
        _sort_metadata(temporary)


def read_tensors(
    path: Path, form: str, what: str, advice: str, framework: Literal["np", "pt"] = "pt", finite: bool = True
) -> tuple[dict[str, str], dict[str, Any]]:
    """Metadata and tensors of a file whose metadata name the format `form`.

    finite: whether NaN and infinite numbers are refused, as they are no weights. Raises InputError, one line, if there
    is no such file (with `advice`), it is damaged, or it is not `what`.
    """
    if not path.exists():
        raise InputError(f"{path}: is missing (no such file); {advice}")
    try:
        with reading(existing_file(path, "safetensors file"), "safetensors file"):
            with safe_open(path, framework=framework) as file:
                header = file.metadata() or {}
                if header.get("format") != form:
                    raise InputError(f"not {what} (format {header.get('format')!r}, need {form!r})")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            odd = [name for name, tensor in tensors.items() if finite and not _is_finite(tensor)]
    except InputError as error:
        raise InputError(f"{error}; {advice}") from error
    if odd:
        raise InputError(f"{path}: {odd[0]!r} holds numbers that are not finite, so this is not {what}; {advice}")
    return header, tensors


def _is_finite(tensor: Any) -> bool:
    """Whether all numbers of an array or a torch tensor are finite."""
    if isinstance(tensor, np.ndarray):
        return tensor.dtype.kind not in "fc" or bool(np.isfinite(tensor).all())
    return not (tensor.is_floating_point() or tensor.is_complex()) or bool(tensor.isfinite().all())


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
