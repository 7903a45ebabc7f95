"""NumPy archives that hold pickled objects, read without trusting them.

The field's files are dicts of arrays that `numpy.savez` pickled; `numpy.load` would run whatever stands in such a
pickle. Here the unpickler knows arrays, their types, and plain containers, and nothing else: any other name in the
file ends the reading with one line, before it is imported or called.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.read_only.npz import plain_array, read_header, read_members
from skeletor.support.errors import InputError

_PLAIN = re.compile(r"[<>|=]?([?biufcSUO]\d{0,6})")  # types of numbers, text and objects


def read_npz(path: Path | str) -> dict[str, Any]:
    """Arrays by name; an object array of no dimension gives the object in it: dicts, lists and arrays, nested.

    Raises InputError if the file is no such archive, or if it holds more than arrays and plain containers.
    """
    return {name: _member(data, f"{path}: {name}") for name, data in read_members(path, "NumPy archive")}


def _member(data: bytes, where: str) -> Any:
    try:
        array = plain_array(data)
        if array is not None:
            return array
        stream = io.BytesIO(data)
        read_header(stream)
        _check_opcodes(data[stream.tell() :])
        value = _Unpickler(stream, where).load()
    except InputError:
        raise
    except Exception as error:  # a damaged pickle raises many types
        line = " ".join(str(error).split())
        raise InputError(f"{where}: cannot be read ({type(error).__name__}: {line})") from error
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _check_opcodes(pickled: bytes) -> None:
    """ValueError if an instruction wants more bytes than there are, or a place of the memo that no pickle needs: the
    unpickler would make room for it first, up to 32 GB.
    """
    for instruction, argument, _ in pickletools.genops(pickled):
        if "PUT" in instruction.name and int(argument or 0) > len(pickled):
            raise ValueError(f"place {argument} of the memo in a pickle of {len(pickled)} bytes")


class _Dtype:
    """Stands for the type of an array while it is unpickled: NumPy's own takes any state, and may crash on it."""

    def __init__(self, code: str, *_: Any) -> None:
        if not _PLAIN.fullmatch(code):
            raise ValueError(f"type {code!r}")
        self.value = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *fields = state[:5]
        if any(part is not None for part in fields):
            raise ValueError("a type of several fields")
        if order in ("<", ">"):
            self.value = self.value.newbyteorder(order)


class _Array(np.ndarray):
    """An array whose pickled state is checked before NumPy sees it."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, content = state
        content = _bytes(content) if isinstance(content, str) else content
        lengths = [length for length in shape if type(length) is int and length >= 0]
        size, objects = math.prod(lengths), kind.value.hasobject
        fits = isinstance(content, list if objects else bytes)
        if len(lengths) != len(shape) or not fits or len(content) != size * (1 if objects else kind.value.itemsize):
            raise ValueError(f"{len(content)} values or bytes for an array of shape {shape}")
        super().__setstate__((1, tuple(shape), kind.value, bool(fortran), content))  # type: ignore[arg-type]


def _bytes(text: str, encoding: str = "latin1") -> bytes:
    """What old pickles call to make bytes; any other encoding could do more than that."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"encoding {encoding!r}")
    return text.encode("latin1")


def _from_buffer(content: bytes, kind: _Dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    """An array of pickle protocol 5. np.frombuffer makes none of objects."""
    return np.frombuffer(bytearray(content), kind.value).reshape(shape, order="F" if order == "F" else "C")


def _scalar(kind: _Dtype, content: bytes | str) -> Any:
    content = _bytes(content) if isinstance(content, str) else content
    if len(content) != kind.value.itemsize:
        raise ValueError(f"{len(content)} bytes for a number of {kind.value}")
    return np.frombuffer(content, kind.value)[0]


def _no_array(*_: Any) -> Any:
    """Stands for the class of arrays, which pickles only name: called, it would make one of any size."""
    raise ValueError("an array that is not made by NumPy's own pickling")


def _allowed() -> dict[tuple[str, str], Callable[..., Any]]:
    """(module, name) of what a pickled array needs, in the spellings of NumPy 1 and 2.

    All are made here, so that a file which sets attributes of them, as pickles can, reaches no other file.
    """
    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): lambda *rest: _no_array(*rest),
        ("numpy", "dtype"): lambda *rest: _Dtype(*rest),
        ("_codecs", "encode"): lambda *rest: _bytes(*rest),
    }
    for package in ("numpy.core", "numpy._core"):
        names[f"{package}.multiarray", "_reconstruct"] = lambda *rest: _Array((0,), np.uint8)
        names[f"{package}.multiarray", "scalar"] = lambda *rest: _scalar(*rest)
        names[f"{package}.numeric", "_frombuffer"] = lambda *rest: _from_buffer(*rest)
    return names


class _Unpickler(pickle.Unpickler):
    """Admits arrays, numbers, text, and plain containers (those need no name)."""

    def __init__(self, stream: io.BytesIO, where: str) -> None:
        super().__init__(stream, encoding="latin1")  # files of Python 2 are still about
        self._where, self._names = where, _allowed()

    def find_class(self, module: str, name: str) -> Any:
        """The few that are admitted; InputError for all others."""
        found = self._names.get((module, name))
        if found is None:
            raise InputError(
                f"{self._where}: holds {module}.{name}, more than arrays and plain containers; it is not read, "
                "since reading it could run code (make the file anew from its source)"
            )
        return found
