"""The header of one shard of poses: which clips it has, of what form, and at which bytes of the file they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skeletor.files.outside import checked_fps
from skeletor.files.tensors import TensorPlace, parse_header
from skeletor.io.native import FLOATS, ShardAbout
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.poses.turns import check_one_signer
from skeletor.support.errors import InputError

Run = tuple[int, int]  # bytes begin <= b < end of a file
_NORMALISED = ("pixel", "metre")  # units of poses that are normalised before use


@dataclass(frozen=True)
class CommonForm:
    """What all clips have in common when they are used."""

    skeleton: Skeleton
    dims: int
    fps: float
    units: str


@dataclass(frozen=True)
class ClipPlace:
    """name, keypoints (T, J, D), confidence (T, J): of one clip of a shard."""

    name: str
    keypoints: TensorPlace
    confidence: TensorPlace

    @property
    def frames(self) -> int:
        """T."""
        return self.keypoints.shape[0]


@dataclass(frozen=True)
class ShardHeader:
    """What a shard says of its clips, and where they lie, in that order; without the empty ones."""

    about: ShardAbout
    clips: tuple[ClipPlace, ...]

    @staticmethod
    def of(start: bytes, size: int) -> ShardHeader:
        """Raises as `parse_header` and `ShardAbout.of`, or InputError if a clip has no poses."""
        metadata, places = parse_header(start, size)
        about = ShardAbout.of(metadata, places.keys())
        clips = [ClipPlace(name, places[f"{name}/keypoints"], places[f"{name}/confidence"]) for name in about.clips]
        for clip in clips:
            joints, shape = clip.confidence.shape, clip.keypoints.shape
            if len(shape) != 3 or shape[:2] != joints or not {clip.keypoints.dtype, clip.confidence.dtype} <= {*FLOATS}:
                raise InputError(f"clip {clip.name!r} holds no poses: {clip.keypoints}, {clip.confidence}")
        kept = sorted((clip for clip in clips if clip.frames), key=lambda clip: clip.keypoints.begin)
        return ShardHeader(about, tuple(kept))

    def form(self, clip: ClipPlace, name: str) -> CommonForm:
        """The form of a clip when it is used. name: of the file, for the InputError if several people sign in it."""
        about = self.about.form(clip.name)
        check_one_signer(about.provenance, clip.frames, f"{name}: {clip.name}")
        units = "shoulder" if about.provenance.units in _NORMALISED else about.provenance.units
        fps = checked_fps(name, about.fps)
        return CommonForm(about.skeleton, clip.keypoints.shape[2], fps, units)

    def pose(self, clip: ClipPlace, found: dict[Run, bytes]) -> PoseSequence:
        """A clip, from the bytes of `runs_of` it and others. Raises as `ShardAbout.form` and `PoseSequence`."""
        keypoints, confidence = (_array(place, found) for place in (clip.keypoints, clip.confidence))
        about = self.about.form(clip.name)
        return PoseSequence(keypoints, confidence, about.fps, about.skeleton, about.provenance)


def runs_of(clips: Sequence[ClipPlace]) -> list[Run]:
    """The bytes of clips; what lies side by side is one run."""
    runs: list[Run] = []
    places = [place for clip in clips for place in (clip.keypoints, clip.confidence)]
    for begin, end in sorted((place.begin, place.end) for place in places):
        if runs and begin == runs[-1][1]:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((begin, end))
    return runs


def _array(place: TensorPlace, found: dict[Run, bytes]) -> np.ndarray:
    begin, end = next((begin, end) for begin, end in found if begin <= place.begin and place.end <= end)
    return place.array(found[begin, end][place.begin - begin : place.end - begin])
