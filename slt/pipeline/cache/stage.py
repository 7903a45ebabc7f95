"""Running of stages, which are skipped when their inputs, config and code have not changed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.files.atomic import remove_leftovers, write_text
from skeletor.files.keyed import empty_own, remove_own
from skeletor.support.progress import log
from slt.pipeline.cache.code import Code, code_digest
from slt.pipeline.cache.files import damage, note_files

DONE = "done.json"
Tell = Callable[[str], object]


@dataclass(frozen=True)
class Done:
    """A finished stage: its folder, its key (a hash over all that it depends on), and how long it took."""

    name: str
    folder: Path
    key: str
    seconds: float


def run_stage(
    name: str,
    folder: Path,
    work: Callable[[Path], object],
    config: dict[str, Any],
    inputs: Sequence[Done | str],
    reuse: Sequence[Path] = (),
    code: Sequence[Code] | None = None,
) -> Done:
    """Run `work(folder)` unless the folder already holds the result for the same key; its wall time is in seconds.

    config: the values that the stage depends on; inputs: earlier stages (or hashes of outside data);
    code: functions and modules whose source the result depends on, with all that they import (see
    `slt.pipeline.cache.code`); None: `work` itself, a function or a `functools.partial` of one;
    reuse: folders of the same stage in other runs, which are never written to: the first of them that holds the
    result for the same key is taken where it lies.
    If the key has changed, the content of the folder is stale and is removed first; if a run with the
    same key was killed, its files are kept, and `work` goes on where it was. The done-marker is
    written last, with a digest of the files: a stage whose files have changed since, or are gone, is made again.
    Raises InputError if the folder holds files that no stage has made: they would be lost.
    """
    key = stage_key(config, inputs, (work,) if code is None else code)
    if (kept := _kept_somewhere(name, folder, key, reuse, _made_again)) is not None:
        return kept
    marker = folder / DONE
    known = read_json(marker)
    spent = 0.0
    if known.get("key") == key and not known.get("done"):
        spent = known.get("seconds", 0.0)
        log.info("%-12s was interrupted, goes on", name)
        remove_leftovers(folder, below=True)
    else:
        empty_own(folder, DONE)
    write_text(marker, json.dumps({"key": key, "done": False, "seconds": spent}))
    log.info("%-12s starts", name)
    start = time.monotonic()
    work(folder)
    seconds = spent + time.monotonic() - start
    told = {"key": key, "done": True, "seconds": seconds, "config": config, "files": note_files(folder, besides=DONE)}
    write_text(marker, json.dumps(told, indent=1))
    log.info("%-12s done in %.0f s", name, seconds)
    return Done(name, folder, key, seconds)


def kept_stage(name: str, folder: Path, key: str, reuse: Sequence[Path] = ()) -> Done | None:
    """The result for a key that the folder holds, or one of `reuse`; None if the work is to be done. As `run_stage`.

    Damage is not told: `run_stage`, which then does the work, tells it.
    """
    return _kept_somewhere(name, folder, key, reuse, log.debug)


def finished_stage(folder: Path) -> Done | None:
    """The whole result that a folder holds, whatever its key; None if there is none, or it is damaged: that is told."""
    known = read_json(folder / DONE)
    if not _kept(folder.name, folder, known, str(known.get("key")), log.warning):
        return None
    return Done(folder.name, folder, str(known["key"]), float(known.get("seconds", 0.0)))


def _kept_somewhere(name: str, folder: Path, key: str, reuse: Sequence[Path], tell: Tell) -> Done | None:
    known = read_json(folder / DONE)
    if _kept(name, folder, known, key, tell):
        log.info("%-12s unchanged, kept (%.0f s when it ran)", name, known["seconds"])
        return Done(name, folder, key, known["seconds"])
    for other in reuse:
        found = read_json(other / DONE)
        if _kept(name, other, found, key, tell):
            log.info("%-12s taken from %s", name, other)
            remove_own(folder, DONE)  # stale, or begun
            return Done(name, other, key, found["seconds"])
    return None


def _kept(name: str, folder: Path, marker: dict[str, Any], key: str, tell: Tell) -> bool:
    """Whether a folder holds the whole result for a key; of one that is damaged `tell` gets a text."""
    if marker.get("key") != key or not marker.get("done"):
        return False
    noted = marker.get("files")  # not in those of before
    found = None if noted is None else damage(folder, noted)
    if found is not None:
        tell(f"{name:12} is damaged ({folder}: {found}) and is not used")
    return found is None


def forget(folder: Path) -> None:
    """Let a stage be made again, whatever its key. An empty marker stays: the folder is our own still."""
    if (folder / DONE).exists():
        write_text(folder / DONE, "")


def _made_again(damaged: str) -> None:
    log.warning("%s; made again", damaged)


def stage_key(config: dict[str, Any], inputs: Sequence[Done | str], code: Sequence[Code]) -> str:
    """A hash, 24 hex digits, of config, the keys of the inputs, and the source of `code` with all that it imports."""
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for item in inputs:
        digest.update((item if isinstance(item, str) else item.key).encode())
    if code:
        digest.update(code_digest(code).encode())
    return digest.hexdigest()[:24]


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object of a file of our own; {} if there is none or it is broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
