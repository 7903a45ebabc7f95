"""Where shards lie: files below a folder, or below a URL that fsspec opens. Only parts of them are read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from skeletor.files.outside import existing_file, reading
from skeletor.learning.data.frame_store import is_packed
from skeletor.support.errors import InputError, MissingDependency

_NAMES = "[!.]*.safetensors"  # hidden ones are what writers that were killed, or are at work, have begun
BUFFER = 512  # clips of shards that are in memory at a time
_WHAT = "shard of poses"


@dataclass(frozen=True)
class ShardFile:
    """A file of a place. name: its path there. stamp: changes when the file does (its time, or its tag)."""

    name: str
    size: int
    stamp: str


@dataclass(frozen=True)
class Piece:
    """Bytes begin <= b < end of the file called `name`."""

    name: str
    begin: int
    end: int


class Place(Protocol):
    """Files that can be read in parts. Errors are InputError, one line with the file's name."""

    def files(self) -> list[ShardFile]:
        """All files of poses, in the order of their names."""

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        """The bytes of each piece, which is all there."""

    def full_name(self, name: str) -> str:
        """How a file is told to a person."""


@dataclass(frozen=True)
class Folder:
    """Files below a folder, on a disk or on a network file system; or one file."""

    root: Path

    def files(self) -> list[ShardFile]:
        """See `Place`."""
        with reading(self.root, _WHAT):
            found = sorted(self.root.rglob(_NAMES)) if self.root.is_dir() else [self.root]
            listed = []
            for path in found:
                status = existing_file(path, _WHAT).stat()
                name = path.relative_to(self.root).as_posix() if path != self.root else ""
                listed.append(ShardFile(name, status.st_size, str(status.st_mtime_ns)))
        return listed

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        """See `Place`."""
        found = []
        for piece in pieces:
            path = self.root / piece.name
            with reading(path, _WHAT), open(path, "rb") as file:
                file.seek(piece.begin)
                found.append(_whole(file.read(piece.end - piece.begin), piece))
        return found

    def full_name(self, name: str) -> str:
        """See `Place`."""
        return str(self.root / name)


@dataclass(frozen=True)
class Remote:
    """Files below a URL. store, root: the file system of fsspec, and the path in it."""

    url: str
    store: Any
    root: str

    @staticmethod
    def of(url: str) -> Remote:
        """InputError, one line, if the URL cannot be opened; MissingDependency if fsspec or its part for it is not
        installed."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MissingDependency(f"{url}: needs fsspec; pip install 'skeletor-slt[remote]'") from error
        try:
            with reading(url, _WHAT):
                store, root = url_to_fs(url)
        except ImportError as error:
            raise MissingDependency(f"{url}: {error}; install the package that fsspec names for it") from error
        return Remote(url.rstrip("/"), store, root)

    def files(self) -> list[ShardFile]:
        """See `Place`."""
        with self._reading(""):
            found = self.store.find(self.root, detail=True)
            one = {self.root: found[self.root]} if self.root in found else {}
            shards = [path for path in found if fnmatchcase(path.rpartition("/")[2], _NAMES)]
            chosen = one or {path: found[path] for path in shards}
            return [
                ShardFile(path[len(self.root) :].lstrip("/"), int(about["size"]), _stamp(about))
                for path, about in sorted(chosen.items())
            ]

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        """See `Place`; all at once, where the store can do that."""
        if not pieces:
            return []
        paths = [f"{self.root}/{piece.name}" if piece.name else self.root for piece in pieces]
        begins, ends = [piece.begin for piece in pieces], [piece.end for piece in pieces]
        with self._reading(""):
            found = self.store.cat_ranges(paths, begins, ends, on_error="return")
        for piece, data in zip(pieces, found, strict=True):
            with self._reading(piece.name):
                if isinstance(data, Exception):
                    raise data
                _whole(data, piece)
        return list(found)

    def full_name(self, name: str) -> str:
        """See `Place`."""
        return f"{self.url}/{name}" if name else self.url

    def _reading(self, name: str) -> AbstractContextManager[None]:
        return reading(self.full_name(name), _WHAT)


def open_place(text: str) -> Place:
    """The place of a path or a URL (`s3://bucket/poses`). Errors as of `Remote.of`."""
    return Remote.of(text) if is_url(text) else Folder(Path(text))


def is_url(text: str) -> bool:
    """Whether fsspec opens it, and not the file system."""
    return "://" in text


def stream_buffer(data: Sequence[str], given: int | None) -> int | None:
    """How many clips of training data are in memory at a time; None: they are read at once.

    given: what the config says; without it 512 for URLs and folders of `slt shards`. InputError for a store of
    `skeletor pack` among them, which is read as it is needed anyway.
    """
    folders = [Path(text) for text in data if not is_url(text)]
    if given or any(map(is_url, data)) or any((folder / "shards").is_dir() for folder in folders):
        packed = next((folder for folder in folders if is_packed(folder)), None)
        if packed is not None:
            raise InputError(f"{packed}: is packed, and stands alone, without `buffer`; give it or shards")
        return given or BUFFER
    return None


def _whole(data: bytes, piece: Piece) -> bytes:
    if len(data) != piece.end - piece.begin:
        raise ValueError(f"ends within bytes {piece.begin} to {piece.end}, it was longer before")
    return data


def _stamp(about: dict[str, Any]) -> str:
    names = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
    return next((str(about[name]) for name in names if about.get(name) is not None), "")
