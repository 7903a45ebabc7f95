"""The errors that a user may meet, each one line: what, where, and what to do next."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from types import MappingProxyType


class SkeletorError(Exception):
    """Base of all errors that the command line prints as one line instead of a traceback.

    `exit_code` is what the process ends with.
    """

    exit_code = 1


class InputError(SkeletorError):
    """The input (a file, a config, an argument) cannot be used. Exit code 2."""

    exit_code = 2


class MissingDependency(InputError):
    """An optional package or tool is not installed; the message says how to get it. Exit code 2."""


class NothingToTranslate(SkeletorError):
    """The input is sound, but nobody signs in it, or nothing that the model knows. Exit code 3."""

    exit_code = 3


class WorkerDied(SkeletorError):
    """A worker process ended in the middle of its work: killed by hand, for memory, or by a crash. Exit code 1."""


# What the system refuses -> what it means and what to do.
_REFUSED: Mapping[int, str] = MappingProxyType(
    {
        errno.ENOSPC: "the disk is full; make room, or choose another folder",
        errno.EDQUOT: "your quota on this disk is used up; make room, or choose another folder",
        errno.EFBIG: "the file would be larger than is allowed here (ulimit -f); choose another folder, or raise it",
        errno.EROFS: "the disk is read-only; choose another folder",
        errno.EACCES: "no permission; choose another path, or change who may use this one",
        errno.EPERM: "no permission; choose another path, or change who may use this one",
        errno.ENOTDIR: "a part of its path is a file, not a folder; choose another path",
        errno.EEXIST: "there is a file of this name already; choose another path",
        errno.EISDIR: "is a folder; give a file",
        errno.ENOTEMPTY: "is a folder that another program writes into; choose another path",
        errno.ENOENT: "no such file or folder; give a path that exists",
        errno.ENAMETOOLONG: "the name is too long for this disk; choose a shorter one",
        errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
        errno.ENFILE: "too many files are open on this machine; end other programs",
        errno.EIO: "the disk fails; check it, or choose another one",
        errno.ENOMEM: "there is not enough memory; end other programs, or take smaller inputs",
        errno.ENODEV: "the disk cannot do this; choose another one",
    }
)
# Libraries that check what they are given: their own exceptions mean bad input, not a defect of the program.
_LIBRARIES = ("av", "cv2", "h5py", "safetensors", "safetensors_rust", "yaml", "zlib", "lzma", "zipfile", "struct",
              "json", "_csv", "google", "_pickle")  # fmt: skip
_RUST_CODE = re.compile(r"(?:code:|os error) (\d+)")  # of an operating system's error in a message of safetensors
_TORCH_WRITER = ("PytorchStreamWriter", "inline_container", "iostream error")
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_NO_MEMORY = ("can't allocate memory", "out of memory")


def as_input_error(error: BaseException, where: object = None) -> SkeletorError | None:
    """The error as a SkeletorError of one line if it is no defect of the program, or None if it may be one.

    Covers errors of the operating system (a full disk, a missing right), of memory, of Unicode, of worker processes,
    and of the libraries that read and write files. The result is an InputError, or WorkerDied for a dead worker
    process; a SkeletorError is returned as it is. Nothing is raised. where: the input or output in question. It begins
    the line, unless an OSError names another file.
    """
    if isinstance(error, SkeletorError):
        return error
    place = "" if where is None else f"{printable(str(where))}: "
    if isinstance(error, BrokenProcessPool):
        return WorkerDied(f"{place}a worker process died (killed, or out of memory); start again: what is done is kept")
    number = error_number(error)
    if number is not None:
        named = getattr(error, "filename", None)
        if named and not isinstance(named, int):
            place = f"{printable(_text(named))}: "
        reason = _REFUSED.get(number) or getattr(error, "strerror", None) or one_line(error)
        return InputError(f"{place}{reason}")
    text = one_line(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(t in text for t in _NO_MEMORY)):
        device = "the GPU has" if "CUDA" in text else "there is"
        return InputError(f"{place}{device} not enough memory for it; end other programs, or take smaller inputs")
    if isinstance(error, UnicodeError):
        reason = _unicode_reason(error)
        return InputError(
            f"{place}a name or text is not valid UTF-8 ({reason}); rename the file, or save the text anew"
        )
    if isinstance(error, RuntimeError) and any(part in text for part in _TORCH_WRITER):
        return InputError(f"{place}cannot be written (is the disk full?); make room, or choose another folder")
    if isinstance(error, OSError | EOFError) or type(error).__module__.split(".")[0] in _LIBRARIES:
        return InputError(f"{place}cannot be used ({text}); is it whole, and of the kind that its name says?")
    return None


def error_number(error: BaseException) -> int | None:
    """The errno of an error, also where safetensors has wrapped it in a message; None if it has none."""
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number in errno.errorcode:
        return number
    if type(error).__module__.startswith("safetensors"):
        found = _RUST_CODE.search(str(error))
        return int(found[1]) if found else None
    return None


def is_full(error: BaseException) -> bool:
    """Whether the disk was full, or a quota used up: the error itself, or one that it was made of."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        if error_number(link) in (errno.ENOSPC, errno.EDQUOT):
            return True
        seen.append(link)
        link = link.__cause__ or link.__context__
    return False


def one_line(error: BaseException, limit: int | None = None) -> str:
    """The message of an exception without line breaks, cut after `limit` characters; its class if it has no message."""
    return (printable(" ".join(str(error).split())) or type(error).__name__)[:limit]


def printable(text: str) -> str:
    """The text with each byte that is not UTF-8 (a surrogate in a file name) as an escape such as `\\udcff`.

    Control characters become escapes too: a name that holds a line break stays in one line, and one that holds a
    terminal's commands does nothing.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8").translate(_CONTROLS)


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)


def _unicode_reason(error: UnicodeError) -> str:
    if isinstance(error, UnicodeEncodeError | UnicodeDecodeError):
        return f"{error.reason} at {error.start}"
    return one_line(error)
