"""Files that torch.save wrote, from outside: tensors, text and numbers, checked before a value of them is used.

Read with `weights_only=True`, never another pickle. What that leaves open is closed here: archives that unfold,
archives whose checksums do not fit (torch does not look at them), files of the legacy kind that have no checksums,
and tensors that are not what their shape says (stride 0, sparse, quantised, without values).
"""

from __future__ import annotations

import mmap
import pickletools
import warnings
import zipfile
import zlib
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from skeletor.files.outside import existing_file, listed, reading
from skeletor.support.errors import InputError, one_line

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK = 1 << 20
_PICKLES = 5  # of a legacy file before its values: a magic number, the version, the machine, the content, the keys


def load_torch(path: Path, what: str) -> Any:
    """What a file holds, on the CPU. InputError, one line, if it is damaged, or holds more than tensors and text.

    Each tensor in it is dense and has its own values (see `_plain`), and all together are no larger than the file.
    """
    import torch

    path = existing_file(path, what)
    with reading(path, what), path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of kinds of tensors in beta
        archive = file.read(4) == b"PK\x03\x04"  # how torch tells the two kinds
        file.seek(0)
        if archive:
            _check_archive(path)
        else:
            _check_declared(file, path.stat().st_size)
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except UnpicklingError as error:
            raise InputError(
                "holds more than tensors and text, or is damaged; only files that torch.load(weights_only=True) takes "
                f"are read ({one_line(error, 80)})"
            ) from error
        size = path.stat().st_size
        if not archive and file.tell() != size:
            raise InputError(f"has {size - file.tell():,} bytes too many: bytes were put into it, or it is damaged")
        tensors = _tensors(content, size)
        for tensor in tensors:
            _check_plain(tensor)
        if not archive:
            _check_whole(tensors)
        if sum(tensor.numel() * tensor.element_size() for tensor in tensors) > size:
            raise InputError("its tensors share their values, and would need more memory than the file has bytes")
        return content


def _check_archive(path: Path) -> None:
    """InputError if a member is compressed, as torch never does, or is not what its checksum says."""
    with zipfile.ZipFile(path) as archive:
        members = listed(path, archive)
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise InputError("is compressed, which torch.save never does; save it anew")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise InputError("says that it holds more bytes than it has; damaged")
        if len({member.filename for member in members}) < len(members):
            raise InputError("holds two parts of one name; damaged")
        for member in members:
            crc = 0
            with archive.open(member) as file:
                file._expected_crc = None  # type: ignore[attr-defined] # checked here: 0 stands for "not computed"
                while block := file.read(_BLOCK):
                    crc = zlib.crc32(block, crc)
            if member.CRC not in (0, crc):
                raise InputError(f"{member.filename} does not fit its checksum; damaged")


def _check_declared(file: BinaryIO, size: int) -> None:
    """InputError if a file of the legacy kind declares a storage of more values than it has bytes: torch would ask for
    that memory before it reads them."""
    # mapped, since a file's own `read` asks for as many bytes as a damaged length says
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for _ in range(_PICKLES):
            before: Any = None
            for opcode, value, _ in pickletools.genops(cast(IO[bytes], content)):
                # a storage is told as (..., number of values, None)
                if opcode.name == "NONE" and isinstance(before, int) and before > size:
                    raise InputError(f"says that it holds {before:,} values in {size:,} bytes; damaged")
                before = value


def _tensors(content: Any, most: int) -> list[Tensor]:
    """All tensors in nested dicts, lists and tuples, each once. InputError if there are more parts than bytes."""
    import torch

    found, seen, waiting, parts = {}, set(), [content], 0
    while waiting:
        value = waiting.pop()
        parts += 1
        if parts > most:
            raise InputError("is nested without end; damaged")
        if isinstance(value, torch.Tensor):
            found[id(value)] = value
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            waiting += value.values() if isinstance(value, dict) else value
    return list(found.values())


def _check_plain(tensor: Tensor) -> None:
    """InputError unless a tensor is dense, in memory, and no two of its values lie in one place."""
    import torch

    kind = f"a tensor of {tensor.dtype}, {str(tensor.layout).removeprefix('torch.')}, on {tensor.device.type}"
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_nested:
        raise InputError(f"holds {kind}: only dense tensors are read; save them dense")
    end = 1  # of what the dimensions so far cover, in values
    for stride, length in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if length > 1 and stride < end:
            raise InputError(f"holds a tensor of shape {tuple(tensor.shape)} that repeats its values; save it whole")
        end += (length - 1) * stride
    if tensor.numel() and (tensor.storage_offset() + end) * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise InputError(f"holds a tensor of shape {tuple(tensor.shape)} for which it has too few values; damaged")


def _check_whole(tensors: list[Tensor]) -> None:
    """InputError unless the tensors use each stored value: files of the legacy kind have no checksum to tell a shape
    that was changed from a part that was meant."""
    used: dict[int, tuple[int, int]] = {}
    views = {(t.data_ptr(), tuple(t.shape), t.stride()): t for t in tensors}  # two names may share one, as tied weights
    for tensor in views.values():
        stored = tensor.untyped_storage()
        count, _ = used.get(stored.data_ptr(), (0, 0))
        used[stored.data_ptr()] = count + tensor.numel() * tensor.element_size(), stored.nbytes()
    if any(count != size for count, size in used.values()):
        raise InputError("its tensors do not use all values that it holds: damaged, or parts of tensors; save it anew")
