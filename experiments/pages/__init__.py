"""Tables on the pages of this project: README.md and docs/*.md, each between a pair of markers."""

from __future__ import annotations

from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.support.errors import InputError

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results"


def fill(name: str, text: str, root: Path = ROOT) -> list[Path]:
    """Put `text` between the markers of `name` on every page that has them; gives those pages.

    Links of `text` are relative to the project's root. InputError if no page has the markers.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    written = []
    for page in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        content = page.read_text(encoding="utf-8")
        if begin not in content or end not in content:
            continue
        head, rest = content.split(begin, 1)
        shown = text if page.parent == root else text.replace("](experiments/", "](../experiments/")
        write_text(page, f"{head}{begin}\n{shown}\n{end}{rest.split(end, 1)[1]}")
        written.append(page)
    if not written:
        raise InputError(f"no page of {root} has the markers {begin} and {end}; put them where the table belongs")
    return written
