"""What the shipped refiner learns from: recordings of people, and the files of poses in a wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from experiments.people.clips import People, read_people
from experiments.people.harmless.config import HarmlessExperiment
from skeletor.files.outside import check_unfolded, existing_file, listed, reading
from skeletor.io.formats import read_pose
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

_WHEEL = "wheel of spoken-to-signed"


def read_sources(config: HarmlessExperiment) -> tuple[People, People]:
    """The recordings and the wheel's clips, 2D on SIGNING_50. InputError, one line, if one of them is not there."""
    for file, help_ in (
        (config.recordings.file, "name a file with --set recordings.file=FILE"),
        (config.wheel, f"pip download spoken-to-signed==0.4.0 --no-deps -d {Path(config.wheel).parent}"),
    ):
        if not Path(file).is_file():
            raise InputError(f"{file}: no such file; {help_}")
    return read_people(config.recordings), read_wheel(Path(config.wheel))


def read_wheel(path: Path) -> People:
    """The files of poses in a wheel, in the order of their names; the people are the folders, which are languages.

    InputError, one line, if it is no wheel, is damaged, or holds no poses.
    """
    path = existing_file(path, _WHEEL)
    with reading(path, _WHEEL), zipfile.ZipFile(path) as archive, TemporaryDirectory() as folder:
        members = sorted((m for m in listed(path, archive) if m.filename.endswith(".pose")), key=lambda m: m.filename)
        check_unfolded(path, sum(member.file_size for member in members))
        poses = [_pose(archive.read(member), Path(folder) / "clip.pose", member.filename) for member in members]
    if not poses:
        raise InputError(f"{path}: holds no .pose files; expected the {_WHEEL}")
    names, numbers = np.unique([Path(m.filename).parent.name for m in members], return_inverse=True)
    empty = np.zeros(0, int)
    return People("spoken-to-signed", poses, empty, numbers.reshape(-1), [str(n) for n in names], file_sha256(path))


def _pose(data: bytes, file: Path, name: str) -> PoseSequence:
    """The pose of a member of the archive, by way of a file."""
    file.write_bytes(data)
    try:
        return read_pose(file).to_skeleton(SIGNING_50)
    except InputError as error:
        raise InputError(str(error).replace(str(file), name)) from error
