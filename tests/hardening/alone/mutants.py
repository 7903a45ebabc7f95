"""Mutation testing: one token of the code is changed, and the tests of the same package run. `make mutants`.

    python -m tests.hardening.alone.mutants [--sample 80] [--seed 1] [--module FILE ...] [--workers 2]

A mutant is caught if a test fails, or does not end in time. A seeded sample of the mutants of the core modules, spread
evenly over them, is tried in copies of the tree; runs/hardening/mutants.md keeps the table. A figure, not a gate.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skeletor.files.atomic import write_text

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "runs" / "hardening" / "mutants.md"
PATTERNS = (
    "skeletor/io/*.py", "skeletor/io/people/*.py", "skeletor/io/pose_format/*.py", "skeletor/io/read_only/*.py",
    "skeletor/poses/pose.py", "skeletor/poses/normalise.py", "skeletor/refiners/fill.py",
    "skeletor/refiners/smoothers/*.py", "skeletor/refiners/inference/stream.py",
    "skeletor/learning/data/windows.py", "skeletor/lifters/*.py", "slt/score/*.py", "slt/video/*.py",
    "slt/video/headers/*.py", "slt/translate/abstain.py", "slt/translate/signals.py",
)  # fmt: skip
_SECONDS = 300.0  # for the tests of a mutant
_SWAPS: dict[type, tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"), ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
Place = Callable[[int, int], int]
Change = tuple[ast.expr | ast.stmt, int, int, str]


@dataclass(frozen=True)
class Mutant:
    """A change of one token of a module: characters start to stop of its text become `new`."""

    module: str
    line: int
    start: int
    stop: int
    new: str

    def applied(self, text: str) -> str:
        """The module with the change."""
        return text[: self.start] + self.new + text[self.stop :]


@dataclass(frozen=True)
class Verdict:
    """caught: a test failed or hung."""

    mutant: Mutant
    caught: bool
    seconds: float


def mutants(module: str, text: str) -> list[Mutant]:
    """All changes of a module, in the order of the text; docstrings and annotations are left alone."""
    lines = text.splitlines(keepends=True)
    starts = [0, *itertools.accumulate(len(line) for line in lines)]

    def place(row: int, column: int) -> int:
        return starts[row - 1] + len(lines[row - 1].encode()[:column].decode())

    found = {
        Mutant(module, n.lineno, start, stop, new) for n, start, stop, new in _changes(ast.parse(text), place, text)
    }
    return sorted(found, key=lambda m: (m.start, m.new))


def _changes(tree: ast.AST, place: Place, text: str) -> Iterator[Change]:
    for node in _code(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from _between(node, node.left, type(node.ops[0]), node.comparators[0], place, text)
        elif isinstance(node, ast.BinOp):
            yield from _between(node, node.left, type(node.op), node.right, place, text)
        elif isinstance(node, ast.BoolOp):
            yield from _between(node, node.values[0], type(node.op), node.values[1], place, text)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            start, _ = _span(node, place)
            yield node, start, start + len("not"), ""
        elif isinstance(node, ast.Constant) and (new := _constant(node.value)) is not None:
            yield node, *_span(node, place), new
        elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
            yield node, *_span(node.value, place), "None"


def _constant(value: object) -> str | None:
    """Another constant in the place of a number or a truth value."""
    if isinstance(value, bool):
        return str(not value)
    if isinstance(value, int):
        return str(value + 1)
    return repr(value * 2 if value else 1.0) if isinstance(value, float) else None


def _between(
    node: ast.expr, left: ast.expr, operator: type, right: ast.expr, place: Place, text: str
) -> Iterator[Change]:
    """Another operator between two operands."""
    old, new = _SWAPS.get(operator, ("", ""))
    at = text.find(old, _span(left, place)[1], _span(right, place)[0]) if old else -1
    if at >= 0:
        yield node, at, at + len(old), new


def _span(node: ast.expr, place: Place) -> tuple[int, int]:
    """Where the text of an expression begins and ends."""
    return place(node.lineno, node.col_offset), place(node.end_lineno or node.lineno, node.end_col_offset or 0)


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run: no annotations, no docstrings, no subscripts of types, no texts in f-strings."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params") or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not (
                isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            ):
                yield from _code(child)


def tests_of(module: str, root: Path = ROOT) -> list[str]:
    """Test files of the same package: the mirrored folder's, that of the module itself first."""
    folder = root / "tests" / Path(module).parent
    own = folder / f"test_{Path(module).stem}.py"
    if Path(module).parent in (Path("skeletor"), Path("slt")):  # a folder of many subjects: those that name the module
        name = ".".join(Path(module).with_suffix("").parts)
        named = [p for p in sorted(folder.glob("test_*.py")) if name in p.read_text(encoding="utf-8") and p != own]
    else:
        named = [p for p in sorted(folder.glob("test_*.py")) if p != own]
    package = Path(*Path(module).parts[:2])
    above = [root / "tests" / package.parent / f"test_{package.name}.py"] if len(Path(module).parts) > 2 else []
    return [str(p.relative_to(root)) for p in [own, *named, *above] if p.is_file()]


def sample(count: int, seed: int, modules: Sequence[str]) -> list[Mutant]:
    """So many mutants, spread evenly over the modules."""
    rng = random.Random(seed)
    piles = [rng.sample(m, len(m)) for m in (mutants(n, (ROOT / n).read_text(encoding="utf-8")) for n in modules) if m]
    rng.shuffle(piles)
    chosen: list[Mutant] = []
    while len(chosen) < count and any(piles):
        chosen += [pile.pop() for pile in piles if pile][: count - len(chosen)]
    return chosen


def core_modules() -> list[str]:
    """The modules that are tried, by path."""
    found = (p for pattern in PATTERNS for p in sorted(ROOT.glob(pattern)))
    return list(dict.fromkeys(str(p.relative_to(ROOT)) for p in found))


def copy_tree(target: Path) -> None:
    """The code and its tests, without runs and environments."""
    for name in ("skeletor", "slt", "tests", "experiments", "configs"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    shutil.copy(ROOT / "pyproject.toml", target)
    if (ROOT.parent / "shared").is_dir() and not (target.parent / "shared").exists():
        (target.parent / "shared").symlink_to(ROOT.parent / "shared")


def run_tests(tree: Path, module: str, seconds: float = _SECONDS) -> bool:
    """Whether the module's tests pass in a tree, in time."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow and not gpu", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            [*command, *tests_of(module)], cwd=tree, env=environment, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def judge(mutant: Mutant, tree: Path) -> Verdict:
    """Put a mutant into a tree, run its tests, take it out again."""
    path, begin = tree / mutant.module, time.monotonic()
    text = path.read_text(encoding="utf-8")
    path.write_text(mutant.applied(text), encoding="utf-8")
    try:
        return Verdict(mutant, not run_tests(tree, mutant.module), time.monotonic() - begin)
    finally:
        path.write_text(text, encoding="utf-8")


def report(verdicts: Sequence[Verdict], seed: int) -> str:
    """The share that was caught, by module; the survivors with their diffs."""
    caught = sum(v.caught for v in verdicts)
    lines = ["# Mutants", "", f"`python -m tests.hardening.alone.mutants --sample {len(verdicts)} --seed {seed}`", ""]
    lines += [f"caught: {caught} of {len(verdicts)} ({caught / max(1, len(verdicts)):.0%})", ""]
    lines += ["| module | mutants | caught |", "|---|---:|---:|"]
    for module in sorted({v.mutant.module for v in verdicts}):
        own = [v for v in verdicts if v.mutant.module == module]
        lines.append(f"| {module} | {len(own)} | {sum(v.caught for v in own)} |")
    for mutant in (v.mutant for v in verdicts if not v.caught):
        lines += ["", f"survived: {mutant.module}:{mutant.line}", "```diff", *_diff(mutant), "```"]
    return "\n".join(lines) + "\n"


def _diff(mutant: Mutant) -> list[str]:
    text = (ROOT / mutant.module).read_text(encoding="utf-8")
    changed = difflib.unified_diff(text.splitlines(), mutant.applied(text).splitlines(), lineterm="", n=0)
    return [line for line in changed if not line.startswith(("---", "+++", "@@"))]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser("python -m tests.hardening.alone.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=80, help="mutants that are tried")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--module", nargs="+", help="only these, by path; default: the core modules")
    parser.add_argument("--workers", type=int, default=2, help="mutants at a time")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    chosen = iter(sample(args.sample, args.seed, args.module or core_modules()))
    verdicts: list[Verdict] = []
    lock = threading.Lock()
    with tempfile.TemporaryDirectory() as folder:

        def work(tree: Path) -> None:
            copy_tree(tree)
            while True:
                with lock:
                    mutant = next(chosen, None)
                if mutant is None:
                    return
                verdict = judge(mutant, tree)
                verdicts.append(verdict)
                word = "caught" if verdict.caught else "SURVIVED"
                where = f"{mutant.module}:{mutant.line}"
                print(f"{word} {where} ({verdict.seconds:.0f} s) {' '.join(_diff(mutant)[-1:])}", flush=True)

        threads = [threading.Thread(target=work, args=(Path(folder) / f"tree{k}",)) for k in range(args.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    text = report(sorted(verdicts, key=lambda v: (v.mutant.module, v.mutant.start)), args.seed)
    write_text(args.output, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
