"""HDF5 files from outside, opened so that nothing but the file itself is read, and nothing that it does not hold.

HDF5 can point to other files in three ways: links, virtual data sets, external storage. The file is opened through
Python (driver "fileobj"), which opens no other one; what remains is refused by name before its values are read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from skeletor.files.outside import check_unfolded, existing_file, reading
from skeletor.support.errors import InputError

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_USER_BLOCKS = (0, *(512 << k for k in range(16)))  # where the superblock may begin


@contextmanager
def open_hdf5(path: Path, what: str) -> Iterator[h5py.File]:
    """An open file.

    Raises InputError, one line, for any error in the block, and if the file is not as long as it says.
    """
    import h5py

    path = existing_file(path, what)
    with reading(path, what), path.open("rb") as file:
        _check_length(file, path.stat().st_size)
        with h5py.File(file, "r") as opened:
            yield opened


def read_values(group: h5py.Group, name: str, path: Path) -> np.ndarray:
    """The values of a data set of real numbers, in its own type.

    name: of a member of the group, or a path of groups below it ("a/b"). Raises InputError if it is a link or part of
    another file, if there is no such data set of real numbers, or if the file does not hold all of its values.
    """
    import h5py

    *parents, last = name.split("/")
    for parent in parents:
        group = _member(group, parent, name)
        if not isinstance(group, h5py.Group):
            raise InputError(f"{path}: {name!r} is not there")
    data = _member(group, last, name)
    if not isinstance(data, h5py.Dataset):
        raise InputError(f"{path}: {name!r} is no data set")
    if data.is_virtual or data.external:
        raise InputError(
            f"{path}: the values of {name!r} lie in another file, which is not read; make one file of them"
        )
    if data.dtype.kind not in "fiu" or data.dtype.subdtype is not None or data.shape is None:
        raise InputError(f"{path}: {name!r} holds {data.dtype}, expected plain numbers")
    if data.id.get_type() != h5py.h5t.py_create(data.dtype):  # HDF5 takes any layout of bits, a damaged one too
        raise InputError(f"{path}: {name!r} holds numbers of an unusual kind, expected {data.dtype}: damaged?")
    _check_stored(data, name, path)
    return np.asarray(data[()])


def _member(group: h5py.Group, name: str, whole: str) -> h5py.Group | h5py.Dataset:
    """A member of this very group: a link to another one is followed once, if it lies in the same group."""
    import h5py

    link = group.get(name, getlink=True)
    if isinstance(link, h5py.SoftLink):
        name = link.path.removeprefix(group.name.rstrip("/") + "/")
        link = group.get(name, getlink=True) if "/" not in name else None
    if link is not None and not isinstance(link, h5py.HardLink):
        raise InputError(f"{whole!r} is a link to another file, which is not read; make one file of them")
    if link is None:
        raise InputError(f"{whole!r} is not there, or a link to elsewhere")
    return group[name]


def _check_stored(data: h5py.Dataset, name: str, path: Path) -> None:
    """InputError unless the file holds each value that the data set says it has."""
    declared, stored = data.size * data.dtype.itemsize, data.id.get_storage_size()
    if data.chunks is None:
        offset = data.id.get_offset()  # none if the values are empty, or lie in the header
        if stored != declared or (offset is not None and offset + declared > path.stat().st_size):
            raise InputError(f"{path}: {name!r} says {declared:,} bytes, but holds {stored:,}: truncated or damaged")
        return
    check_unfolded(path, max(declared, math.prod(data.chunks) * data.dtype.itemsize))
    places = [range(0, length, size) for length, size in zip(data.shape, data.chunks, strict=True)]
    whole = stored <= path.stat().st_size and data.id.get_num_chunks() == math.prod(len(along) for along in places)
    if not whole or not all(_is_stored(data, place) for place in itertools.product(*places)):
        raise InputError(f"{path}: {name!r} says more values than it holds: not written to its end, or damaged")


def _is_stored(data: h5py.Dataset, place: tuple[int, ...]) -> bool:
    """Whether HDF5 finds the chunk that begins at this index: for one that it does not find it reads zeros."""
    try:
        mask, content = data.id.read_direct_chunk(place)
    except (OSError, RuntimeError):
        return False
    return mask == 0 and len(content) > 0  # no filter was left out


def _check_length(file: BinaryIO, size: int) -> None:
    """InputError unless the file ends where its superblock says: HDF5 itself only notices if it is too short."""
    for start in _USER_BLOCKS:
        file.seek(start)
        head = file.read(96)
        if len(head) < 48:
            break
        if head[:8] != _SIGNATURE:
            continue
        version = head[8]
        width, at = (head[13], 24 + (version == 1) * 4) if version < 2 else (head[9], 12)
        base, _, end = (int.from_bytes(head[at + k * width : at + (k + 1) * width], "little") for k in range(3))
        if size not in (end, base + end):  # absolute, or relative to the end of the user's block
            raise InputError(f"is {size:,} bytes long, its header says {end:,}: truncated, or bytes were put into it")
        file.seek(0)
        return
    raise InputError("has no HDF5 header")
