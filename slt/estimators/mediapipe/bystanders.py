"""Is somebody else in the picture? MediaPipe's tracker follows one person and does not say that there are others.

Its detector, with which the tracker begins, finds several. So the detector alone looks at three frames of a clip again;
somebody of similar size who stands beside the tracked person in most of them is noted in the provenance (stage
`people`). It changes no joint. It takes 12 ms a frame on one core, 3 % of the time of a clip of two seconds, less of
longer ones. Who is small, in the background, or only passes by is nobody to mention.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.support.errors import InputError
from slt.estimators.mediapipe.models.package import package_folder, silence

STAGE = "people"
LOOKS = 3  # frames that are looked at again
_MOST = 0.6  # share of those frames in which somebody else has to be
_SCORE = 0.6  # of the detector, above the 0.5 of its graph
SIMILAR = 0.5  # size, in that of the tracked person
_APART = 0.75  # distance of both breastbones, in distances between breastbone and hip of the larger
_GRAPH = """
input_stream: "image"
output_stream: "detections"
executor { type: "ApplicationThreadExecutor" }
node { calculator: "PoseDetectionCpu" input_stream: "IMAGE:image" output_stream: "DETECTIONS:detections" }
"""
_HIPS, _BREAST = 0, 2  # points of a detection


@dataclass(frozen=True)
class Person:
    """One detection: the points between the hips and between the shoulders, (2,) pixels each."""

    hips: np.ndarray
    breast: np.ndarray

    @property
    def size(self) -> float:
        """From the one to the other, in pixels."""
        return float(np.linalg.norm(self.hips - self.breast))


class Watch:
    """Keeps a few of the frames that pass, evenly spread, and looks at them for other people afterwards."""

    def __init__(self, frame_count: int) -> None:
        self._targets = [round(frame_count * (k + 1) / (LOOKS + 1)) for k in range(LOOKS)]
        self._kept: list[tuple[int, np.ndarray]] = []

    def over(self, frames: Iterator[np.ndarray | None]) -> Iterator[np.ndarray | None]:
        """The same frames, (H, W, 3) uint8 RGB; None stands for one that is not looked at."""
        waiting = list(self._targets)
        for number, frame in enumerate(frames):
            if frame is not None and waiting and number >= waiting[0]:
                self._kept.append((number, frame))
                waiting = [target for target in waiting if target > number]
            yield frame

    def note(self, pose: PoseSequence) -> PoseSequence:
        """The pose of the tracked person (2D, pixels, with shoulders), with a stage `people` if others were seen.

        Its config: others (how many at least), other (where the nearest one is: left or right of the tracked person in
        the picture).
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
            seen = [others(_detector().people(frame), *_trunk(pose, number)) for number, frame in self._kept]
        often = [offsets for offsets in seen if len(offsets)]
        if not self._kept or len(often) < _MOST * len(self._kept):
            return pose
        nearest = np.median([min(offsets, key=abs) for offsets in often])
        config = {"others": min(map(len, often)), "other": "left" if nearest < 0 else "right"}
        return pose.replace(stage=StageRecord(STAGE, "1", config))


def people_in(frame: np.ndarray) -> list[Person]:
    """Everybody in an RGB frame (H, W, 3), whom the detector is sure of."""
    return _detector().people(frame)


def people_warning(pose: PoseSequence) -> str | None:
    """In words, if somebody else was seen beside the person whose pose it is."""
    record = pose.provenance.stage(STAGE)
    if record is None:
        return None
    other, count = record.config.get("other"), record.config.get("others")
    if other not in ("left", "right") or not isinstance(count, int):
        raise InputError(
            f"{pose.provenance.source}: its provenance says other people {count!r:.20}, {other!r:.20}; damaged"
        )
    who = "another person was" if count == 1 else f"{count} other people were"
    where = "left" if other == "right" else "right"
    return f"{who} seen at the {other} of the picture; the one at the {where} was taken"


def others(people: Sequence[Person], breast: np.ndarray, shoulders: float) -> list[float]:
    """Horizontal distances, in pixels, of the people beside the tracked one: of similar size, not in the same place.

    breast: (2,) the tracked person's, NaN if there is none; shoulders: the width. The detection that is nearest to it
    is that person, and is what the others are compared with.
    """
    if not np.isfinite(breast).all() or not people:
        return []
    own = min(people, key=lambda person: float(np.linalg.norm(person.breast - breast)))
    size = own.size if np.linalg.norm(own.breast - breast) < max(shoulders, own.size) else shoulders
    return [
        float(person.breast[0] - breast[0])
        for person in people
        if person is not own
        and person.size > SIMILAR * size
        and np.linalg.norm(person.breast - breast) > _APART * max(size, person.size)
    ]


def _trunk(pose: PoseSequence, number: int) -> tuple[np.ndarray, float]:
    """Point between the shoulders in a frame, and their distance."""
    if number >= len(pose):
        return np.full(2, np.nan), float("nan")
    left, right = (pose.keypoints[number, pose.skeleton.index(f"{side}_shoulder")] for side in ("left", "right"))
    return (left + right) / 2, float(np.linalg.norm(left - right))


class _Detector:
    """MediaPipe's detector of people, ready for pictures."""

    def __init__(self) -> None:
        from mediapipe.python._framework_bindings.calculator_graph import CalculatorGraph

        self._graph = CalculatorGraph(graph_config=_GRAPH)
        self._found: dict[str, Any] = {}
        self._clock = 0
        # no Python code may run in the call, see `slt.estimators.mediapipe.estimator`
        self._graph.observe_output_stream("detections", self._found.__setitem__)
        self._graph.start_run({})

    def people(self, frame: np.ndarray) -> list[Person]:
        """Everybody in an RGB frame, whom the detector is sure of."""
        from mediapipe.python import packet_creator, packet_getter
        from mediapipe.python._framework_bindings.image_frame import ImageFormat

        self._found.clear()
        self._clock += 1
        picture = packet_creator.create_image_frame(np.ascontiguousarray(frame), image_format=ImageFormat.SRGB)
        self._graph.add_packet_to_input_stream("image", picture.at(self._clock))
        self._graph.wait_until_idle()
        found = [
            d for packet in self._found.values() for d in packet_getter.get_proto_list(packet) if d.score[0] >= _SCORE
        ]
        scale = np.array(frame.shape[1::-1])
        points = [np.array([(p.x, p.y) for p in d.location_data.relative_keypoints]) * scale for d in found]
        return [Person(p[_HIPS], p[_BREAST]) for p in points]


@cache
def _detector() -> _Detector:
    """One for the process: to load it takes longer than to look at a few frames."""
    with silence():
        from mediapipe.python._framework_bindings.resource_util import set_resource_dir

        set_resource_dir(str(package_folder().parent))
        detector = _Detector()
        detector.people(np.zeros((16, 16, 3), np.uint8))  # the model is loaded, and announced, with the first frame
    return detector
