"""Files that appear under their final name only when they are whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(final: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `final`; rename it to `final` if the block ends well, else remove it.

    The temporary name keeps the suffix of the final one, because many writers choose a format by it.
    Works for a file and for a directory that the block makes. Raises whatever the block raises.
    """
    final = Path(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.stem}.{os.getpid()}.tmp{final.suffix}")
    _remove(temporary)
    try:
        yield temporary
        if final.is_dir() and temporary.is_dir():
            _remove(final)
        if temporary.is_file():
            os.chmod(temporary, 0o666 & ~_umask())  # some writers make files that only the owner may read
        os.replace(temporary, final)
    finally:
        _remove(temporary)


def write_text(final: Path | str, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(final) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
