"""Writes that fail: the n-th call of a command that writes below a folder, in whichever of its processes it comes.

`install` is called in a process that has just been forked; processes that this one spawns get the same through
`sitecustomize.py`, which lies here for that. A counter in a file is shared by all of them.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import re
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FULL = "/dev/full"
_VARIABLE = "HARDENING_FAULT"
KINDS = {"full": errno.ENOSPC, "read-only": errno.EROFS}
_LITTLE = 4096  # bytes; the messages of a command fit


class _Crowded(io.FileIO):
    """A file that can be read, and not written, since the disk is full."""

    def write(self, data: Any) -> int:
        """The system's answer."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.name)

    @classmethod
    def opened(cls, path: Any, mode: str) -> Any:
        """As `open` gives it, for "r+" and "r+b"."""
        file = io.BufferedRandom(cls(path, "r+"))
        return file if "b" in mode else io.TextIOWrapper(file, encoding="utf-8")


class Fault:
    """Counts the calls that write below `folder`, notes where they come from, and makes the `number`-th one fail.

    only: what `about` gives for those that are counted; "" for all.
    """

    def __init__(self, folder: str, control: str, number: int, kind: str, only: str = "") -> None:
        self.folder, self.control, self.number, self.kind = os.path.realpath(folder), control, number, kind
        self.only = only
        self._open = io.open

    def hits(self, operation: str, path: Any) -> bool:
        """Whether this call is the one."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        place = os.path.realpath(os.fsdecode(path))
        if not place.startswith(self.folder + os.sep):
            return False
        with self._open(self.control, "a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            line = f"{operation}\t{self.site()}\t{os.path.relpath(place, self.folder)}\n"
            counts = not self.only or about(line) == self.only
            count = sum(not self.only or about(one) == self.only for one in file) + 1
            file.write(line)
        return counts and count == self.number

    def site(self) -> str:
        """Where in the project a call comes from."""
        for frame in reversed(traceback.extract_stack()):
            path = Path(frame.filename)
            if path.is_relative_to(ROOT) and HERE not in path.parents and ".venv" not in path.parts:
                return f"{path.relative_to(ROOT)}:{frame.lineno}"
        return "a library"

    def error(self, path: Any) -> OSError:
        """What the system would say."""
        code = KINDS[self.kind]
        return OSError(code, os.strerror(code), os.fspath(path))


def about(line: str) -> str:
    """Operation, place in the code and part of the result (the second folder of its path) of a noted call."""
    operation, site, path = line.rstrip("\n").split("\t")
    return "\t".join((operation, site, part_of(path)))


def part_of(path: str) -> str:
    """The file or folder, beside others in the folder of results, in which a path lies; "" of that folder itself."""
    return re.sub(r"^\.(.+?)\.\d+\.tmp", r"\1", [*path.split(os.sep), ""][1])


def install(folder: str, control: str, number: int, kind: str, only: str = "") -> None:
    """Let the `number`-th write below `folder` fail (0: none), here and in processes that are spawned.

    only: as of `Fault`.
    """
    os.environ[_VARIABLE] = "\n".join((folder, control, str(number), kind, only))
    os.environ["PYTHONPATH"] = os.pathsep.join((str(HERE), str(ROOT)))
    _patch(Fault(folder, control, number, kind, only))


def install_from_environment() -> None:
    """The same in a spawned process; not in multiprocessing's tracker, which writes nothing and needs no torch."""
    if _VARIABLE in os.environ and not any("resource_tracker" in word for word in sys.orig_argv):
        folder, control, number, kind, only = os.environ[_VARIABLE].split("\n")
        _patch(Fault(folder, control, int(number), kind, only))


def _patch(fault: Fault) -> None:
    _patch_open(fault)
    for name in ("mkdir", "replace", "rename", "link", "symlink", "truncate", "chmod"):
        _patch_call(fault, os, name)
    _patch_low(fault)
    _patch_libraries(fault)


def _patch_open(fault: Fault) -> None:
    original = io.open

    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if set(mode) & set("wax+") and fault.hits("open", file):
            if fault.kind == "read-only":
                raise fault.error(file)
            if "r" in mode:
                return _Crowded.opened(file, mode)
            return original(FULL, mode.replace("x", "w"), *arguments, **options)
        return original(file, mode, *arguments, **options)

    builtins.open = io.open = opened


def _patch_call(fault: Fault, module: Any, name: str) -> None:
    original: Callable[..., Any] = getattr(module, name)

    def called(path: Any, *arguments: Any, **options: Any) -> Any:
        if fault.hits(name, path):
            raise fault.error(path)
        return original(path, *arguments, **options)

    setattr(module, name, called)


def _patch_low(fault: Fault) -> None:
    original = os.open

    def opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and fault.hits("os.open", path):
            raise fault.error(path)
        return original(path, flags, *arguments, **options)

    os.open = opened


def _patch_libraries(fault: Fault) -> None:
    """Writers in C and Rust, which open their files themselves: they meet the system's own limit to a file's size."""
    import av
    import safetensors.numpy
    import safetensors.torch

    for module in (safetensors.numpy, safetensors.torch):
        _patch_writer(fault, module, "serialize_file")
    if "torch" in sys.modules:
        import torch

        _patch_writer(fault, torch, "save")
    original = av.open

    def opened(file: Any, mode: Any = None, *arguments: Any, **options: Any) -> Any:
        if mode == "w" and fault.hits("av.open", file):
            if fault.kind == "read-only":
                raise fault.error(file)
            resource.setrlimit(resource.RLIMIT_FSIZE, (_LITTLE, resource.RLIM_INFINITY))  # it is written to later
        return original(file, mode, *arguments, **options)

    av.open = opened


def _patch_writer(fault: Fault, module: Any, name: str) -> None:
    """A function of (content, path, ...)."""
    if not hasattr(module, name):
        return
    original: Callable[..., Any] = getattr(module, name)

    def called(*arguments: Any, **options: Any) -> Any:
        if len(arguments) < 2 or not fault.hits(name, arguments[1]):
            return original(*arguments, **options)
        if fault.kind == "read-only":
            raise fault.error(arguments[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        try:
            return original(*arguments, **options)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    setattr(module, name, called)
