"""How the files of readers that read together are called."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePath

MOST = 8  # members of a kind: each is another network to run


def member(name: str, number: int) -> str:
    """The file of a member (1, 2, ...): `name`, then `stem-2.suffix`, ..."""
    path = PurePath(name)
    return name if number == 1 else f"{path.stem}-{number}{path.suffix}"


def members(name: str, there: Collection[str]) -> list[str]:
    """Those of a kind's files that are there, one after the other from the first."""
    found = []
    for number in range(1, MOST + 1):
        if member(name, number) not in there:
            break
        found.append(member(name, number))
    return found


def drop_further(folder: Path, name: str, count: int) -> None:
    """Remove the files of a kind's members behind the first `count`: a larger system was written there before."""
    for number in range(count + 1, MOST + 1):
        (folder / member(name, number)).unlink(missing_ok=True)
