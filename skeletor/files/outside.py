"""Shared parts of all readers of files from outside: errors in one line, regular files, limits of size and rate."""

from __future__ import annotations

import math
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skeletor.files.kinds.mistaken import first_bytes, never_data
from skeletor.support.errors import InputError, SkeletorError, one_line

# What a compressed file may unfold to: this much, or that many times its own size, whichever is more. Key points
# shrink to between a half and a twentieth; a thousandth is a bomb.
UNFOLDED_BYTES = 64 << 20
UNFOLDED_TIMES = 20
_LONGEST = 400  # characters of a library's message that are told
_ZIP_END = 22  # bytes, without a comment
# Frames per second of a recording: below is a mistake (or a clip of hours when it is resampled), as is what is above.
FPS_RANGE = (1.0, 1000.0)


@contextmanager
def reading(path: Path | str, what: str) -> Iterator[None]:
    """Turn whatever goes wrong while `path` is read as `what` into one line of InputError.

    All kinds of exceptions are caught: parsers of damaged bytes throw nearly all there are, and each library has its
    own. Only what reads the file belongs into the block.
    """
    try:
        yield
    except SkeletorError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {one_line(error, _LONGEST)}") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give the path of a {what}") from error
    except MemoryError as error:
        raise InputError(f"{path}: needs more memory than there is; is it a damaged {what}?") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read as {what}: {error.strerror or one_line(error, _LONGEST)}") from error
    except (NameError, ImportError):
        raise  # a fault of ours, or of the installation
    except Exception as error:
        told = one_line(error, _LONGEST)
        raise InputError(f"{path}: not a readable {what} (truncated or damaged?): {told}") from error


def existing_file(path: Path, what: str) -> Path:
    """`path` if it is a regular file with content; InputError otherwise.

    Nothing else is opened: a pipe would block. A file that only stands for another one (a pointer of Git LFS, a web
    page) is refused, too.
    """
    with reading(path, what):
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{path}: is a directory, expected a {what}")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path}: is a pipe or a device, which is not read; give a file, a {what}")
        if found.st_size == 0:
            raise InputError(f"{path}: is empty, expected a {what}")
        if (mistaken := never_data(first_bytes(path))) is not None:
            raise InputError(f"{path}: {mistaken}")
    return path


def check_unfolded(path: Path, size: int) -> None:
    """InputError if the content of a compressed file, `size` bytes as it declares, is out of proportion to the file."""
    most = max(UNFOLDED_BYTES, UNFOLDED_TIMES * path.stat().st_size)
    if size > most:
        raise InputError(
            f"{path}: says that it holds {size:,} bytes, more than {UNFOLDED_TIMES} times its own size "
            f"(and more than {UNFOLDED_BYTES:,}): not read; if it is sound, save it uncompressed"
        )


def checked_fps(path: Path | str, fps: float) -> float:
    """`fps` if it can be a recording's; InputError, which names --fps, if not."""
    low, high = FPS_RANGE
    if not (math.isfinite(fps) and low <= fps <= high):
        raise InputError(f"{path}: frame rate {fps:g}, expected {low:g} to {high:g}; give the right one with --fps")
    return fps


def listed(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members of an open zip archive. InputError if its end says another number, which `zipfile` overlooks."""
    members = archive.infolist()
    with path.open("rb") as file:
        file.seek(-_ZIP_END - len(archive.comment), 2)
        said = int.from_bytes(file.read(_ZIP_END)[10:12], "little")
    if said not in (len(members), 0xFFFF):  # the latter: more than fit, written elsewhere
        raise InputError(f"{path}: lists {len(members)} of its {said} parts; damaged")
    return members
