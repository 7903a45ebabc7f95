"""Safetensors files with a format in their header, whose bytes depend on their content alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from skeletor.files.atomic import atomic_path
from skeletor.files.outside import existing_file, reading
from skeletor.support.errors import InputError

# Bytes of a number, and its type. What is no number for NumPy (BF16, F8) is not read.
_SIZES = {name: (np.dtype(kind).itemsize, np.dtype(kind)) for name, kind in {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
    "BOOL": "?",
}.items()}  # fmt: skip
_LONGEST_HEADER = 100_000_000  # bytes; the library's own limit


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


@dataclass(frozen=True)
class TensorPlace:
    """Where a tensor lies in its file: bytes begin <= b < end, counted from the file's start."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    def array(self, data: bytes) -> np.ndarray:
        """The tensor, of its shape, read-only; data: its bytes. AssertionError if they are too few or too many."""
        assert len(data) == self.end - self.begin, (len(data), self)
        return np.frombuffer(data, _SIZES[self.dtype][1]).reshape(self.shape)


def header_end(start: bytes, size: int) -> int:
    """Where the header of a safetensors file of `size` bytes ends, from its first 8 bytes. ValueError if it is none."""
    length = int.from_bytes(start[:8], "little")
    if size < 10 or not 2 <= length <= min(size - 8, _LONGEST_HEADER):
        raise ValueError(f"its header would have {length} bytes, the file has {size}")
    return 8 + length


def parse_header(start: bytes, size: int) -> tuple[dict[str, str], dict[str, TensorPlace]]:
    """Metadata and tensors of a safetensors file, from its bytes up to `header_end`; size: of the whole file.

    ValueError, TypeError or KeyError unless the tensors are of a known type and lie one behind the other, up to the end
    of the file: then nothing can be read outside it, twice, or larger than it is.
    """
    base = header_end(start, size)
    header = json.loads(start[8:base], object_pairs_hook=_each_once)
    if not isinstance(header, dict):
        raise ValueError("its header names no tensors")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise ValueError("its metadata are no texts")
    places = {name: _place(name, about, base) for name, about in header.items()}
    end = base
    for place in sorted(places.values(), key=lambda place: (place.begin, place.end)):
        if place.begin != end:
            raise ValueError("its tensors do not lie one behind the other")
        end = place.end
    if end != size:
        raise ValueError(f"its header says {end} bytes, there are {size}")
    return metadata, places


def _place(name: str, about: Any, base: int) -> TensorPlace:
    dtype, shape, (begin, end) = about["dtype"], about["shape"], about["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise ValueError(f"{name!r}: its shape or its place is none")
    if dtype not in _SIZES or end - begin != _SIZES[dtype][0] * math.prod(shape):
        raise ValueError(f"{name!r}: {end - begin} bytes are no {dtype} of shape {shape}")
    return TensorPlace(dtype, tuple(shape), base + begin, base + end)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("its header names something twice")
    return values
