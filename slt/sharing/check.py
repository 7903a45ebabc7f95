"""`slt model check`: every file of a model folder is named, hashed, harmless and where it belongs; its weights load."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.files.kinds.pickles import unsafe_kind
from skeletor.files.outside import reading
from skeletor.files.paths import check_folder
from skeletor.poses.pose import file_sha256
from skeletor.support.errors import InputError, one_line, printable
from slt.inference.model_files import CONFIG, READ, SCORES, UNREAD, read_model_config
from slt.sharing.card import README, header_faults, read_header, read_scores

PULLED = "pulled.json"  # from where, see `slt.sharing.hub`
BESIDE = (README, ".gitattributes", PULLED)  # files that `model.yaml` does not name: no program reads them
KNOWN = frozenset((*READ, *UNREAD, *BESIDE, CONFIG))
_LONGEST = 300
_TEXTS = (CONFIG, README, *UNREAD, "vocabulary.txt")
_LARGEST_TEXT = 64 << 20  # bytes


@dataclass(frozen=True)
class Checked:
    """What a check found. faults: one line each; empty if all is well. bytes: of all files. header: of README.md."""

    files: int
    bytes: int
    faults: tuple[str, ...]
    header: Mapping[str, Any]


def check_model(folder: Path, load: bool = True) -> Checked:
    """Check a model folder, whoever it came from. Nothing of it is loaded before all its files are sound.

    load: whether to load the weights then. Raises InputError if there is no such folder.
    """
    check_folder(folder, "a model folder, as `slt run` or `slt model pull` writes it")
    paths = sorted(folder.iterdir())
    faults = [fault for path in paths for fault in _entry_faults(path)]
    faults += _listed_faults(folder)
    header, missing = _header(folder)
    faults += missing + _scores_faults(folder / SCORES)
    if load and not faults:
        faults += _load_faults(folder)
    plain = [path for path in paths if _is_plain(path)]
    return Checked(len(plain), sum(path.stat().st_size for path in plain), tuple(dict.fromkeys(faults)), header)


def require_sound(folder: Path, load: bool = True) -> Checked:
    """The same. Raises InputError, one line, for the first of its faults."""
    found = check_model(folder, load)
    if found.faults:
        more = f" (and {len(found.faults) - 1} more)" if len(found.faults) > 1 else ""
        raise InputError(f"{folder}: {found.faults[0]}{more}; `slt model check` tells all")
    return found


def _is_plain(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _entry_faults(path: Path) -> Iterator[str]:
    """What is wrong with one entry of the folder, by itself."""
    name = printable(path.name)
    if path.is_symlink():
        yield f"{name}: is a link; a model holds its files themselves"
    elif path.is_dir():
        yield f"{name}: is a folder; a model has none"
    elif not _is_plain(path):
        yield f"{name}: is a pipe or a device"
    else:
        try:
            kind = unsafe_kind(path)
        except OSError as error:
            yield f"{name}: cannot be read ({error.strerror})"
            return
        if kind is not None:
            yield f"{name}: is {kind}; weights are .safetensors"
        elif path.name in _TEXTS and not _is_text(path):
            yield f"{name}: is no text in UTF-8"


def _is_text(path: Path) -> bool:
    if path.stat().st_size > _LARGEST_TEXT:
        return False
    try:
        return "\0" not in path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return False


def _listed_faults(folder: Path) -> Iterator[str]:
    """What is wrong between the folder and its `model.yaml`: names, hashes, paths."""
    try:
        files: Mapping[str, str] = read_model_config(folder)["files"]
    except InputError as error:
        yield _short(error, folder)
        return
    for name in (path.name for path in sorted(folder.iterdir())):
        if name not in files and name not in (CONFIG, *BESIDE):
            yield f"{printable(name)}: is not named in {CONFIG}, so nobody vouches for it"
    for name, digest in files.items():
        path, shown = folder / name, printable(name)
        if name not in KNOWN:
            yield f"{shown}: is no file that this program reads"
        if not path.exists() and not path.is_symlink():
            yield f"{shown}: is named in {CONFIG} and missing"
        elif not path.is_symlink() and path.is_file() and file_sha256(path) != digest:
            yield f"{shown}: is not the file that {CONFIG} names (another SHA-256): damaged, or exchanged"


def _header(folder: Path) -> tuple[Mapping[str, Any], list[str]]:
    """The header of the card, and what is wrong with it."""
    path = folder / README
    if not path.is_symlink() and not path.exists():
        return {}, [f"{README}: is missing, the card that the Hub reads; `slt model export` writes it"]
    if not _is_plain(path) or not _is_text(path):
        return {}, []  # told already, of the entry
    try:
        header = read_header(path.read_text(encoding="utf-8"))
    except InputError as error:
        return {}, [str(error)]
    return header, header_faults(header)


def _scores_faults(path: Path) -> list[str]:
    """Whether scores.json holds scores, if it is a file."""
    try:
        if path.exists() and _is_plain(path):
            read_scores(path)
    except InputError as error:
        return [_short(error, path.parent)]
    return []


def _load_faults(folder: Path) -> list[str]:
    """Why the model cannot be loaded, or nothing. By weights alone: no estimator has to be installed."""
    from safetensors import safe_open

    from slt.inference.chain import load_chain

    try:
        for path in sorted(folder.glob("*.safetensors")):  # those that its config does not use, too
            with reading(path, "safetensors file"), safe_open(path, framework="np"):
                pass
        load_chain(folder, estimator="poses", device="cpu")
    except InputError as error:
        return [_short(error, folder)]
    return []


def _short(error: InputError, folder: Path) -> str:
    """The line of an error without the folder, which is told once."""
    return one_line(error, _LONGEST).replace(f"{folder}/", "").removeprefix(f"{folder}: ")
