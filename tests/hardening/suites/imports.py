"""Annotation of public data sets with damaged bytes: one line, or a table in which every clip has its own recording."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from tests.hardening.case import Case, Context, Suite, single
from tests.hardening.made.mutations import Mutation, mutate
from tests.hardening.suites.key_points import judge

FULL = 1_000
_SLACK = 2  # rows that differ beside the touched ones
_TEXTS = (".csv", ".txt", ".eaf", ".srt")
_TABLES = (".csv", ".txt")  # in which a line that is lost by a flip has another number of fields
Rows = dict[str, tuple[str, ...]]  # name -> the cells of the table, the recording first


def suite() -> Suite:
    """The suite."""
    return Suite("data import", "one-line errors; no clip with another's recording, none lost in silence", _cases)


def _cases(context: Context) -> Iterator[Case]:
    for kind in TREES:
        for index in range(context.count(FULL)):
            yield single(f"{kind} {index}", lambda kind=kind, index=index: _check(context, kind, index))  # type: ignore[misc]


def _check(context: Context, kind: str, index: int) -> str:
    return judge(context.server().call(attempt, kind, context.seed, index, context.folder("running")))


def attempt(kind: str, seed: int, index: int, folder: Path) -> str:
    """Damage one file of annotation, import, and compare with the sound table."""
    root = _tree(kind, folder / f"{kind}-{os.getpid()}")
    sound, notes = _sound(kind, root)
    rng = random.Random(f"{kind} {seed} {index}")
    path = rng.choice([p for p in sorted(root.rglob("*")) if p.suffix in _TEXTS and p.is_file()])
    content = path.read_bytes()
    mutation = mutate(content, (), True, rng)
    path.write_bytes(mutation.content)
    try:
        found, told = _imported(kind, root)
    finally:
        path.write_bytes(content)
    return compare(sound, found, mutation, told != notes or path.suffix not in _TABLES)


def compare(sound: Rows, found: Rows, mutation: Mutation, told: bool) -> str:
    """What is wrong in a table, or "". told: whether something was said of what is left out, or cannot be known."""
    moved = [name for name in found if name in sound and found[name][0] != sound[name][0]]
    if moved:
        return f"{mutation.kind}: {moved[0]!r} has the recording {found[moved[0]][0]!r}"
    if len(found) < len(sound) and not mutation.structure and not told:
        return f"{mutation.kind}: {len(found)} clips in silence, there are {len(sound)}"
    other = sum(found[name] != sound.get(name) for name in found)
    if other > mutation.touched + _SLACK:
        return f"{mutation.kind}: {other} rows differ, {mutation.touched} bytes were touched"
    return ""


def _imported(kind: str, root: Path) -> tuple[Rows, tuple[str, ...]]:
    """The table of an import, and its notes; it is removed again."""
    from slt.data.importers.write import import_data
    from slt.data.own import DESCRIPTION, TABLE
    from slt.data.tables import read_rows

    try:
        made = import_data(kind, root, root, force=True)
        head, *rows = [row.fields for row in read_rows((root / TABLE).read_text(encoding="utf-8"), ("\t",))]
    finally:
        for name in (TABLE, DESCRIPTION):
            (root / name).unlink(missing_ok=True)
    found: Rows = {}
    for row in rows:
        cells = dict(zip(head, row, strict=True))
        place = (root / cells["video"]).resolve()
        if not place.is_relative_to(root.resolve()) or not place.exists():
            raise AssertionError(f"the recording {cells['video']!r} is none of the data set's")
        found[cells["name"]] = (cells["video"], *(cells[key] for key in sorted(cells) if key not in ("name", "video")))
    return found, made.notes


@lru_cache(maxsize=16)
def _tree(kind: str, root: Path) -> Path:
    """The sound data set, made once in each process."""
    return root if root.is_dir() else TREES[kind](root)


@lru_cache(maxsize=16)
def _sound(kind: str, root: Path) -> tuple[Rows, tuple[str, ...]]:
    rows, notes = _imported(kind, root)
    if not rows:
        raise AssertionError(f"{kind}: the sound data set is not read")
    return rows, notes


def _eaf_folder(root: Path) -> Path:
    from tests.slt.data.importers import trees

    for k in range(3):
        values = [(500 * n, 500 * n + 400, f"Satz {k} {n} .") for n in range(4)]
        glosses = [(500 * n, 500 * n + 300, f"ZEICHEN{n}") for n in range(4)]
        trees.eaf(root / f"talk{k}.eaf", [("sentence", f"P{k}", values), ("gloss", f"P{k}", glosses)], f"talk{k}.mp4")
        trees.video(root / f"talk{k}.mp4")
    return root


def _made(name: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        from tests.slt.data.importers import trees

        made: Path = getattr(trees, name)(root)
        return made

    return make


TREES: Mapping[str, Callable[[Path], Path]] = {
    "how2sign": _made("how2sign"), "phoenix2014": _made("phoenix2014"), "csl-daily": _made("csl_daily"),
    "dgs-korpus": _made("dgs_korpus"), "eaf": _eaf_folder,
}  # fmt: skip
