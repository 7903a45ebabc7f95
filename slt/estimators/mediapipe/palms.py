"""A second look for a hand that Holistic has lost: MediaPipe's detector of palms, on a crop around the wrist.

Holistic looks where the body's wrist and fingers point, and follows what it saw; it never searches. The detector of
palms, from the same wheel, searches a square around the wrist. What it finds is read by the same model of the hand, and
is believed only if it can be that hand: its root at the body's wrist, the right side by the model's own judgement, and
not the hand that was found already. Nothing is filled in otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from slt.estimators.mediapipe import graphs
from slt.estimators.mediapipe.graphs import Part
from slt.estimators.mediapipe.models.hand_model import HandModel
from slt.estimators.mediapipe.models.package import package_folder

Hands = Literal["holistic", "second"]
TRUST = 0.5  # of the model's confidence is left for what was found so
_AROUND = 0.7  # half a side of the square, in shoulder widths
_SMALLEST = 16  # pixels of its sides
_VISIBLE = 0.5  # of the body's wrist, below which there is no place to search
_REACH = 0.35  # shoulder widths from the body's wrist to the root of its hand
_APART = 0.5  # from the other hand, mean over the joints, in its own extent
_SIDES = ("Right", "Left")  # what the model calls our left and right hand: it takes pictures for mirror images
_WRIST = 0  # point of a palm, and of a hand
_PALMS = """
input_stream: "image"
output_stream: "palms"
executor { type: "ApplicationThreadExecutor" }
node { calculator: "PalmDetectionCpu" input_stream: "IMAGE:image" output_stream: "DETECTIONS:palms" }
"""
_PLACE = """
input_stream: "image"
input_stream: "palm"
output_stream: "place"
executor { type: "ApplicationThreadExecutor" }
node { calculator: "ImagePropertiesCalculator" input_stream: "IMAGE_CPU:image" output_stream: "SIZE:size" }
node {
  calculator: "PalmDetectionDetectionToRoi"
  input_stream: "DETECTION:palm"
  input_stream: "IMAGE_SIZE:size"
  output_stream: "ROI:place"
}
"""


@dataclass(frozen=True, eq=False)
class Lost:
    """A hand that was not found. side: 0 left, 1 right. around: (3, 3) x, y, visibility of the body's wrist, little
    finger and index, in shares of the picture. width: of the shoulders, in pixels. other: (21, 3) the other hand.
    """

    side: int
    around: np.ndarray
    width: float
    other: np.ndarray


def search(model: HandModel, image: Any, picture: np.ndarray, lost: Lost) -> dict[str, Any]:
    """What the hand's model gives for a lost hand (packets, as `graphs.hand`); {} if it is not to be found.

    image: packet of the picture (H, W, 3).
    """
    size = np.array(picture.shape[1::-1], float)
    box = _box(lost, size)
    place = None if box is None else _palm(picture, box, lost.around[0, :2] * size, lost.width)
    if place is None:
        return {}
    found = graphs.hand(model, 0)({"image": image, graphs.PLACE: place})
    return found if graphs.HAND in found and _is_it(found, lost, size) else {}


def _box(lost: Lost, size: np.ndarray) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the square around the wrist, within the picture; None where there is no place."""
    wrist, sure = lost.around[0, :2], lost.around[0, 2]
    if not (np.isfinite(lost.around).all() and sure >= _VISIBLE and lost.width > 0):
        return None
    if not ((wrist >= 0) & (wrist < 1)).all():
        return None
    middle, half = wrist * size, _AROUND * lost.width
    low, high = np.maximum(middle - half, 0).astype(int), np.minimum(middle + half, size).astype(int)
    if (high - low).min() < _SMALLEST:
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _palm(picture: np.ndarray, box: tuple[int, int, int, int], wrist: np.ndarray, width: float) -> Any:
    """A packet with the rectangle of the hand of the palm that is nearest to a wrist; None if none is at it."""
    from mediapipe.python import packet_creator, packet_getter
    from mediapipe.python._framework_bindings.image_frame import ImageFormat

    left, top, right, bottom = box
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    image = packet_creator.create_image_frame(part, image_format=ImageFormat.SRGB)
    packet = _palms()({"image": image}).get("palms")
    palms = [] if packet is None else packet_getter.get_proto_list(packet)
    offset, sides = np.array([left, top]), np.array([right - left, bottom - top])

    def away(palm: Any) -> float:
        point = palm.location_data.relative_keypoints[_WRIST]
        return float(np.linalg.norm(np.array([point.x, point.y]) * sides + offset - wrist))

    nearest = min(palms, key=away, default=None)
    if nearest is None or away(nearest) > _REACH * width:
        return None
    found = _places()({"image": image, "palm": packet_creator.create_proto(nearest)})
    place = packet_getter.get_proto(found["place"])
    whole = np.array(picture.shape[1::-1])
    place.x_center, place.y_center = ((np.array([place.x_center, place.y_center]) * sides + offset) / whole).tolist()
    place.width, place.height = (np.array([place.width, place.height]) * sides / whole).tolist()
    return packet_creator.create_proto(place)


def _is_it(found: dict[str, Any], lost: Lost, size: np.ndarray) -> bool:
    """Whether a hand is at the wrist, of its side, and no other one."""
    from mediapipe.python import packet_getter

    judged = packet_getter.get_proto(found[graphs.SIDE]).classification[0].label
    points = packet_getter.get_proto(found[graphs.HAND]).landmark
    hand = np.array([(point.x, point.y) for point in points]) * size  # (21, 2)
    near = np.linalg.norm(hand[_WRIST] - lost.around[0, :2] * size) <= _REACH * lost.width
    extent = float(np.ptp(hand, axis=0).max())
    other = np.linalg.norm(hand - lost.other[:, :2] * size, axis=1).mean()  # NaN where there is none
    return bool(judged == _SIDES[lost.side] and near and not other < _APART * extent)


@cache
def _palms() -> Part:
    """image -> palms, detections."""
    _find_models()
    return Part(_PALMS, ("palms",), {})


@cache
def _places() -> Part:
    """image, palm (one of its detections) -> place, the rectangle of its whole hand."""
    _find_models()
    return Part(_PLACE, ("place",), {})


def _find_models() -> None:
    from mediapipe.python._framework_bindings.resource_util import set_resource_dir

    set_resource_dir(str(package_folder().parent))
