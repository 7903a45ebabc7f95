"""Kinds of files by the suffixes of their names."""

from __future__ import annotations

import os
from pathlib import Path

# What `skeletor.io.formats` reads as files of poses, and takes for a video's name.
POSE_SUFFIXES = (".safetensors", ".pose", ".skels", ".h5", ".pt", ".npy", ".npz")
# Poses of a whole recording in one file; most files of that name are something else, so no folder is searched for them.
_JSON = ".json"
_TABLES = (".csv", ".tsv")  # of MediaPipe's landmarks; likewise
_MANY = 2
_HEAD = 1 << 16  # bytes of a file of JSON that tell what it is of
_WORDS = (b'"people"', b"keypoints", b'"instances"', b"andmarks")  # of which one stands in a frame of poses
_NOBODY = (b"[]", b"{}", b"null", b"")  # frames before a person comes, as tools of a file a frame write them
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
# FFmpeg tells the format by the content; these are the names that videos have.
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".avi", ".divx", ".mkv", ".webm", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts",
    ".vob", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".ogg", ".mxf", ".dv", ".gif", ".mjpeg", ".mjpg",
    ".h264", ".264", ".h265", ".265", ".hevc", ".y4m", ".mod", ".tod", ".m1v", ".ivf", ".rm", ".rmvb", ".wtv",
)  # fmt: skip


def bare_name(path: Path) -> str:
    """A file's name without the suffix of a video or of poses. Other dots belong to the name ("P01.S02.T01").

    A folder's name is taken whole; "." and ".." give the name of the folder that they stand for.
    "" for the root of a file system.
    """
    name = path.name if path.name not in ("", "..") else path.resolve().name
    suffix = path.suffix.lower()
    if suffix in (*VIDEO_SUFFIXES, *POSE_SUFFIXES, _JSON, *_TABLES) and not os.path.isdir(path):
        return name[: -len(suffix)]
    return name


def is_poses(path: Path) -> bool:
    """Whether an input is poses, not pictures: a file of poses, or a folder with JSON files and without pictures.

    Where there are both, numbered JSON files that speak of poses are the frames if there is one picture, which is no
    video, or few (`_MANY` times as many files): previews. Pictures that OpenPose draws ("_rendered") do not count.
    False if it cannot be read; whoever opens it raises the error.
    """
    if path.suffix.lower() in (*POSE_SUFFIXES, _JSON, *_TABLES) and os.path.isfile(path):
        return True
    try:
        names = [entry.name.lower() for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError:  # no folder, or one that cannot be read: whoever opens it says so
        return False
    files = [name for name in names if name.endswith(_JSON)]
    pictures = [name for name in names if name.endswith(PICTURE_SUFFIXES)]
    if not pictures or not files:
        return bool(files)
    count, shown = len(poses_beside(path)), sum("_rendered." not in name for name in pictures)
    return count > (_MANY * shown if shown > 1 else 0)


def poses_beside(folder: Path) -> list[str]:
    """Names of the numbered JSON files of a folder, if the first one of them with content speaks of poses; else none.

    Raises OSError if the folder cannot be read.
    """
    found = sorted(
        entry.name for entry in folder.iterdir()
        if entry.name[0] != "." and entry.name.lower().endswith(_JSON) and any(c.isdigit() for c in entry.name)
    )  # fmt: skip
    for name in found:
        try:
            with (folder / name).open("rb") as file:
                head = file.read(_HEAD)
        except OSError:
            return []
        if head.strip() not in _NOBODY:
            return found if any(word in head for word in _WORDS) else []
    return []
