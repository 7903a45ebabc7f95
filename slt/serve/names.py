"""What an uploaded file is called. Names from outside are shown and never used as paths."""

from __future__ import annotations

import re
from urllib.parse import quote

from skeletor.files.suffixes import VIDEO_SUFFIXES
from skeletor.support.errors import InputError, printable
from slt.segment.written.cues import clean

POSES = (".pose", ".safetensors")  # files of poses that are taken; the other kinds are for the command line
_LONGEST = 80
_PATH = re.compile(r"[/\\]")
_ODD = re.compile(r"[^\w.-]+")


def shown_name(text: str) -> str:
    """The last part of a name that a browser sent, in one short line; "recording" if nothing of it is left."""
    name = printable(clean(_PATH.split(text)[-1]))
    return name[-_LONGEST:].strip(". ") or "recording"


def suffix_of(name: str) -> str:
    """The suffix under which an upload of that name is stored: of a known kind, or ".video", whose content decides.

    Raises InputError for files of poses that are not taken.
    """
    found = re.search(r"\.[A-Za-z0-9]{1,12}$", name)
    suffix = found[0].lower() if found else ""
    if suffix in (".skels", ".h5", ".pt", ".json", ".csv", ".tsv"):
        raise InputError(f"{name}: of files of poses only {' and '.join(POSES)} are taken here; use `slt translate`")
    return suffix if suffix in (*VIDEO_SUFFIXES, *POSES) else ".video"


def disposition(name: str, suffix: str) -> str:
    """The header by which a browser saves a result of the upload `name` as NAME + suffix (RFC 6266)."""
    base = re.sub(r"\.[A-Za-z0-9]{1,12}$", "", name) or "recording"
    plain = _ODD.sub("_", base.encode("ascii", "replace").decode("ascii")).strip("._") or "recording"
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(base + suffix, safe='')}"
