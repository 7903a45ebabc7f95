"""Who opens files of a folder: told by the kernel (inotify), so that libraries in C are seen as well."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from types import TracebackType

_OPEN, _ACCESS = 0x20, 0x1
_HEADER = struct.Struct("iIII")


class Watch:
    """A context: `opened` are the names of the files in a folder that were opened or read in the meantime."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[str] = []
        self._libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self) -> Watch:
        self._file = self._libc.inotify_init1(os.O_NONBLOCK)
        if self._file < 0 or self._libc.inotify_add_watch(self._file, os.fsencode(self.folder), _OPEN | _ACCESS) < 0:
            raise OSError(ctypes.get_errno(), "inotify", str(self.folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            data = os.read(self._file, 1 << 16)
        except BlockingIOError:
            data = b""
        os.close(self._file)
        names = set()
        while data:
            _, _, _, length = _HEADER.unpack_from(data)
            name = data[_HEADER.size : _HEADER.size + length].rstrip(b"\0")
            data = data[_HEADER.size + length :]
            if name:
                names.add(os.fsdecode(name))
        self.opened = sorted(names)
