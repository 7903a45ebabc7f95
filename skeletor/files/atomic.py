"""Files that appear under their final name only when they are whole."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skeletor.support.errors import InputError, SkeletorError, as_input_error, error_number


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()  # read once: to read it is to change it for a moment, for all threads
_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_LONGEST = 150  # bytes of a final name that its temporary one keeps: file systems take 255


@contextmanager
def atomic_path(final: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `final`; rename it to `final` if the block ends well, else remove it.

    The temporary name keeps the suffix of the final one, because many writers choose a format by it.
    Works for a file and for a directory that the block makes. What was written is on the disk before it gets its name,
    so that it is whole after a power cut too.
    Raises InputError that names `final` if the system does not let it be written (full or read-only disk, no
    permission, a file where a folder is needed) or is a device; anything else as the block raises it.
    """
    final = Path(final)
    temporary = _beside(final)
    try:
        if final.exists() and not (final.is_file() or final.is_dir()):
            raise InputError(f"{final}: is a device or a pipe, which a file would take the place of; give another name")
        final.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_file():
            os.chmod(temporary, 0o666 & ~_UMASK)  # some writers make files that only the owner may read
        _flush(temporary)
        if final.is_dir() and temporary.is_dir():
            _exchange(temporary, final)
        else:
            os.replace(temporary, final)
    except SkeletorError:
        raise
    except Exception as error:
        refused = _refused(error, temporary, final)
        if refused is None:
            raise
        raise refused from error
    finally:
        _remove_quietly(temporary)


def write_text(final: Path | str, text: str) -> None:
    """Write UTF-8 text atomically. Raises InputError as `atomic_path` does."""
    with atomic_path(final) as temporary:
        temporary.write_text(text, encoding="utf-8")


def append_line(path: Path | str, line: str) -> None:
    """Add a line of UTF-8 text to a file, all of it or nothing. Raises InputError if it cannot be written."""
    path = Path(path)
    try:
        data = f"{line}\n".encode()
        with path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                os.truncate(path, before)
                raise
    except (OSError, UnicodeError) as error:
        refused = as_input_error(error, path)
        assert refused is not None
        raise refused from error


def remove_leftovers(folder: Path | str, below: bool = False) -> None:
    """Remove the temporary files that killed writers left in a folder (below: and in all folders in it).

    Only for a folder that no other process writes into, see `skeletor.files.lock`. A file that cannot be removed stays.
    """
    folder = Path(folder)
    for pattern in (".*.tmp*", ".tmp??????"):  # of `atomic_path`; of safetensors
        for left in list(folder.rglob(pattern) if below else folder.glob(pattern)):
            _remove_quietly(left)


def _beside(final: Path) -> Path:
    """A temporary name. A long name is cut: what is added must not make it longer than the file system takes.

    By chance, not by the process's id: on a disk that many machines write to, two processes may have the same.
    """
    stem, suffix = final.stem, final.suffix
    if len(os.fsencode(final.name)) > _LONGEST:
        kept = suffix if len(os.fsencode(suffix)) <= _LONGEST // 2 else ""
        stem, suffix = hashlib.sha256(os.fsencode(final.name)).hexdigest()[:16], kept
    return final.parent / f".{stem}.{secrets.randbits(63)}.tmp{suffix}"


def _refused(error: Exception, temporary: Path, final: Path) -> SkeletorError | None:
    """The error as one about `final`, if it is one of writing; None if it may be a defect of the program."""
    named = getattr(error, "filename", None)
    if error_number(error) in _OF_WRITING and getattr(error, "filename2", None) is not None:
        named = getattr(error, "filename2", None)  # of a copy, whose source comes first
    ours = named is None or isinstance(named, int) or _within(Path(os.fsdecode(named)), temporary, final)
    if error_number(error) is not None and ours:
        error = OSError(error_number(error), os.strerror(error_number(error) or 0))  # without the temporary's name
    return as_input_error(error, final)


def _within(named: Path, temporary: Path, final: Path) -> bool:
    """Whether a path is the temporary, the final one, or lies in the temporary one."""
    return named in (temporary, final) or temporary in named.parents


def _flush(path: Path) -> None:
    """Wait until a file, or all files of a folder, are on the disk."""
    for file in path.rglob("*") if path.is_dir() else (path,):
        if file.is_file() and not file.is_symlink():
            handle = os.open(file, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _exchange(temporary: Path, final: Path) -> None:
    """Put a folder in the place of another one, which is never there in part: it is moved away, then removed."""
    old = temporary.with_name(f"{temporary.name}.old")
    os.replace(final, old)
    try:
        os.replace(temporary, final)
    except OSError:
        os.replace(old, final)
        raise
    _remove_quietly(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def _remove_quietly(path: Path) -> None:
    """Remove what a failed block left; what hindered it may hinder this too."""
    try:
        _remove(path)
    except OSError:
        return
