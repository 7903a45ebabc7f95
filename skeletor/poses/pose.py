"""`PoseSequence`, the one type that all stages take and give."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.poses.skeleton import Skeleton, mapping
from skeletor.support.errors import InputError

# What a pose may hold. Coordinates: pixels of the largest pictures are below a hundred thousand. Frame rates: 25 fps of
# which every 50th frame is left, and the fastest cameras; what files may say is narrower (skeletor.io.formats).
LARGEST_COORDINATE = 1e6
LOWEST_FPS, HIGHEST_FPS = 0.02, 1000.0
UNITS = ("pixel", "shoulder", "metre", "unknown")


@dataclass(frozen=True)
class StageRecord:
    """One processing step that a pose sequence went through, with what is needed to repeat it."""

    name: str
    version: str = "1"
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """Where a pose sequence comes from.

    source: file name; sha256: hex digest of that file, "" if unknown; estimator and its version;
    image_size: (width, height) in pixels; units of the coordinates; stages in order of application.
    """

    source: str = ""
    sha256: str = ""
    estimator: str = ""
    estimator_version: str = ""
    image_size: tuple[int, int] | None = None
    units: str = "unknown"
    stages: tuple[StageRecord, ...] = ()

    def __post_init__(self) -> None:
        if self.units not in UNITS:
            raise InputError(f"provenance: units {self.units!r} is none of {', '.join(UNITS)}")

    def then(self, stage: StageRecord, units: str | None = None) -> Provenance:
        """This provenance with one more stage, and with new units ("pixel", "shoulder", "metre") if given."""
        return dataclasses.replace(self, stages=(*self.stages, stage), units=units or self.units)

    def stage(self, name: str) -> StageRecord | None:
        """The last stage of that name, or None if there is none."""
        return next((s for s in reversed(self.stages) if s.name == name), None)

    def to_json(self) -> str:
        """A JSON text that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Provenance:
        """Inverse of `to_json`; InputError if the text is not such a JSON."""
        try:
            raw = json.loads(text)
            stages = tuple(StageRecord(**s) for s in raw.pop("stages"))
            size = raw.pop("image_size")
            return Provenance(stages=stages, image_size=tuple(size) if size else None, **raw)
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"provenance cannot be read: {error}") from error


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """Joints over time.

    keypoints: (T, J, D) float32, D = 2 or 3, none above 1e6; x to the right of the picture, y down, z towards the
    camera. confidence: (T, J) float32 in [0, 1]. fps: frames per second, from 0.02 to 1000.
    A missing joint is NaN in all its coordinates and has confidence 0. (The converse need not hold:
    a stage may infer a position that nobody saw, and leaves its confidence at 0.)
    Checked when made; raises InputError with the reason. The arrays are not to be written to.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    fps: float
    skeleton: Skeleton
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        keypoints = np.asarray(self.keypoints, np.float32)
        confidence = np.asarray(self.confidence, np.float32)
        object.__setattr__(self, "keypoints", keypoints)
        object.__setattr__(self, "confidence", confidence)
        problem = _problem(keypoints, confidence, self.fps, self.skeleton)
        if problem:
            where = f"{self.provenance.source}: " if self.provenance.source else ""
            raise InputError(f"{where}not a pose sequence: {problem}")

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def dims(self) -> int:
        """Number of coordinates D of a joint, 2 or 3."""
        return int(self.keypoints.shape[2])

    @property
    def missing(self) -> np.ndarray:
        """(T, J) bool, True where a joint is missing."""
        missing: np.ndarray = np.isnan(self.keypoints[:, :, 0])
        return missing

    @property
    def seconds(self) -> float:
        """Duration in seconds, T / fps."""
        return len(self) / self.fps

    def replace(
        self,
        keypoints: np.ndarray | None = None,
        confidence: np.ndarray | None = None,
        fps: float | None = None,
        stage: StageRecord | None = None,
        units: str | None = None,
    ) -> PoseSequence:
        """A copy with other values and, if given, one more stage in its provenance.

        keypoints: (T, J, D). confidence: (T, J). fps: frames per second. units: of the new coordinates. Raises
        InputError if the result is no valid pose, see the class.
        """
        provenance = self.provenance.then(stage, units) if stage else self.provenance
        if units and not stage:
            provenance = dataclasses.replace(provenance, units=units)
        return PoseSequence(
            self.keypoints if keypoints is None else keypoints,
            self.confidence if confidence is None else confidence,
            self.fps if fps is None else fps,
            self.skeleton,
            provenance,
        )

    def frames(self, start: int, stop: int) -> PoseSequence:
        """Frames start <= t < stop as a pose (stop - start, J, D); bounds beyond the ends are cut as in a slice."""
        return self.replace(self.keypoints[start:stop], self.confidence[start:stop])

    def to_skeleton(self, target: Skeleton) -> PoseSequence:
        """The same motion on another skeleton of K joints: (T, J, D) to (T, K, D), joints matched by name.

        A joint that is the mean of several takes their lowest confidence, and is missing if one of them is.
        """
        if target == self.skeleton:
            return self
        weights = mapping(self.skeleton, target)  # (K, J)
        used = weights > 0
        gone = used @ self.missing.T.astype(np.float32) > 0  # (K, T)
        gone |= ~used.any(1, keepdims=True)
        keypoints = np.einsum("kj,tjd->tkd", weights, np.nan_to_num(self.keypoints))
        keypoints[gone.T] = np.nan
        confidence = np.stack(
            [self.confidence[:, row].min(1) if row.any() else np.zeros(len(self), np.float32) for row in used],
            1,
        )  # (T, K)
        confidence[gone.T] = 0
        record = StageRecord("map", config={"from": self.skeleton.name, "to": target.name})
        return PoseSequence(keypoints, confidence, self.fps, target, self.provenance.then(record))

    def resample(self, fps: float, frames: int | None = None, stride: int = 1) -> PoseSequence:
        """The same motion at another frame rate: (T, J, D) to (frames, J, D), by default max(1, round(T * fps /
        self.fps)) of them.

        Interpolates linearly between observed frames. A new frame of which the two neighbours are not both observed
        takes the nearer one as it is. stride: each frame was the first of so many, the others are left out
        (`skeletor.poses.key_frames`): its joints belong to the beginning of its time, not to all of it.
        """
        if len(self) == 0 or (fps == self.fps and stride == 1):
            return self.replace(fps=fps)
        length = max(1, round(len(self) * fps / self.fps)) if frames is None else frames
        position = np.clip((np.arange(length) + 0.5) * self.fps / fps - 0.5 / stride, 0, len(self) - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, len(self) - 1)
        share = (position - low).astype(np.float32)[:, None]  # (T', 1)
        nearest = np.where(share[:, 0] < 0.5, low, high)
        keypoints = self.keypoints[low] * (1 - share[..., None]) + self.keypoints[high] * share[..., None]
        confidence = self.confidence[low] * (1 - share) + self.confidence[high] * share
        partial = np.isnan(keypoints[:, :, 0])
        keypoints[partial] = self.keypoints[nearest][partial]
        confidence[partial] = self.confidence[nearest][partial]
        return self.replace(keypoints, confidence, fps, StageRecord("resample", config={"from": self.fps, "to": fps}))


def _problem(keypoints: np.ndarray, confidence: np.ndarray, fps: float, skeleton: Skeleton) -> str:
    """What is wrong with these values, or "" """
    if keypoints.ndim != 3 or keypoints.shape[2] not in (2, 3):
        return f"keypoints have shape {keypoints.shape}, expected (frames, joints, 2 or 3)"
    if keypoints.shape[1] != len(skeleton):
        return f"{keypoints.shape[1]} joints, but skeleton {skeleton.name} has {len(skeleton)}"
    if confidence.shape != keypoints.shape[:2]:
        return f"confidence has shape {confidence.shape}, expected {keypoints.shape[:2]}"
    if not (np.isfinite(fps) and LOWEST_FPS <= fps <= HIGHEST_FPS):
        return f"fps is {fps:g}, expected {LOWEST_FPS:g} to {HIGHEST_FPS:g} (--fps says which, where a file is wrong)"
    if (np.abs(keypoints) > LARGEST_COORDINATE).any():
        return f"a coordinate is infinite, or above {LARGEST_COORDINATE:g}"
    absent = np.isnan(keypoints)
    if (absent.any(2) != absent.all(2)).any():
        return "a joint has some coordinates missing and others not"
    if not (np.isfinite(confidence).all() and (confidence >= 0).all() and (confidence <= 1).all()):
        return "a confidence is not in [0, 1]"
    if (confidence[absent.any(2)] != 0).any():
        return "a missing joint has a confidence above 0"
    return ""


def file_sha256(path: Path | str) -> str:
    """Hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
