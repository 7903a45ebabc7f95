"""Draw a pose sequence as a video of a person who signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from skeletor.errors import InputError
from skeletor.pose import PoseSequence
from skeletor.skeleton import SIGNING_50
from slt.corpus.camera import Camera
from slt.corpus.limbs import Scene, arms_and_hands
from slt.corpus.look import Look, background
from slt.corpus.portrait import Portrait, portrait
from slt.corpus.quality import BROADCAST, QUALITIES, STUDIO, Quality
from slt.corpus.shapes import PaintList, paint_list

__all__ = ["BROADCAST", "QUALITIES", "STUDIO", "Quality", "render_frames"]

CHUNK = 32  # frames whose shapes are computed together
BLUR_STEP = 1.5  # pixels that a joint may move between two instants of one exposure
STILL = 0.25  # drawn pixels that head and torso may move before they are painted again


def render_frames(
    pose: PoseSequence, look: Look, camera: Camera, quality: Quality, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8 RGB, one per frame of the pose.

    pose: (T, 50, 3) SIGNING_50 in metres, nothing missing. The picture has the camera's size.
    `rng` gives the sensor noise. Raises InputError if the pose cannot be drawn.
    """
    _check(pose)
    if len(pose) == 0:
        return
    viewed = camera.view(pose.keypoints)  # (T, 50, 3)
    plan = _exposures(viewed, camera, quality)
    palms = (_length(viewed, 8, 17), _length(viewed, 29, 38))
    person = portrait(viewed, look, camera, quality.oversample)
    wall = background(look, camera.width * quality.oversample, camera.height * quality.oversample)
    scene = Scene(look, camera)
    canvas = _Canvas(person, wall, quality)
    sensor = _Sensor(quality, camera, rng)
    for start in range(0, len(pose), CHUNK):
        counts = plan.counts[start : start + CHUNK]
        instants = _at(viewed, plan.times[plan.first[start] : plan.first[start] + counts.sum()])
        strokes = paint_list(arms_and_hands(instants, palms, scene), quality.oversample)
        first = 0
        for frame, count in enumerate(counts.tolist(), start):
            fields = canvas.expose(frame, strokes, range(first, first + count), plan.fields[frame])
            first += count
            yield sensor.record(fields)


def _check(pose: PoseSequence) -> None:
    if pose.skeleton != SIGNING_50 or pose.dims != 3:
        raise InputError(f"render: needs SIGNING_50 in 3D, got {pose.skeleton.name} in {pose.dims}D")
    if pose.missing.any():
        raise InputError("render: a joint is missing; only whole poses can be drawn")


def _length(viewed: np.ndarray, first: int, second: int) -> float:
    """Mean distance of two joints in metres."""
    return float(np.linalg.norm(viewed[:, first] - viewed[:, second], axis=-1).mean())


@dataclass(frozen=True)
class _Exposures:
    """times: instants in frames, all frames in a row; counts: instants of each frame; first: where a frame
    starts in `times`; fields: 1 or 2 fields that share a frame's instants evenly."""

    times: np.ndarray
    counts: np.ndarray
    first: np.ndarray
    fields: np.ndarray


def _exposures(viewed: np.ndarray, camera: Camera, quality: Quality) -> _Exposures:
    """When the shutter is sampled: the faster a frame's motion, the more instants."""
    pixels = camera.flatten(viewed)  # (T, 50, 2)
    step = np.zeros(len(viewed))
    if len(viewed) > 1:
        speed = np.linalg.norm(np.diff(pixels, axis=0), axis=-1).max(1)  # (T - 1,) pixels per frame
        step = np.maximum(np.append(speed, 0), np.append(0, speed))
    fields = np.where((step > 0.5) & quality.interlaced, 2, 1)  # (T,)
    open_for = quality.shutter / (2 if quality.interlaced else 1)  # of the frame interval
    per_field = np.clip(np.ceil(step * open_for / BLUR_STEP), 1, quality.sub_times).astype(int)
    counts = fields * per_field
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    frame = np.repeat(np.arange(len(viewed)), counts)
    place = np.arange(counts.sum()) - first[frame]
    field, sample = place // per_field[frame], place % per_field[frame]
    centre = np.where(fields[frame] == 2, field * 0.5 - 0.25, 0.0)
    offset = ((sample + 0.5) / per_field[frame] - 0.5) * open_for
    return _Exposures(frame + centre + offset, counts, first, fields)


def _at(viewed: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Poses (S, 50, 3) at fractional frames, by linear interpolation; the ends are held."""
    times = np.clip(times, 0, len(viewed) - 1)
    low = np.floor(times).astype(int)
    high = np.minimum(low + 1, len(viewed) - 1)
    share = (times - low)[:, None, None]
    return viewed[low] * (1 - share) + viewed[high] * share


class _Canvas:
    """Paints the person; keeps the picture of head and torso while they stand still."""

    def __init__(self, person: Portrait, wall: np.ndarray, quality: Quality) -> None:
        self.person, self.wall, self.quality = person, wall, quality
        self.painted = -1
        self.base = wall
        self.small = wall

    def expose(self, frame: int, strokes: PaintList, instants: range, fields: int) -> list[np.ndarray]:
        """The fields of a frame: pictures (H, W, 3) uint8 of the final size, in order of time."""
        if self.painted < 0 or self.person.moved(frame, self.painted) > STILL:
            self.base = self.wall.copy()
            self.person.paint(self.base, frame)
            self.small = _shrink(self.base, self.quality.oversample)
            self.painted = frame
        box = self._box(strokes, instants)
        per_field = len(instants) // fields
        return [self._average(strokes, instants[k * per_field : (k + 1) * per_field], box) for k in range(fields)]

    def _box(self, strokes: PaintList, instants: range) -> tuple[int, int, int, int]:
        """Final pixels (left, top, right, bottom) outside of which only head and torso are seen."""
        height, width = self.small.shape[:2]
        over = self.quality.oversample
        low = np.clip(strokes.low[instants.start : instants.stop].min(0) // over, 0, [width - 1, height - 1])
        high = strokes.high[instants.start : instants.stop].max(0) // over + 1
        high = np.clip(high, low + 1, [width, height])
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _average(self, strokes: PaintList, instants: range, box: tuple[int, int, int, int]) -> np.ndarray:
        left, top, right, bottom = box
        over = self.quality.oversample
        base = self.base[top * over : bottom * over, left * over : right * over]
        total = np.zeros((bottom - top, right - left, 3), np.float32)
        for instant in instants:
            part = base.copy()
            strokes.paint(part, instant, (left * over, top * over))
            cv2.accumulate(_shrink(part, over), total)
        picture = self.small.copy()
        picture[top:bottom, left:right] = total / len(instants) + 0.5
        return picture


def _shrink(image: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return image
    size = (image.shape[1] // factor, image.shape[0] // factor)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


class _Sensor:
    """Optics, field weaving and noise."""

    def __init__(self, quality: Quality, camera: Camera, rng: np.random.Generator) -> None:
        self.quality, self.rng = quality, rng
        shape = (camera.height + 64, camera.width + 64, 3)
        self.grain = np.empty((0,))
        if quality.noise > 0:
            # One large sheet of noise, of which each frame takes another part: drawing fresh numbers for
            # every pixel would cost more than the rest of the frame.
            grain = rng.normal(size=shape[:2])[..., None] * 0.9 + rng.normal(size=shape) * 0.45
            self.grain = np.clip(np.rint(grain * quality.noise), -100, 100).astype(np.int16)

    def record(self, fields: list[np.ndarray]) -> np.ndarray:
        """Weave one or two fields into a frame (H, W, 3) uint8."""
        frame = fields[0]
        if len(fields) == 2:
            frame = frame.copy()
            frame[1::2] = fields[1][1::2]
        if self.quality.softness > 0:
            frame = cv2.GaussianBlur(frame, (0, 0), self.quality.softness)
        if self.quality.noise > 0:
            height, width = frame.shape[:2]
            down, across = self.rng.integers(0, 65, 2)
            part = self.grain[down : down + height, across : across + width]
            frame = cv2.add(frame, part, dtype=cv2.CV_8U)
        return frame
