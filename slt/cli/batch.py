"""Where the results of a command's inputs go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skeletor.errors import InputError


def output_names(paths: Sequence[Path], folder: Path, suffix: str) -> dict[Path, Path]:
    """Where the result of each input goes; InputError if two inputs would go to the same file."""
    names = {path: folder / f"{path.stem if path.suffix else path.name}{suffix}" for path in paths}
    if len(set(names.values())) < len(names):
        double = next(p for p in paths if list(names.values()).count(names[p]) > 1)
        raise InputError(f"{double}: another input has the same name; translate them into different folders")
    return names
