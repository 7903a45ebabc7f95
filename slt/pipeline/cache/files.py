"""The files of a finished stage: written down when it ends, and checked before it is kept.

files.json holds the number of bytes that count of each file, and a digest by path; `done.json` has the digest of it.
Files that came later are no matter; hidden ones neither, which are temporary, nor the checkpoints of a training, which
nobody needs when it has ended: whoever wants their room may delete them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.files.stamp import content_digest
from skeletor.poses.pose import file_sha256

FILES = "files.json"
VOLUME = 1 << 30  # bytes of a stage that are read, of all its files: a second or two
_LEAST = 1 << 16  # of each file, however many there are
_CHECKPOINTS = (".ckpt", ".generator", ".checkpoint.pt")  # of JoeyNMT's trainer and ours
_THREADS = 4  # hashing and reading leave Python's lock


def note_files(folder: Path, besides: str, volume: int = VOLUME) -> str:
    """Write down the files of a folder, without the one of the name `besides`; the digest of what was written.

    volume: bytes that are read of all of them; of a stage that has more only a part of each file counts, and its size.
    """
    names = sorted(name for name in _files(folder) if name not in (besides, FILES))
    most = max(_LEAST, volume // max(len(names), 1))
    total = sum(map(os.path.getsize, filter(os.path.isfile, (folder / name for name in names))))
    most = max(most, total) if total <= volume else most  # one of many may be large
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = list(pool.map(partial(_digest, folder, most), names))
    write_text(folder / FILES, json.dumps({"bytes": most, "files": dict(zip(names, digests, strict=True))}, indent=0))
    return file_sha256(folder / FILES)


def damage(folder: Path, noted: str) -> str | None:
    """What is wrong with a folder whose files were written down under a digest, in words; None if nothing is."""
    try:
        if file_sha256(folder / FILES) != noted:
            return f"{FILES} has changed"
        told = json.loads((folder / FILES).read_text(encoding="utf-8"))
    except OSError:
        return f"{FILES} is gone"
    names, most = list(told["files"]), int(told["bytes"])
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(partial(_digest, folder, most), names))
    wrong = [(name, digest) for name, digest in zip(names, found, strict=True) if digest != told["files"][name]]
    if not wrong:
        return None
    name, digest = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{name} {'has changed' if digest else 'is gone'}{more}"


def _files(folder: Path) -> Iterator[str]:
    """Paths below a folder, with /; no hidden ones, and no checkpoints."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inner = Path(place).relative_to(folder)
        yield from (
            (inner / name).as_posix() for name in files if not name.startswith(".") and not name.endswith(_CHECKPOINTS)
        )


def _digest(folder: Path, most: int, name: str) -> str:
    """ "" if it cannot be read."""
    try:
        return content_digest(folder / name, most)
    except OSError:
        return ""
