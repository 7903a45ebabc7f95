"""MediaPipe Holistic's body and hands over one clip, at full speed of looking or with less work a frame.

`FULL` does what Holistic does, bit for bit: body and hands in each frame. `FAST` asks the same models less often; what
carries a sentence, moving hands, is looked at in every frame:

- The body is looked at every 0.16 s. Between, its joints lie on straight lines, and a wrist goes with its hand.
- A hand at rest (low and slow, as in `slt.segment`) is looked at when the body is. Between, it lies on straight lines.

`FASTER` also spares the model that gives a hand's crop, where the hand was surely seen at the last look and its wrist
lay near the body's: it is looked for where it was, moved as far as the body's wrist has moved. Otherwise the crop is
asked for again.

With `hands="second"` a hand that is not found so is searched for by another detector (`palms`).

The body is looked at ahead of the hands, so that they know where the wrist is; frames wait for that, 0.16 s of them.
What lies on a line between two looks has the lower confidence of both; where a look found nothing, it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slt.estimators.mediapipe import graphs, palms
from slt.estimators.mediapipe.models.hand_model import HandModel
from slt.estimators.mediapipe.models.pose_model import PoseModel
from slt.estimators.mediapipe.palms import Hands, Lost

TICK = 33333  # microseconds a frame, as Holistic counts
BODY = 33
_WRISTS, _SHOULDERS = (15, 16), (11, 12)  # of the body, left and right
_AROUND = ((15, 17, 19), (16, 18, 20))  # wrist, little finger, index
_PARTS = (slice(33, 54), slice(54, 75))
NOTHING = np.full((75, 3), np.nan)
_NO_HAND = np.full((21, 3), np.nan)
_VISIBLE = 0.1  # of the body's wrist: with less, Holistic does not look for the hand
_SURE = 0.75  # presence of a hand that is looked for where it was


@dataclass(frozen=True)
class Effort:
    """How much is looked at. body: seconds between looks at the body, 0 for each frame. rest: hands at rest with the
    body only. low, slow: what rest is, in shoulder widths below the shoulders and a second. near: a hand that was
    surely seen at the last look, its own wrist no further than so many palm lengths from the body's, which has moved no
    further than twice that since, is looked for there without the model that gives its crop; 0: never.
    """

    body: float = 0.0
    rest: bool = False
    low: float = 0.85
    slow: float = 0.5
    near: float = 0.0


FULL = Effort()
FAST = Effort(body=0.16, rest=True)
FASTER = Effort(body=0.16, rest=True, near=1.5)
EFFORTS = {"full": FULL, "fast": FAST, "faster": FASTER}


@dataclass(frozen=True)
class _Frame:
    number: int
    image: Any  # packet
    picture: np.ndarray


@dataclass(frozen=True, eq=False)
class _Line:
    """From one look to the next: frame numbers, and (J, 3) x, y, confidence at both, NaN where nothing was found."""

    start: int
    first: np.ndarray
    stop: int
    second: np.ndarray

    def at(self, number: int) -> np.ndarray:
        """(J, 3) in a frame from `start` to `stop`: between, the lower confidence of both."""
        if number in (self.start, self.stop):
            return self.second if number == self.stop else self.first
        share = (number - self.start) / (self.stop - self.start)
        values = (1 - share) * self.first + share * self.second
        values[:, 2] = np.minimum(self.first[:, 2], self.second[:, 2])
        return np.asarray(values)


@dataclass(eq=False)
class Looks:
    """Frames from one look at the body to the next, which is in the last of them, and what is found.

    rows: frame number -> (75, 3) as of `Tracker.find`, which fill up. start: the row of the look before; None at first.
    line, resting: the body, and whether each hand rests, once the body is known.
    """

    frames: list[_Frame]
    rows: dict[int, np.ndarray]
    start: np.ndarray | None
    line: _Line | None = None
    resting: Sequence[bool] = (False, False)

    def looked(self, side: int) -> list[_Frame]:
        """The frames in which a hand is looked at."""
        return self.frames[-1:] if self.resting[side] else self.frames

    def between(self, side: int) -> None:
        """Fill in a hand that rests, and the wrist of one that does not, in the frames between two looks."""
        start, line = self.start, self.line
        if start is None or line is None:
            return
        hand, wrist = _PARTS[side], _WRISTS[side]
        stop, between = self.rows[self.frames[-1].number], self.frames[:-1]
        if self.resting[side]:
            whole = _Line(line.start, start[hand], line.stop, stop[hand])
            for frame in between:
                self.rows[frame.number][hand] = whole.at(frame.number)
            return
        ends = [row[wrist, :2] - row[hand.start, :2] for row in (start, stop)]  # from the hand to the body's wrist
        for frame in between:
            row = self.rows[frame.number]
            share = (frame.number - line.start) / (line.stop - line.start)
            off = (1 - share) * ends[0] + share * ends[1]
            if np.isfinite(off + row[hand.start, :2]).all():
                row[wrist, :2] = row[hand.start, :2] + off


class Tracker:
    """Follows one clip. aspect: width by height of its pictures; fps: its frames a second; stride: of those given.
    apart: body, and hands of each of `sides`, may be looked at by threads of their own.

    Its clock goes on by 1/30 s a frame, as that of Holistic's own solution does.
    """

    def __init__(
        self,
        smooth: bool,
        hand_model: HandModel,
        pose_model: PoseModel,
        effort: Effort,
        aspect: float,
        fps: float,
        stride: int = 1,
        hands: Hands = "holistic",
        apart: bool = False,
    ) -> None:
        self._effort, self._fps, self._pose_model = effort, fps, pose_model
        self._search = hands == "second"
        self._scale = np.array([aspect, 1.0])  # from shares of the picture to picture heights
        self._every = max(1, round(effort.body * fps / stride))  # given frames from body to body
        self._smoother = graphs.smoother(smooth)
        self._rect: Any = None
        self._line: _Line | None = None  # to the last look
        self._waiting: list[_Frame] = []
        self._start: np.ndarray | None = None  # (75, 3) of the last frame of those before
        copies = (0, 1) if apart and not self._search else (0, 0)
        self._hands = [_Hand(hand_model, effort.near, self._scale, copy) for copy in copies]

    def find(self, frames: Iterable[np.ndarray | None]) -> Iterator[np.ndarray]:
        """(75, 3) of each frame: x, y in picture widths and heights, confidence; NaN where nothing was found, or for
        a frame that is not there."""
        rows: list[np.ndarray] = []  # behind the last look at the body
        first = 0  # number of the first of them
        for number, picture in enumerate(frames):
            rows.append(NOTHING.copy())
            looks = None if picture is None else self.take(picture, number)
            if looks is not None:
                yield from self._filled(looks, rows, first)
                rows, first = [], number + 1
        last = self.rest()
        yield from rows if last is None else self._filled(last, rows, first)

    def _filled(self, looks: Looks, rows: list[np.ndarray], first: int) -> list[np.ndarray]:
        self.look_at_body(looks)
        self.look_at_hands(looks)
        return [looks.rows.get(first + k, row) for k, row in enumerate(rows)]

    def take(self, picture: np.ndarray, number: int) -> Looks | None:
        """The frame of that number. Where it is one in which the body is looked at, all those since the last such one:
        they are for `look_at_body` and then `look_at_hands`, each in the order in which they were taken."""
        self._waiting.append(_frame(picture, number))
        return self.rest() if self._start is None or len(self._waiting) == self._every else None

    def rest(self) -> Looks | None:
        """The frames that wait for others, if there are any; for the end of a clip."""
        if not self._waiting:
            return None
        looks = Looks(self._waiting, {frame.number: NOTHING.copy() for frame in self._waiting}, self._start)
        self._start = looks.rows[self._waiting[-1].number]
        self._waiting = []
        return looks

    def close(self) -> None:
        """End the clip."""
        self._smoother.close()

    @property
    def sides(self) -> tuple[tuple[int, ...], ...]:
        """Which hands may be looked at in threads of their own: a search for one has to know where the other is."""
        return ((0, 1),) if self._search else ((0,), (1,))

    def look_at_body(self, looks: Looks) -> None:
        """Find the body, and which hands rest."""
        last, before = looks.frames[-1].number, self._line
        seen = self._look_at_body(looks.frames[-1])
        line = _Line(last, seen, last, seen)
        if before is not None:
            line = _Line(before.stop, before.second, last, seen)
        for frame in looks.frames:
            looks.rows[frame.number][:BODY] = line.at(frame.number)
        looks.line = self._line = line
        looks.resting = [before is not None and self._effort.rest and self._rests(line, side) for side in range(2)]

    def look_at_hands(self, looks: Looks, sides: Sequence[int] = (0, 1)) -> None:
        """Find these hands; the body is known."""
        for side in sides:
            for frame in looks.looked(side):
                row = looks.rows[frame.number]
                row[_PARTS[side]] = self._hands[side].look(frame.image, row[list(_AROUND[side])])
        for side in sides:
            if self._search:
                for frame in looks.looked(side):
                    self._look_again(
                        self._hands[side], side, frame, looks.rows[frame.number], frame is looks.frames[-1]
                    )
            looks.between(side)

    def _look_again(self, hand: _Hand, side: int, frame: _Frame, row: np.ndarray, follow: bool) -> None:
        """Search for a hand that was not found. follow: the next look begins where it is."""
        if np.isnan(row[_PARTS[side].start, 0]):
            width = self._width(row) * frame.picture.shape[0]
            lost = Lost(side, row[list(_AROUND[side])], width, row[_PARTS[1 - side]])
            row[_PARTS[side]] = hand.search(frame.image, frame.picture, lost, follow)

    def _look_at_body(self, frame: _Frame) -> np.ndarray:
        """(33, 3) x, y, visibility; NaN if nobody is there."""
        from mediapipe.python import packet_getter

        image = {"image": frame.image}
        if self._rect is None:
            self._rect = graphs.detector()(image).get(graphs.DETECTED)
        raw = {} if self._rect is None else graphs.body(self._pose_model)({**image, graphs.RECT: self._rect})
        self._rect = None
        if len(raw) < len(graphs.RAW_BODY):
            return np.full((BODY, 3), np.nan)
        found = self._smoother({**image, **raw}, (frame.number + 1) * TICK)
        self._rect = found.get(graphs.NEXT_RECT)
        return _points(packet_getter.get_proto(found[graphs.BODY]), lambda point: float(point.visibility))

    def _rests(self, line: _Line, side: int) -> bool:
        """Whether a hand is low and slow from one look at the body to the next."""
        ends = np.stack([line.first, line.second])[..., :2] * self._scale  # (2, 33, 2)
        width = self._width(line.second)
        wrist = ends[:, _WRISTS[side]]
        low = (wrist[:, 1] - ends[:, list(_SHOULDERS), 1].mean(1)).min() > self._effort.low * width
        seconds = (line.stop - line.start) / self._fps
        return bool(low and np.linalg.norm(wrist[1] - wrist[0]) < self._effort.slow * width * seconds)

    def _width(self, body: np.ndarray) -> float:
        """Of the shoulders, in picture heights."""
        left, right = body[list(_SHOULDERS), :2] * self._scale
        return float(np.linalg.norm(left - right))


class _Hand:
    """One hand of a clip, from frame to frame."""

    def __init__(
        self,
        model: HandModel,
        near: float = 0.0,
        scale: Sequence[float] | np.ndarray = (1.0, 1.0),
        copy: int = 0,
    ) -> None:
        self._model, self._near, self._scale, self._copy = model, near, np.asarray(scale), copy
        self._last = _NO_HAND  # as it was read from what was seen
        self._wrist = np.full(2, np.nan)  # the body's, at the last look
        self._seen: dict[str, Any] = {}  # what came out in the frame before, if it was found there
        self._trust = 1.0  # less for a hand that was searched for, and as long as it is followed

    def look(self, image: Any, around: np.ndarray) -> np.ndarray:
        """(21, 3) x, y, presence, NaN if it is not found.

        As Holistic: a model gives a crop, which is used unless the hand is still where it was seen at the last look.
        image: packet. around: (3, 3) the body's wrist, little finger and index in this frame.
        """
        before, self._wrist = self._wrist, around[0, :2].copy()
        if not np.isfinite(around).all():
            self._seen = {}
            return _NO_HAND
        if self._goes_along(around, before):
            return self._landmarks(image, _moved(self._seen[graphs.NEXT_PLACE], self._wrist - before))
        crop, seen = self._crop(image, around), self._seen
        self._seen = {}
        if crop is None:
            return _NO_HAND
        self._trust = self._trust if seen else 1.0
        if seen:
            earlier = {graphs.EARLIER_HAND: seen[graphs.HAND], graphs.NEXT_PLACE: seen[graphs.NEXT_PLACE]}
            crop = graphs.follower(self._copy)({"image": image, graphs.CROP: crop, **earlier})[graphs.PLACE]
        return self._landmarks(image, crop)

    def _goes_along(self, around: np.ndarray, before: np.ndarray) -> bool:
        """Whether the hand is looked for where it was at the last look, moved with the wrist, without its crop.

        before: (2,) where the body's wrist was at that look.
        """
        if not self._near or not self._seen or around[0, 2] < _VISIBLE or self._last[0, 2] < _SURE:
            return False
        wrist, knuckle = self._last[[0, 9], :2] * self._scale
        limit = self._near * np.linalg.norm(knuckle - wrist)
        off = np.linalg.norm(before * self._scale - wrist)
        moved = np.linalg.norm((around[0, :2] - before) * self._scale)
        return bool(off < limit and moved < 2 * limit)

    def _crop(self, image: Any, around: np.ndarray) -> Any:
        """A packet with the rectangle that a model gives for these points; None if the wrist is hardly visible."""
        return graphs.cropper(self._copy)({"image": image, graphs.POINTS: _landmark_list(around)}).get(graphs.CROP)

    def _landmarks(self, image: Any, place: Any) -> np.ndarray:
        """(21, 3) of a hand in that rectangle (a packet); what was seen is kept for the next frame."""
        found = graphs.hand(self._model, self._copy)({"image": image, graphs.PLACE: place})
        if graphs.HAND not in found:
            self._seen = {}
            return _NO_HAND
        self._seen = found
        self._last = self._read(found, self._trust)
        return self._last

    def search(self, image: Any, picture: np.ndarray, lost: Lost, follow: bool) -> np.ndarray:
        """(21, 3) of a hand that `look` did not find, by the detector of palms; NaN if it does not either."""
        found = palms.search(self._model, image, picture, lost)
        if not found:
            return _NO_HAND
        if follow:
            self._seen, self._trust = found, palms.TRUST
            self._last = self._read(found, palms.TRUST)
        return self._read(found, palms.TRUST)

    def _read(self, found: dict[str, Any], trust: float) -> np.ndarray:
        """(21, 3) x, y, presence of what the model gave."""
        from mediapipe.python import packet_getter

        sure = trust * packet_getter.get_float(found[graphs.SCORE])
        return _points(packet_getter.get_proto(found[graphs.HAND]), lambda _: sure)


def _frame(picture: np.ndarray, number: int) -> _Frame:
    from mediapipe.python import packet_creator
    from mediapipe.python._framework_bindings.image_frame import ImageFormat

    return _Frame(number, packet_creator.create_image_frame(picture, image_format=ImageFormat.SRGB), picture)


def _moved(place: Any, by: np.ndarray) -> Any:
    """A packet with the rectangle of another one, moved by (2,) picture widths and heights."""
    from mediapipe.python import packet_creator, packet_getter

    rect = packet_getter.get_proto(place)
    rect.x_center += float(by[0])
    rect.y_center += float(by[1])
    return packet_creator.create_proto(rect)


def _points(landmarks: Any, confidence: Callable[[Any], float]) -> np.ndarray:
    return np.array([(point.x, point.y, confidence(point)) for point in landmarks.landmark])


def _landmark_list(points: np.ndarray) -> Any:
    """A packet of (N, 3) x, y, visibility."""
    from mediapipe.framework.formats import landmark_pb2
    from mediapipe.python import packet_creator

    listed = landmark_pb2.NormalizedLandmarkList()
    for x, y, visibility in points.tolist():
        listed.landmark.add(x=x, y=y, z=0.0, visibility=visibility)
    return packet_creator.create_proto(listed)
