"""What every 2D estimator is, where it registers itself, and what all share: the trail in the provenance."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import Field

from skeletor.poses.begins import begins, begun, of_part
from skeletor.poses.key_frames import LONGEST_STRIDE, pose_stride
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.span import Span
from skeletor.support.config import Config
from skeletor.support.errors import InputError, printable
from skeletor.support.registry import Registry
from slt.video.base import Video, check_regular

STAGE = "estimate"
# Raise it when a change here or in an estimator changes its output.
STAGE_VERSION = "1"
USUAL_FPS = 25.0  # of sources that do not tell theirs
POSES, JSON = "poses", "openpose-json"  # estimators that read what others estimated


class Estimator(Protocol):
    """From a source (video, directory, file of poses) to the signer's 2D pose.

    name: as in the config. version: of the software behind it. options: all else that decides the output.
    """

    name: str
    version: str
    options: Mapping[str, Any]

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """The signer on SIGNING_50, (T, 50, 2), one entry a frame of the source, none left out.

        span: only that part of the source; it is given only where there is one. A frame without a signer is all NaN.
        The provenance names the source, its SHA-256, the estimator and its version, and ends with the stage `estimate`
        (`record`). Raises InputError if the source cannot be read, or the part is not within it.
        """
        ...


Look = Callable[[np.ndarray, int], None]
Tell = Callable[[int, PoseSequence], None]


class Follower(Protocol):
    """An estimator that can also take pictures one by one, as they come."""

    name: str
    version: str
    options: Mapping[str, Any]

    def load(self) -> None:
        """Load the models now, so that the first picture does not wait for them."""
        ...

    def follow(self, source: str, fps: float, tell: Tell) -> AbstractContextManager[Look]:
        """For the block, a function that takes a picture (H, W, 3) uint8 RGB and its number.

        Numbers rise, and tell the time (number / fps seconds). tell: is called with each number and the signer in that
        picture, in the same order, by any one thread at a time: before the function returns, or later, at the latest
        when the block ends (unless it ends with an error). The pose is one frame of what the estimator gives for a file
        of these pictures: (1, 50, 2) pixels on SIGNING_50, NaN for what is missing. source: a name, for the provenance.
        The block and all calls belong to one thread. The function waits where pictures come too fast, and raises what
        went wrong since the last call, in `tell` too.
        """
        ...


class EstimateOptions(Config):
    """What the options of every estimator have.

    local: names of those that hold for one machine alone (places of files, a device).
    """

    local: ClassVar[frozenset[str]] = frozenset()

    name: str
    fps: float | None = Field(
        None, gt=0, le=240, description="frame rate of sources that do not tell theirs (frames, JSON); default 25"
    )
    pose_stride: int = Field(
        1,
        ge=1,
        le=LONGEST_STRIDE,
        description="look at every N-th frame only; the others are missing",
    )

    def files(self) -> Mapping[str, Path]:
        """The files of weights that are used, by option. They decide the results by their bytes, not by their names."""
        return {}

    def portable(self) -> dict[str, Any]:
        """Plain values of all options but the local ones."""
        return self.model_dump(mode="json", exclude=set(self.local))


ESTIMATORS: Registry[EstimateOptions, Estimator] = Registry(EstimateOptions, "name", default="mediapipe")


def source_sha256(source: Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of the files of a directory, in order of name.

    InputError if there is nothing at that path, or a pipe (what is read from it here would be gone).
    """
    try:
        if not source.is_dir():
            check_regular(source)
            return file_sha256(source)
        digest = hashlib.sha256()
        for file in sorted(source.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                digest.update(f"{file.name}\0{file_sha256(file)}\n".encode())
        return digest.hexdigest()
    except OSError as error:
        raise InputError(
            f"{source}: cannot be read ({error.strerror}); give a file or directory that exists"
        ) from error


def layout_option(skeleton: str | None) -> dict[str, Any]:
    """The option of an estimator whose points were given a layout by name; nothing if they tell it themselves."""
    return {} if skeleton is None else {"skeleton": skeleton}


def record(estimator: Estimator, sha256: str, span: Span | None = None) -> StageRecord:
    """How `estimator` treats that part of a source with that hash; two equal records mean equal output."""
    config = {"estimator": estimator.name, "version": estimator.version, "source_sha256": sha256}
    part = {} if span is None else {"start": span.start, "end": span.end}
    return StageRecord(STAGE, STAGE_VERSION, config | dict(estimator.options) | part)


def finish(pose: PoseSequence, estimator: Estimator, sha256: str, span: Span | None = None) -> PoseSequence:
    """The pose on SIGNING_50, with the record of how it was made."""
    return pose.to_skeleton(SIGNING_50).replace(stage=record(estimator, sha256, span))


def cut(pose: PoseSequence, span: Span | None, source: Path) -> PoseSequence:
    """The frames of a part of a file of poses; the pose itself for None. Of sparse 2D it begins with its first key
    frame, by which the others are found. InputError if it is not within the file, or no frame of it was looked at.
    """
    if span is None:
        return pose
    try:
        part = span.frames(pose.fps, len(pose), begins(pose.provenance))
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    stride = pose_stride(pose)
    first = -(-part.start // stride) * stride
    if first >= part.stop:
        raise InputError(f"{source}: the part from {span} holds no frame that was looked at (1 in {stride} was)")
    found = pose.frames(first, part.stop)
    return dataclasses.replace(found, provenance=of_part(found.provenance))


def seen(estimator: Estimator, source: Path, sha256: str, size: tuple[int, int], late: float = 0.0) -> Provenance:
    """Provenance of a pose that was found in pictures of `size` (width, height). late: the video's `begins`."""
    plain = Provenance(printable(source.name), sha256, estimator.name, estimator.version, size, "pixel")
    return begun(plain, late)


def seen_in(estimator: Estimator, source: Path, sha256: str, video: Video) -> Provenance:
    """Provenance of a pose that was found in a video; a frame rate that was only assumed stands in it."""
    about = seen(estimator, source, sha256, (video.width, video.height), video.begins)
    assumed = StageRecord("frame_rate", config={"fps": video.fps, "by": "default"})
    return about.then(assumed) if video.rate_assumed else about
