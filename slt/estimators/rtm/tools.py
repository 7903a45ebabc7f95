"""rtmlib's steps before and after a model, around models that are loaded already.

Its own constructors fetch a file that is not there, print what they load and take all cores. Here they are passed by:
of rtmlib remain the crop, the decoding of SimCC, and the decoding and suppression of boxes.
"""

from __future__ import annotations

import numpy as np
from rtmlib import YOLOX, RTMPose

from skeletor.files.outside import reading
from skeletor.io.people import MOST_PEOPLE
from slt.estimators.rtm.models import WHAT, Model

_PERSON = 0  # the first class of COCO
_BOX = 5  # x0, y0, x1, y1, score
_SMALLEST = 2.0  # pixels
# Of ImageNet, red first: MMPose trains RTMPose and RTMW on RGB.
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class PointFinder(RTMPose):
    """Called with a picture (H, W, 3) uint8 RGB and boxes [x0, y0, x1, y1]: (P, 133, 2) pixels, (P, 133) scores."""

    def __init__(self, model: Model) -> None:
        self.model_input_size, self.mean, self.std = model.size, _MEAN, _STD
        self.to_openpose = False
        self._model = model

    def inference(self, img: np.ndarray) -> list[np.ndarray]:
        """The model's outputs for a normalised crop (H, W, 3)."""
        return self._model.run(_batch(img))


class PeopleFinder(YOLOX):
    """Called with a picture (H, W, 3) uint8 BGR, as YOLOX is trained: boxes (P, 4) x0, y0, x1, y1 in its pixels."""

    def __init__(self, model: Model) -> None:
        width, height = model.size
        self.model_input_size, self.mean, self.std = (height, width), None, None
        self.det_mode, self.nms_thr, self.score_thr = "human", 0.45, 0.7  # rtmlib's own
        self._model = model

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """At most `MOST_PEOPLE` boxes, none without an area."""
        with reading(self._model.path, WHAT):
            boxes = np.asarray(super().__call__(image), np.float64).reshape(-1, 4)
        real = np.isfinite(boxes).all(1) & (boxes[:, 2:] - boxes[:, :2] >= _SMALLEST).all(1)
        return boxes[real][:MOST_PEOPLE]

    def inference(self, img: np.ndarray) -> list[np.ndarray]:
        """The model's outputs for a picture (H, W, 3); of people alone, where it knows other things, too."""
        first, *others = self._model.run(_batch(img))
        if first.shape[2] > _BOX:
            return [first[..., : _BOX + 1].copy()]
        if others and others[0].shape == first.shape[:2]:
            return [first[:, others[0][0] == _PERSON].copy()]
        return [first.copy()]


def _batch(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) to (1, 3, H, W) float32."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
