"""Rendering of a pose sequence as a video of a person who signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.synthetic.picture.camera import Camera
from slt.synthetic.picture.limbs import Scene, arms_and_hands
from slt.synthetic.picture.look import Look, background
from slt.synthetic.picture.portrait import Portrait, portrait
from slt.synthetic.picture.quality import BROADCAST, QUALITIES, STUDIO, Quality
from slt.synthetic.picture.shapes import PaintList, Shapes, join, paint_list

__all__ = ["BROADCAST", "QUALITIES", "STUDIO", "Quality", "render_frames"]

CHUNK = 32  # frames whose shapes are computed together
BLUR_STEP = 2.0  # pixels that a joint may move between two instants of one exposure
NEGLIGIBLE = 0.5  # pixels per frame below which an arm is taken to stand still
STILL = 0.5  # drawn pixels that head and torso may move before they are painted again


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
        strokes = _Strokes(*arms_and_hands(instants, palms, scene), quality.oversample)
        first = 0
        for frame, count in enumerate(counts.tolist(), start):
            fields = int(plan.fields[frame])
            regions = strokes.regions(range(first, first + count), fields, plan.needed[frame])
            first += count
            yield sensor.record(canvas.expose(frame, regions, fields))


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
    """When the shutter is sampled.

    times: instants in frames, all frames in a row; first: where a frame starts in `times`; counts: (T,) instants
    of each frame; fields: (T,) 1 or 2 fields that share a frame's instants evenly; needed: (T, 2) instants per
    field that the left and the right arm need, 0 for one that hardly moves.
    """

    times: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    fields: np.ndarray
    needed: np.ndarray


def _exposures(viewed: np.ndarray, camera: Camera, quality: Quality) -> _Exposures:
    """The faster a frame's motion, the more instants."""
    pixels = camera.flatten(viewed)  # (T, 50, 2)
    step = np.zeros((len(viewed), 2))  # pixels per frame of the left and the right arm
    if len(viewed) > 1:
        speed = np.linalg.norm(np.diff(pixels, axis=0), axis=-1)  # (T - 1, 50)
        sides = np.stack([speed[:, [*range(5, 29)]].max(1), speed[:, [2, 3, 4, *range(29, 50)]].max(1)], 1)
        step[:-1] = sides
        step[1:] = np.maximum(step[1:], sides)
    open_for = quality.shutter / (2 if quality.interlaced else 1)  # of the frame interval
    needed = np.clip(np.ceil(step * open_for / BLUR_STEP), 1, quality.sub_times).astype(int)
    needed[step <= NEGLIGIBLE] = 0  # (T, 2)
    per_field = np.maximum(needed.max(1), 1)
    fields = np.where(needed.any(1) & quality.interlaced, 2, 1)  # (T,)
    counts = fields * per_field
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    frame = np.repeat(np.arange(len(viewed)), counts)
    place = np.arange(counts.sum()) - first[frame]
    field, sample = place // per_field[frame], place % per_field[frame]
    centre = np.where(fields[frame] == 2, field * 0.5 - 0.25, 0.0)
    offset = ((sample + 0.5) / per_field[frame] - 0.5) * open_for
    return _Exposures(frame + centre + offset, first, counts, fields, needed)


def _at(viewed: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Poses (S, 50, 3) at fractional frames, by linear interpolation; the ends are held."""
    times = np.clip(times, 0, len(viewed) - 1)
    low = np.floor(times).astype(int)
    high = np.minimum(low + 1, len(viewed) - 1)
    share = (times - low)[:, None, None]
    between: np.ndarray = viewed[low] * (1 - share) + viewed[high] * share
    return between


@dataclass(frozen=True)
class _Region:
    """A part of the picture in which something of the arms is seen.

    box: drawn pixels (left, top, right, bottom). instants: what to average, for each field.
    """

    strokes: PaintList
    box: np.ndarray
    instants: list[np.ndarray]


class _Strokes:
    """Both arms at the instants of some frames: painted apart where they are apart, since a resting arm needs
    to be painted but once, and together, sorted by depth, where they may cover each other."""

    def __init__(self, left: Shapes, right: Shapes, oversample: int) -> None:
        self._shapes, self._oversample = (left, right), oversample
        self._apart = tuple(paint_list(side, oversample) for side in (left, right))

    @cached_property
    def _together(self) -> PaintList:
        return paint_list(join(self._shapes), self._oversample)

    def regions(self, instants: range, fields: int, needed: np.ndarray) -> list[_Region]:
        """One or two regions for a frame with these instants; needed: (2,) instants per field of each arm."""
        used = slice(instants.start, instants.stop)
        boxes = [np.concatenate([s.low[used].min(0), s.high[used].max(0)]) for s in self._apart]
        margin = 2 * self._oversample  # boxes grow when they are rounded to whole pixels of the picture
        low, high = np.maximum(boxes[0][:2], boxes[1][:2]), np.minimum(boxes[0][2:], boxes[1][2:])
        if (low > high + margin).any():
            return [
                _Region(strokes, box, _chosen(instants, fields, count))
                for strokes, box, count in zip(self._apart, boxes, needed.tolist(), strict=True)
            ]
        box = np.concatenate([np.minimum(boxes[0][:2], boxes[1][:2]), np.maximum(boxes[0][2:], boxes[1][2:])])
        return [_Region(self._together, box, _chosen(instants, fields, int(needed.max())))]


def _chosen(instants: range, fields: int, count: int) -> list[np.ndarray]:
    """`count` of a frame's instants for each field, evenly spread; for count 0 the middle one for all fields."""
    if count == 0:
        return [np.array([instants[len(instants) // 2]])]
    parts = np.arange(instants.start, instants.stop).reshape(fields, -1)  # (fields, per field)
    return list(parts[:, ((np.arange(count) + 0.5) * parts.shape[1] / count).astype(int)])


class _Canvas:
    """Paints the person; keeps the picture of head and torso while they stand still."""

    def __init__(self, person: Portrait, wall: np.ndarray, quality: Quality) -> None:
        self.person, self.wall, self.over = person, wall, quality.oversample
        self.painted = -1
        self.base = wall
        self.small = wall

    def expose(self, frame: int, regions: list[_Region], fields: int) -> list[np.ndarray]:
        """The fields of a frame: pictures (H, W, 3) uint8 of the final size, in order of time."""
        if self.painted < 0 or self.person.moved(frame, self.painted) > STILL:
            self.base = self.wall.copy()
            self.person.paint(self.base, frame)
            self.small = _shrink(self.base, self.over)
            self.painted = frame
        pictures = [self.small.copy() for _ in range(fields)]
        for region in regions:
            box = self._whole_pixels(region.box)
            parts = [self._average(region.strokes, instants, box) for instants in region.instants]
            for k, picture in enumerate(pictures):
                picture[box[1] : box[3], box[0] : box[2]] = parts[min(k, len(parts) - 1)]
        return pictures

    def _whole_pixels(self, box: np.ndarray) -> tuple[int, int, int, int]:
        """The pixels of the picture (left, top, right, bottom), right and bottom excluded, that a box touches."""
        height, width = self.small.shape[:2]
        low = np.clip(box[:2] // self.over, 0, [width - 1, height - 1])
        high = np.clip(box[2:] // self.over + 1, low + 1, [width, height])
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _average(self, strokes: PaintList, instants: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
        """(h, w, 3) mean picture in a box of final pixels."""
        left, top, right, bottom = (edge * self.over for edge in box)
        base = self.base[top:bottom, left:right]
        total = np.zeros((box[3] - box[1], box[2] - box[0], 3), np.float32)
        for instant in instants.tolist():
            part = base.copy()
            strokes.paint(part, instant, (left, top))
            cv2.accumulate(_shrink(part, self.over), total)
        return (total / len(instants) + 0.5).astype(np.uint8)


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
