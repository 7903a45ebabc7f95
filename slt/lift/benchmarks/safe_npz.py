"""NumPy archives that hold pickled objects, read without trusting them.

The field's files are dicts of arrays that `numpy.savez` pickled; `numpy.load` would run whatever stands in such a
pickle. Here the unpickler knows arrays, their types, and plain containers, and nothing else: any other name in the
file ends the reading with one line, before it is imported or called.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.errors import InputError
from skeletor.io.npz import plain_array, read_header, read_members


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
        value = _Unpickler(stream, where).load()
    except InputError:
        raise
    except Exception as error:  # a damaged pickle raises many types
        line = " ".join(str(error).split())
        raise InputError(f"{where}: cannot be read ({type(error).__name__}: {line})") from error
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _latin1(text: str, encoding: str) -> bytes:
    """What old pickles call to make bytes; any other encoding could do more than that."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"encoding {encoding!r}")
    return text.encode("latin1")


def _no_array(*_: Any) -> Any:
    """Stands for the class of arrays, which pickles only name: called, it would make one of any size."""
    raise ValueError("an array that is not made by NumPy's own pickling")


def _empty(*_: Any) -> np.ndarray:
    """What a pickled array is made from before its state (shape, type, bytes; NumPy checks that they fit) is set."""
    return np.ndarray((0,), np.uint8)


def _allowed() -> dict[tuple[str, str], Callable[..., Any]]:
    """(module, name) of what a pickled array needs, in the spellings of NumPy 1 and 2."""
    array = np.array([1.0])
    scalar: Any = np.float64(1).__reduce__()[0]
    from_buffer: Any = array.__reduce_ex__(5)[0]
    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): _no_array,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin1,
    }
    for package in ("numpy.core", "numpy._core"):
        names[f"{package}.multiarray", "_reconstruct"] = _empty
        names[f"{package}.multiarray", "scalar"] = scalar
        names[f"{package}.numeric", "_frombuffer"] = from_buffer
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
