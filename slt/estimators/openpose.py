"""OpenPose through its Python module, where it is built and importable.

OpenPose is neither on PyPI nor in Debian, and its weights are not free to pass on, so on a machine without it this
adapter is checked against a stand-in that follows the documented API (tests/slt/estimators/test_openpose.py), not
against OpenPose itself. Everybody in the picture is read; the signer is chosen by `skeletor.io.people`.
Confidence is OpenPose's own score, cut to [0, 1]; a score of 0 means missing.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from pydantic import Field

from skeletor.io.people import People, select
from skeletor.poses.key_frames import STRIDE, spread
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS
from skeletor.support.errors import InputError, MissingDependency
from slt.estimators.base import ESTIMATORS, USUAL_FPS, EstimateOptions, finish, seen_in, source_sha256
from slt.video import Span, open_video

HOW_TO_INSTALL = (
    "build OpenPose with BUILD_PYTHON=ON (github.com/CMU-Perceptual-Computing-Lab/openpose), put its build/python "
    "on PYTHONPATH and name its models folder (estimator.openpose_models); or let the OpenPose binary write JSON "
    "(--hand --write_json DIR) and use the estimator openpose-json"
)


class OpenPoseOptions(EstimateOptions):
    """Options of `openpose`."""

    name: Literal["openpose"] = "openpose"
    openpose_models: str = Field("models/", description="its folder of models")


class OpenPoseEstimator:
    """pyopenpose with hands, BODY_25. model_folder: OpenPose's `models` directory. fps: for directories of frames;
    None: the usual. pose_stride: look at every N-th frame only."""

    name = "openpose"

    def __init__(self, model_folder: str = "models/", fps: float | None = None, pose_stride: int = 1) -> None:
        self._module = import_openpose()
        self.version = str(getattr(self._module, "__version__", "unknown"))
        self.options: Mapping[str, Any] = {
            "fps": USUAL_FPS if fps is None else fps,
            "model_pose": "BODY_25",
            STRIDE: pose_stride,
        }
        self._models = model_folder
        self._fps, self._stride = fps, pose_stride

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """See `Estimator`; a video file or a directory of frames."""
        sha256 = source_sha256(source)
        wrapper = self._module.WrapperPython()
        wrapper.configure({"model_folder": self._models, "model_pose": "BODY_25", "hand": True, "face": False})
        with open_video(source, self._fps if source.is_dir() else None, span) as video:
            wrapper.start()
            try:
                frames, count = [], 0  # of the key frames (P_t, 67, 3); T
                for frame in video.every(self._stride):
                    if frame is not None:
                        frames.append(self._people(wrapper, frame))
                    elif count % self._stride == 0:  # a picture that the folder lacks
                        frames.append(join_parts(None, None))
                    count += 1
            finally:
                wrapper.stop()
            provenance = seen_in(self, source, sha256, video)
            people = gather(frames, video.fps / self._stride, provenance)
        return finish(spread(select(people), self._stride, count), self, sha256, span)

    def _people(self, wrapper: Any, frame: np.ndarray) -> np.ndarray:
        """(P, 67, 3) x, y, score of everybody in an RGB frame."""
        datum = self._module.Datum()
        datum.cvInputData = np.ascontiguousarray(frame[:, :, ::-1])  # BGR
        wrapper.emplaceAndPop(self._module.VectorDatum([datum]))
        return join_parts(datum.poseKeypoints, datum.handKeypoints)


def join_parts(body: np.ndarray | None, hands: list[np.ndarray | None] | None) -> np.ndarray:
    """(P, 67, 3) from OpenPose's (P, 25, 3) body and [left, right] (P, 21, 3) hands; None stands for empty."""
    if body is None or np.size(body) == 0:
        return np.zeros((0, len(BODY25_HANDS), 3), np.float32)
    body = np.asarray(body, np.float32)
    if body.ndim != 3 or body.shape[1:] != (25, 3):
        raise InputError(
            f"openpose gave a body of shape {body.shape}, expected (people, 25, 3); set model_pose BODY_25"
        )
    values = np.zeros((len(body), len(BODY25_HANDS), 3), np.float32)
    values[:, :25] = body
    for first, hand in zip((25, 46), hands or (None, None), strict=True):
        if hand is not None and np.size(hand):
            values[:, first : first + 21] = hand
    return values


def gather(frames: list[np.ndarray], fps: float, provenance: Provenance) -> People:
    """Everybody in all frames, (T, P, 67, 2), from T arrays (P_t, 67, 3)."""
    count = max((len(frame) for frame in frames), default=0)
    values = np.zeros((len(frames), count, len(BODY25_HANDS), 3), np.float32)
    for row, frame in zip(values, frames, strict=True):
        row[: len(frame)] = frame
    score = np.clip(np.nan_to_num(values[..., 2]), 0, 1)  # (T, P, 67)
    gone = (score == 0) | ~np.isfinite(values[..., :2]).all(-1)
    keypoints = np.where(gone[..., None], np.nan, values[..., :2])
    return People(keypoints, np.where(gone, 0, score), fps, BODY25_HANDS, provenance)


def import_openpose() -> ModuleType:
    """The module pyopenpose, by either of its names; MissingDependency with instructions if there is none."""
    for name in ("openpose.pyopenpose", "pyopenpose"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise MissingDependency(f"estimator openpose: pyopenpose cannot be imported; {HOW_TO_INSTALL}")


def unavailable() -> str | None:
    """Why this estimator cannot work here, or None if its module can be imported."""
    try:
        import_openpose()
    except MissingDependency:
        return f"pyopenpose cannot be imported; {HOW_TO_INSTALL}"
    return None


@ESTIMATORS.register(OpenPoseOptions, "video or directory of frames; several people", unavailable)
def build_openpose(options: OpenPoseOptions) -> OpenPoseEstimator:
    """The estimator of its options; MissingDependency if it is not installed."""
    return OpenPoseEstimator(options.openpose_models, options.fps, options.pose_stride)
