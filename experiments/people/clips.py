"""Recordings of real people as 2D poses, with what is signed in each and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.people.config import SetConfig
from skeletor.files.read_only.npz import read_arrays
from skeletor.io.formats import read_poses
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from skeletor.support.progress import log

FEW = 5  # people; with fewer, intervals are over clips and every person is a column


@dataclass(frozen=True, eq=False)
class People:
    """poses: N clips, 2D on SIGNING_50, NaN where missing. labels, people: (N,) numbers; labels is empty if the file
    has none. names: of the people. digest: of the file."""

    name: str
    poses: list[PoseSequence]
    labels: np.ndarray
    people: np.ndarray
    names: list[str]
    digest: str

    @property
    def few(self) -> bool:
        """Whether there are too few people to draw from them."""
        return len(self.names) < FEW

    def take(self, clips: np.ndarray) -> People:
        """Some of the clips, by their numbers."""
        labels = self.labels[clips] if len(self.labels) else self.labels
        poses = [self.poses[k] for k in clips]
        return People(self.name, poses, labels, self.people[clips], self.names, self.digest)


def read_people(config: SetConfig) -> People:
    """The clips of a set. InputError if the file is not there, or labels and people do not fit its clips.

    Clips in which neck and shoulders are never seen cannot be lifted and are left out for all rows, with a warning.
    """
    size = None if config.size is None else (config.size[0], config.size[1])
    poses = list(read_poses(config.file, config.fps, config.skeleton, size).values())
    arrays = read_arrays(config.file) if config.file.lower().endswith(".npz") else {}
    _, labels = _numbers(arrays, config.label, len(poses), config.file)
    names, people = _numbers(arrays, config.person, len(poses), config.file)
    flat = [pose.to_skeleton(SIGNING_50) for pose in poses]
    whole = np.array([_somebody(pose) for pose in flat])
    if not whole.all():
        log.warning("%s: %d clips without neck and shoulders are left out", config.name, int((~whole).sum()))
    kept = np.flatnonzero(whole)[:: config.every]
    if not len(kept):
        raise InputError(f"{config.file}: no clip has neck and shoulders")
    if not len(names):
        names, people = ["all"], np.zeros(len(poses), int)
    found = People(config.name, flat, labels, people, names, file_sha256(Path(config.file)))
    return found.take(kept)


def _numbers(arrays: dict[str, np.ndarray], name: str, clips: int, file: str) -> tuple[list[str], np.ndarray]:
    """Distinct values as text, in order, and the number of each clip's; both empty without a name."""
    if not name:
        return [], np.zeros(0, int)
    values = arrays.get(name)
    if values is None or values.shape != (clips,):
        shape = "there is none" if values is None else f"it has shape {values.shape}"
        raise InputError(f"{file}: expected an array {name!r} of a value for each of {clips} clips; {shape}")
    found, numbers = np.unique(values, return_inverse=True)
    return [str(value) for value in found], numbers.reshape(-1)


def _somebody(pose: PoseSequence) -> bool:
    needed = [SIGNING_50.index(joint) for joint in ("neck", "left_shoulder", "right_shoulder")]
    return bool((~pose.missing[:, needed]).all(1).any())
