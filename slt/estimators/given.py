"""Poses that are given as files, as the chain takes them: which clips there are, and each of them on SIGNING_50."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from unicodedata import normalize

from skeletor.io.formats import read_poses
from skeletor.io.people import Take, select
from skeletor.io.rates import RateTeller
from skeletor.io.read_only.arrays import Size
from skeletor.poses.key_frames import thin
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from slt.estimators.base import finish, source_sha256
from slt.estimators.pose_files import PosesEstimator


class PoseFiles:
    """Clips of files of poses as the files have them, by file and name.

    fps: replaces what the files say, None leaves it (25 where a file says nothing). skeleton: the name of the layout
    of files that do not tell theirs. size: (width, height) of the picture, for arrays of shares of it. take: who is
    read of several people. The file that was read last is kept: clips of one file come one after the other. That a rate
    is assumed is told once.
    """

    def __init__(
        self, fps: float | None = None, skeleton: str | None = None, size: Size | None = None, take: Take = select
    ) -> None:
        self.fps, self.skeleton, self.size, self._take = fps, skeleton, size, take
        self._told_rate = RateTeller()
        self._last: tuple[Path, Mapping[str, PoseSequence]] | None = None

    def clips(self, path: Path) -> Mapping[str, PoseSequence]:
        """All clips of a file by name; InputError if it cannot be read, or holds none."""
        if self._last is None or self._last[0] != path:
            self._last = None
            poses = read_poses(path, self.fps, self.skeleton, self.size, self._take)
            if not poses:
                raise InputError(f"{path}: holds no clips")
            self._last = path, self._told_rate.each(poses, path)
        return self._last[1]

    def read(self, path: Path, clip: str | None = None) -> PoseSequence:
        """The clip of that name, or the only one; InputError if that is not clear."""
        poses = self.clips(path)
        if clip is None and len(poses) == 1:
            clip = next(iter(poses))
        elif clip is not None and clip not in poses:  # the same letters, composed in another way
            clip = next((name for name in poses if normalize("NFC", name) == normalize("NFC", clip)), clip)
        if clip is None or clip not in poses:
            some = ", ".join(list(poses)[:5]) + (", ..." if len(poses) > 5 else "")
            which = "choose one with --clip NAME" if clip is None else f"none is called {clip!r}"
            raise InputError(f"{path}: holds {len(poses)} clips, {which}: {some}")
        return poses[clip]

    def choose(self, path: Path, clip: str | None) -> Mapping[str, PoseSequence]:
        """The clip of that name alone, or all clips if it is None."""
        return self.clips(path) if clip is None else {clip: self.read(path, clip)}


class GivenPoses:
    """Clips of `files` on SIGNING_50, 2D or 3D as they are, with the record of the file that they come from.

    stride: all but every N-th frame of 2D poses are dropped, as if they had not been estimated.
    """

    def __init__(self, files: PoseFiles | None = None, stride: int = 1) -> None:
        self.files = files or PoseFiles()
        self._stride = stride
        self._digest: tuple[Path, str] | None = None

    def __call__(self, path: Path, clip: str | None = None) -> PoseSequence:
        """The clip of that name, or the only one of the file."""
        pose = self.files.read(path, clip)
        if self._digest is None or self._digest[0] != path:
            self._digest = path, source_sha256(path)
        stride = self._stride if pose.dims == 2 else 1
        reader = PosesEstimator(self.files.fps, stride, self.files.skeleton, self.files.size)
        return finish(thin(pose, stride), reader, self._digest[1])
