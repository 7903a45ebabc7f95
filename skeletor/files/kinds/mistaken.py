"""What a file is that was taken for something else, told by its first bytes: a pointer of Git LFS, a web page, ..."""

from __future__ import annotations

from pathlib import Path

_HEAD = 512
_ZIP = b"PK\x03\x04"
_PACKED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}  # fmt: skip
_TABLES = {
    ".csv": "DeepLabCut, Anipose, pandas", ".tsv": "pandas", ".parquet": "pandas", ".feather": "pandas",
    ".xlsx": "a spreadsheet", ".slp": "SLEAP", ".trc": "OpenSim", ".c3d": "motion capture", ".bvh": "motion capture",
    ".mat": "MATLAB",
}  # fmt: skip
_KAGGLE = " (MediaPipe's landmarks of Kaggle's: pandas.read_parquet(FILE).to_csv('x.csv'), which is read)"
_TAR = slice(257, 262)


def never_data(head: bytes) -> str | None:
    """What a file that begins so is, and what to do, if it can be no data of any format: it stands for another file."""
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the file itself; fetch that with git lfs pull"
    if head.startswith(b"/annex/objects/"):
        return "a pointer of git-annex, not the file itself; fetch that with git annex get"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not the file itself; open it in a browser, and download what it leads to"
    return None


def table_of_points(path: Path) -> str | None:
    """What to do with a table of points as other tools write it, by the suffix of its name; None if it is none.

    Their points have names that each project chooses, so which one is which joint cannot be known.
    """
    tool = _TABLES.get(path.suffix.lower())
    if tool is None:
        return None
    return (
        f"a table of points ({tool}) is not read, since each project names its points otherwise; save x and y of each "
        "frame as an array (frames, points, 2), numpy.save, in the order of a layout that --skeleton knows"
        + (_KAGGLE if path.suffix.lower() == ".parquet" else "")
    )


def packed(head: bytes, zip_is_sound: bool = False) -> str | None:
    """The same of an archive or a packed file. zip_is_sound: the format that is expected is a zip archive itself."""
    kind = next((name for start, name in _PACKED.items() if head.startswith(start)), None)
    if kind is None and head[_TAR] == b"ustar":
        kind = "tar"
    if kind is None and head.startswith(_ZIP) and not zip_is_sound:
        kind = "zip"
    return f"packed ({kind}); unpack it, and give what is in it" if kind else None


def is_pickle(head: bytes) -> bool:
    """Whether a file begins as Python's pickles of protocol 2 to 5 do. safetensors and torch's files may, too."""
    return head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5") and head[2:3] not in (b"", b"\0")


def first_bytes(path: Path) -> bytes:
    """As many as `never_data` and `packed` look at; b"" if the file cannot be read: whoever reads it says so."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
