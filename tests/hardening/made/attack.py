"""What an attack is, and where it is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Place:
    """Where an attack is made: a folder for it, one outside of it that nothing may read, a model to spoil.

    canary: a file that is there if code was run.
    """

    folder: Path
    outside: Path
    canary: Path
    model: Path


@dataclass(frozen=True)
class Attack:
    """use: which way of reading is tried (`suites.hostile.USES`). make: writes the file or folder, and gives its path.

    refused: whether one line is the only right answer; else it may also be read, if nothing else happens.
    """

    name: str
    use: str
    make: Callable[[Place], Path]
    refused: bool = True


class Bomb:
    """Unpickled, it writes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = str(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.canary}'",)


def write(place: Place, name: str, content: bytes | str) -> Path:
    """A file inside the place."""
    path = place.folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
