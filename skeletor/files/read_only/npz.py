"""NumPy archives (.npz) from outside: sizes checked before anything is unpacked, checksums, no pickles."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from skeletor.files.outside import check_unfolded, existing_file, listed, reading
from skeletor.support.errors import InputError

_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # NumPy writes no others, and they unfold without a limit


def read_arrays(path: Path | str, what: str = "NumPy archive of plain arrays") -> dict[str, np.ndarray]:
    """All arrays of an archive by name, each in its own shape and type.

    Raises InputError, one line, if the file is no such archive, is damaged, unfolds to a size out of proportion to its
    own, or holds Python objects.
    """
    arrays, objects = read_plain(path, what)
    if objects:
        raise InputError(f"{path}: {objects[0]!r} holds objects (a pickle), which are not read; save plain arrays")
    return arrays


def read_plain(path: Path | str, what: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """The plain arrays of an archive by name, and the names of those that hold Python objects, which are not read.

    Raises InputError as `read_arrays` does otherwise.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    objects: list[str] = []
    for name, data in read_members(path, what):
        with reading(path, what):
            array = plain_array(data)
            if array is None:
                objects.append(name)
            else:
                arrays[name] = array
    return arrays, objects


def read_members(path: Path | str, what: str) -> Iterator[tuple[str, bytes]]:
    """Name (without .npy) and bytes of each member. InputError as of `read_arrays`, before the first is unpacked."""
    path = existing_file(Path(path), what)
    with reading(path, what):
        archive = zipfile.ZipFile(path)
    with archive:
        members = listed(path, archive)
        if any(member.compress_type not in _KINDS or member.flag_bits & 1 for member in members):
            raise InputError(f"{path}: is packed in a way that NumPy never uses; save it anew with numpy.savez")
        if not members:
            raise InputError(f"{path}: holds no arrays")
        if len({member.filename for member in members}) < len(members):
            raise InputError(f"{path}: holds two arrays of one name; damaged")
        check_unfolded(path, sum(member.file_size for member in members))
        for member in members:
            with reading(path, what):
                data = archive.read(member)
            yield member.filename.removesuffix(".npy"), data


def plain_array(data: bytes) -> np.ndarray | None:
    """The array of an .npy file; None if it holds objects. ValueError if its length is not what its header says."""
    stream = io.BytesIO(data)
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        return None
    declared = math.prod(shape) * dtype.itemsize
    if declared != len(data) - stream.tell():
        raise ValueError(f"shape {shape} of {dtype} needs {declared} bytes, there are {len(data) - stream.tell()}")
    stream.seek(0)
    return np.asarray(npy.read_array(stream, allow_pickle=False))


def read_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type at the beginning of an .npy file; ValueError if it is none."""
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(stream)
