"""The card beside trained weights: README.md, unless a file of that name is somebody's own."""

from __future__ import annotations

from pathlib import Path

from skeletor.files.atomic import write_text

CARD = "README.md"


def write_beside(weights: Path, text: str) -> Path:
    """Write a card in Markdown beside its weights, atomically; returns its path.

    README.md is replaced if it begins with the same words as the card (up to the first backtick of its heading).
    Another one, of a project say, is left, and the card is called `<stem of the weights>.README.md`. Raises InputError
    if it cannot be written.
    """
    heading = text.partition("`")[0].encode()
    path = weights.with_name(CARD)
    if path.exists() and not (path.is_file() and path.read_bytes()[: len(heading)] == heading):
        path = weights.with_name(f"{weights.stem}.{CARD}")
    write_text(path, text)
    return path
