"""Inputs of a command, and names of its results."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skeletor.files.paths import address_fault, special_fault
from skeletor.files.suffixes import bare_name, is_poses
from skeletor.support.batch import for_each
from skeletor.support.errors import InputError, SkeletorError
from slt.estimators.given import PoseFiles

_NO_NAME = re.compile(r"[/\\\0]")  # what a clip may be called and a file may not


@dataclass(frozen=True)
class Input:
    """One input. shown: FILE, or FILE#CLIP for each clip of several (many); no other input has the same.

    clip: its name in the file, None for the only one. fault: why it cannot be used, if its name tells.
    """

    shown: Path
    file: Path
    clip: str | None = None
    many: bool = False
    fault: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it may be opened: it is no address, pipe, socket or device."""
        return self.fault is None and special_fault(self.file) is None

    @property
    def name(self) -> str:
        """The name of its results, without a suffix: the file's, with "#CLIP" for a clip of several."""
        clip = "#" + _NO_NAME.sub("_", self.clip) if self.many and self.clip is not None else ""
        return bare_name(self.file) + clip


def find_inputs(texts: Sequence[str]) -> list[Input]:
    """The inputs that a person named, in that order; an input that is named twice counts once."""
    found: dict[str, Input] = {}
    for text in texts:
        fault = address_fault(text)
        if fault is not None:
            path = Path(text.split("://", 1)[1])  # so that the line that tells the fault begins with the address
            found.setdefault(text, Input(path, path, fault=fault))
        elif not text:  # Path("") would be the folder that one stands in
            path = Path("''")
            found.setdefault(text, Input(path, path, fault="'': an input has an empty name; give a file or folder"))
        else:
            found.setdefault(os.path.abspath(text), Input(Path(text), Path(text)))
    return list(found.values())


def by_clip(inputs: Sequence[Input], files: PoseFiles, clip: str | None) -> list[Input]:
    """The same inputs, where a file of several clips is an input for each of them.

    clip: of the files that hold poses, only the clip of that name.
    """
    found: list[Input] = []
    for one in inputs:
        if not one.usable or not is_poses(one.file):
            found.append(one)
        elif clip is not None:
            found.append(replace(one, clip=clip))
        else:
            names = _several(files, one.file)
            found += [replace(one, shown=Path(f"{one.shown}#{name}"), clip=name, many=True) for name in names] or [one]
    return found


def _several(files: PoseFiles, file: Path) -> list[str]:
    """Names of the clips of a file of several. A file that cannot be read says so when it is its turn."""
    try:
        clips = files.clips(file)
    except SkeletorError:
        return []
    return list(clips) if len(clips) > 1 else []


def videos(inputs: Sequence[Input]) -> list[Path]:
    """The videos and folders of frames among the inputs, as far as their names tell."""
    return [one.file for one in inputs if one.usable and not is_poses(one.file)]


def each(inputs: Sequence[Input], work: Callable[[Input], None], what: str, nothing: str = "not translated") -> int:
    """`for_each` over inputs; gives the exit code. Those that are no files or folders fail before they are opened."""
    waiting = iter(inputs)

    def checked(_: Path) -> None:
        one = next(waiting)
        fault = one.fault or special_fault(one.file)
        if fault is not None:
            raise InputError(fault)
        work(one)

    return for_each([one.shown for one in inputs], checked, what, nothing)


def output_names(inputs: Sequence[Input], folder: Path, suffixes: Sequence[str]) -> dict[Path, Path]:
    """Where the results of each input go, by its `shown`: `folder/NAME`, to which each of the suffixes is added.

    Raises InputError if an input has no name, if two inputs would write the same file, or if a result would be
    written over an input. Files whose names differ in case alone are two, unless the folder takes them for one.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder for the results with -o")
    loose = _ignores_case(folder)
    names: dict[Path, Path] = {}
    taken: dict[str, Input] = {}
    for one in inputs:
        if one.fault is not None:
            continue
        if not one.name:
            raise InputError(f"{one.shown}: has no name to call the result by; give the folder of the frames itself")
        key = unicodedata.normalize("NFC", one.name).casefold() if loose else one.name
        other = taken.setdefault(key, one)
        if other is not one:
            raise InputError(
                f"{one.shown} and {other.shown}: both results would be {folder / one.name}{suffixes[0]}; "
                "put them into different folders, one call each"
            )
        names[one.shown] = folder / one.name
    _refuse_overwriting(inputs, names, suffixes)
    return names


def result_path(base: Path, suffix: str) -> Path:
    """The file of a result: a base of `output_names`, and a suffix; dots in the base stay."""
    return base.with_name(base.name + suffix)


def _refuse_overwriting(inputs: Sequence[Input], names: dict[Path, Path], suffixes: Sequence[str]) -> None:
    targets = [result_path(base, suffix) for base in names.values() for suffix in suffixes]
    existing = {place: target for target in targets if (place := _place(target)) is not None}
    for one in inputs:
        place = _place(one.file)
        target = None if place is None else existing.get(place)
        if target is not None:
            raise InputError(f"{one.file}: {target} would be written over it; give another folder with -o")


def _place(path: Path) -> tuple[int, int] | None:
    """Disk and number of an existing file, also where a folder on its way is only made later ("new/../a")."""
    try:
        found = os.stat(os.path.realpath(path))
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _ignores_case(folder: Path) -> bool:
    """Whether `a` and `A` are one file there, as on most disks of macOS and Windows."""
    place = next((p for p in (folder.absolute(), *folder.absolute().parents) if p.is_dir() and p.name), None)
    if place is None or place.name.swapcase() == place.name:
        return False
    try:
        return place.with_name(place.name.swapcase()).samefile(place)
    except OSError:
        return False
