"""The code that a stage's result depends on: all modules of the project that its work imports, found in the source.

The versions of the packages that these import belong to it. Nothing is imported to find it. Imports in functions count;
those under `if TYPE_CHECKING` do not, as they never run. A package that imports lazily, by a `__getattr__`, declares
its names under `if TYPE_CHECKING`: a name that is taken from it counts as the module that it is declared to be in.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("slt", "skeletor", "experiments")
# Packages that check values, write files or show progress: another version of them gives the same result.
NEUTRAL = frozenset({"matplotlib", "pydantic", "pydantic_core", "safetensors", "tqdm", "typing_extensions", "yaml"})
Code = Callable[..., Any] | str  # a function stands for its module


@dataclass(frozen=True)
class _Module:
    """One source file. names: what its statements bind; imports: what it asks for; lazy: what its `__getattr__` gives.

    imports: pairs of a module and a name in it, or "" for the module itself.
    """

    digest: str
    names: frozenset[str]
    imports: tuple[tuple[str, str], ...]
    lazy: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Closure:
    """Modules of the project, sorted, and the top names of the other packages that they import."""

    modules: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Project:
    """The source of a project's `packages` below `root`.

    changed: texts to take in place of files, by their path relative to the root. What has been read is kept: a process
    works with the code that it began with.
    """

    root: Path
    packages: tuple[str, ...] = PACKAGES
    changed: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, _Module | None] = field(default_factory=dict, repr=False)
    _closures: dict[tuple[str, ...], Closure] = field(default_factory=dict, repr=False)

    def edited(self, changed: Mapping[str, str]) -> Project:
        """The same project with other texts in place of some files (path below the root -> text).

        The rest is not read again.
        """
        names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in changed}
        known = {name: module for name, module in self._known.items() if name not in names}
        return replace(self, changed=changed, _known=known, _closures={})

    def closure(self, entries: Iterable[Code]) -> Closure:
        """All that `entries` (functions, or dotted names of modules) import, directly or not, themselves included.

        Raises LookupError for a module or name of the project that is not there.
        """
        names = tuple(module_of(entry) for entry in entries)
        if names not in self._closures:
            self._closures[names] = self._close(names)
        return self._closures[names]

    def _close(self, names: Sequence[str]) -> Closure:
        waiting = [(name, "") for name in names]
        seen: set[tuple[str, str]] = set()
        found: set[str] = set()
        others: set[str] = set()
        while waiting:
            wanted = waiting.pop()
            if wanted in seen:
                continue
            seen.add(wanted)
            name = wanted[0]
            if name.partition(".")[0] not in self.packages:
                others.add(name.partition(".")[0])
                continue
            for own in self._needed(*wanted):
                if own not in found:
                    found.add(own)
                    waiting += self._module(own).imports
            waiting += self._lazily(*wanted)
        return Closure(tuple(sorted(found)), tuple(sorted(others - sys.stdlib_module_names - NEUTRAL)))

    def digest(self, entries: Iterable[Code]) -> str:
        """SHA-256, as hex, of the content of a closure's modules and of the versions of its packages.

        Raises LookupError as `closure` does.
        """
        closure = self.closure(entries)
        digest = hashlib.sha256()
        for name in closure.modules:
            digest.update(f"{name} {self._module(name).digest}\n".encode())
        for package in closure.packages:
            digest.update(f"{package} {_version(package)}\n".encode())
        return digest.hexdigest()

    def _needed(self, module: str, name: str) -> Iterator[str]:
        """The modules that run when `name` is imported from a module: it, the packages around it, perhaps a part."""
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            yield ".".join(parts[:end])
        if name and self._find(f"{module}.{name}") is not None:
            yield f"{module}.{name}"

    def _lazily(self, module: str, name: str) -> Iterator[tuple[str, str]]:
        own = self._module(module)
        if name == "*":
            yield from own.lazy.values()
        elif name in own.lazy:
            yield own.lazy[name]
        elif name and name not in own.names and self._find(f"{module}.{name}") is None:
            raise LookupError(f"{module} has no {name!r} that can be seen in its source")

    def _module(self, name: str) -> _Module:
        found = self._find(name)
        if found is None:
            raise LookupError(f"there is no module {name} in {self.root}")
        return found

    def _find(self, name: str) -> _Module | None:
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> _Module | None:
        base = name.replace(".", "/")
        for path, package in ((f"{base}/__init__.py", name), (f"{base}.py", name.rpartition(".")[0])):
            text = self.changed.get(path)
            if text is None and (self.root / path).is_file():
                text = (self.root / path).read_text(encoding="utf-8")
            if text is not None:
                return _parse(text, package)
        return _Module("", frozenset(), (), {}) if (self.root / base).is_dir() else None  # a package without a file


def module_of(code: Code) -> str:
    """The dotted name of the module that a function is defined in; `functools.partial` is unwrapped, a name stays."""
    if isinstance(code, str):
        return code
    while isinstance(code, partial):
        code = code.func
    return str(code.__module__)


@cache
def this_project() -> Project:
    """The source that this process runs; one object for the whole process."""
    return Project(ROOT)


def code_digest(entries: Sequence[Code]) -> str:
    """`Project.digest` of this project: SHA-256, as hex."""
    return this_project().digest(entries)


def _parse(text: str, package: str) -> _Module:
    """package: what relative imports start from."""
    tree = ast.parse(text)
    lazy = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"]
    reader = _Reader(package, any(word in text for word in _IN_EXPRESSIONS))
    reader.read([node for node in tree.body if node not in lazy])  # what that imports is declared
    names = frozenset({"*", *reader.names, *(node.name for node in lazy)})
    digest = hashlib.sha256(text.encode()).hexdigest()
    return _Module(digest, names, tuple(reader.imports), reader.declared if lazy else {})


_IN_EXPRESSIONS = ("import_module", "__import__", ":=")


class _Reader:
    """Collects the imports of a module, those under TYPE_CHECKING apart, and the names that its statements bind.

    expressions: whether to look into them as well, where most of a module is and few import or bind anything.
    names: of those bound in functions too, which does no harm.
    """

    def __init__(self, package: str, expressions: bool) -> None:
        self._package, self._expressions = package, expressions
        self.imports: list[tuple[str, str]] = []
        self.declared: dict[str, tuple[str, str]] = {}
        self.names: set[str] = set()

    def read(self, nodes: Iterable[ast.AST], typing: bool = False) -> None:
        """typing: whether the nodes stand under TYPE_CHECKING, of which only the `else` runs."""
        for node in nodes:
            if isinstance(node, ast.If) and _is_type_checking(node.test):
                self.read(node.body, True)
                self.read(node.orelse, typing)
                continue
            self._note(node, typing)
            if isinstance(node, ast.expr) and not self._expressions:
                continue
            self.read(ast.iter_child_nodes(node), typing)

    def _note(self, node: ast.AST, typing: bool) -> None:
        if isinstance(node, ast.Import):  # import a.b as c
            for alias in node.names:
                self.names.add(alias.asname or alias.name.partition(".")[0])
                self._add(alias.asname or alias.name, alias.name, "", typing)
        elif isinstance(node, ast.ImportFrom):  # from a.b import c as d, from .. import c
            for alias in node.names:
                self.names.add(alias.asname or alias.name)
                self._add(alias.asname or alias.name, self._source(node), alias.name, typing)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.names.add(node.name)
        elif isinstance(node, ast.Name | ast.Tuple | ast.List | ast.Starred):
            if isinstance(node.ctx, ast.Store):
                self.names.update(name.id for name in ast.walk(node) if isinstance(name, ast.Name))
        elif isinstance(node, ast.Call):  # importlib.import_module("a.b")
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                self._add("", str(node.args[0].value), "", typing)

    def _source(self, node: ast.ImportFrom) -> str:
        """The module that is imported from."""
        if not node.level:
            return node.module or ""
        parts = self._package.split(".")
        return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])

    def _add(self, bound: str, module: str, name: str, typing: bool) -> None:
        if typing:
            self.declared[bound] = (module, name)
        else:
            self.imports.append((module, name))


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


@cache
def _version(package: str) -> str:
    """Of the distributions that hold a top-level package; "" where it is not installed."""
    return " ".join(f"{name}=={metadata.version(name)}" for name in sorted(set(_distributions().get(package, ()))))


@cache
def _distributions() -> Mapping[str, Sequence[str]]:
    return metadata.packages_distributions()
