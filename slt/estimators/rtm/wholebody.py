"""RTMW, or RTMPose of whole bodies, by rtmlib: the user brings the weights, nothing is fetched.

A detector (YOLOX) finds the people, the model 133 points (COCO-WholeBody) of each; who signs is chosen by
`skeletor.io.people`, as with OpenPose. Without a detector the whole picture is taken as one person. Nothing is carried
from frame to frame.

Confidence. A point's score is the mean of the highest values of its two SimCC vectors, as rtmlib has it. It is no
probability and may exceed 1; it is cut to [0, 1]. Below `least_score` a point is missing: the model puts every point
somewhere, also those of a hand that nobody sees. A frame in which the detector finds nobody is missing.

No weights can be had where this project is built: the way from file to joints is tested with small models that see
points of known colours, not with RTMW itself.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from skeletor.io.layouts.tables import layout_named
from skeletor.io.people import select
from skeletor.poses.key_frames import STRIDE, spread
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import BODY25_HANDS
from skeletor.support.errors import InputError, MissingDependency
from skeletor.support.listening import said
from slt.estimators.base import ESTIMATORS, USUAL_FPS, EstimateOptions, finish, seen_in, source_sha256
from slt.estimators.openpose import gather
from slt.estimators.places import cache_folder
from slt.estimators.rtm.models import Model, load_detector, load_pose_model
from slt.video import Span, open_video

WEIGHTS_OF_VERSION = ", weights "  # between rtmlib's version and the beginning of the weights' SHA-256
LEAST_SCORE = 0.3  # what MMPose draws points from
WEIGHTS_ABOUT = "an RTMW or RTMPose model of whole bodies, .onnx"
DETECTOR_ABOUT = "a YOLOX that finds people, .onnx; without, the whole picture is one person"
HOW_TO_INSTALL = "install the extra rtm (uv sync --extra rtm), or: pip install --no-deps rtmlib onnxruntime"
_POSE, _DETECTOR = "pose.onnx", "detector.onnx"
_LAYOUT = layout_named("coco_wholebody_133")
_NECK, _SHOULDERS = BODY25_HANDS.index("neck"), [BODY25_HANDS.index(f"{side}_shoulder") for side in ("left", "right")]


class RtmlibOptions(EstimateOptions):
    """Options of `rtmlib`."""

    local: ClassVar[frozenset[str]] = frozenset({"weights", "detector", "device"})

    name: Literal["rtmlib"] = "rtmlib"
    weights: str | None = Field(
        None, description=f"{WEIGHTS_ABOUT}; default: {_POSE} (and {_DETECTOR}) in ~/.cache/skeletor-slt/rtmlib"
    )
    detector: str | None = Field(None, description=DETECTOR_ABOUT)
    least_score: float = Field(LEAST_SCORE, ge=0, le=1, description="points of a lower score are missing")
    device: str = Field("auto", description="cpu, cuda, cuda:1 or auto: a GPU if onnxruntime uses one")

    def files(self) -> Mapping[str, Path]:
        """Those that are named; without any, what lies in the user's cache."""
        named = {"weights": self.weights, "detector": self.detector}
        found = {option: Path(file) for option, file in named.items() if file is not None}
        if self.weights is None:
            found["weights"] = folder() / _POSE
            if self.detector is None and (folder() / _DETECTOR).exists():
                found["detector"] = folder() / _DETECTOR
        return found


class RtmlibEstimator:
    """weights, detector: files. fps: for directories of frames; None: the usual. pose_stride: look at every N-th
    frame only. least_score: of points that are not missing. device: see `load_pose_model`."""

    name = "rtmlib"

    def __init__(
        self,
        weights: Path,
        detector: Path | None = None,
        fps: float | None = None,
        pose_stride: int = 1,
        least_score: float = LEAST_SCORE,
        device: str = "auto",
    ) -> None:
        reason = _not_installed()
        if reason is not None:
            raise MissingDependency(f"estimator rtmlib: {reason}")
        self._pose = load_pose_model(weights, device)
        self._detector = None if detector is None else load_detector(detector, device)
        # The poses' record: other weights give other poses, whatever the files are called.
        self.version = f"{importlib.metadata.version('rtmlib')}{WEIGHTS_OF_VERSION}{self._pose.sha256[:12]}"
        self.options: Mapping[str, Any] = {
            "fps": USUAL_FPS if fps is None else fps, "least_score": least_score, STRIDE: pose_stride,
            "weights": self._pose.sha256,
            "detector": None if self._detector is None else self._detector.sha256,
        }  # fmt: skip
        self._fps, self._stride, self._least = fps, pose_stride, least_score

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """See `Estimator`; a video file or a directory of frames."""
        sha256 = source_sha256(source)
        with open_video(source, self._fps if source.is_dir() else None, span) as video:
            frames, count = [], 0  # of the key frames (P_t, 67, 3); T
            for found in self._everybody(said(video.every(self._stride), "frames", video.frame_count)):
                if count % self._stride == 0:
                    frames.append(found)
                count += 1
            if not count:
                raise InputError(f"{source}: no frame can be decoded")
            provenance = seen_in(self, source, sha256, video)
            people = gather(frames, video.fps / self._stride, provenance)
        return finish(spread(select(people), self._stride, count), self, sha256, span)

    def _everybody(self, frames: Iterator[np.ndarray | None]) -> Iterator[np.ndarray]:
        """(P_t, 67, 3) of everybody in each RGB frame; nobody where there is no picture."""
        finder = _Finder(self._pose, self._detector)
        for frame in frames:
            yield on_body25_hands(*(_nobody() if frame is None else finder(frame)), self._least)


class _Finder:
    """Everybody in a picture: (P, 133, 2) pixels and (P, 133) scores."""

    def __init__(self, pose: Model, detector: Model | None) -> None:
        from slt.estimators.rtm.tools import PeopleFinder, PointFinder

        self._points = PointFinder(pose)
        self._people = None if detector is None else PeopleFinder(detector)

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """frame: (H, W, 3) uint8 RGB."""
        height, width = frame.shape[:2]
        boxes = np.array([[0, 0, width, height]])
        if self._people is not None:
            boxes = self._people(np.ascontiguousarray(frame[:, :, ::-1]))
        if not len(boxes):  # rtmlib would take the whole picture
            return _nobody()
        points, scores = self._points(frame, boxes)
        return points, scores


def on_body25_hands(points: np.ndarray, scores: np.ndarray, least: float = LEAST_SCORE) -> np.ndarray:
    """(P, 67, 3) x, y, score on BODY25_HANDS of points (P, 133, 2) and scores (P, 133) of COCO-WholeBody.

    A score below `least`, or of 0, becomes 0. The neck lies between the shoulders, with the lower of their scores.
    """
    columns = _LAYOUT.columns
    values = np.zeros((len(points), len(BODY25_HANDS), 3), np.float32)
    for place, joint in enumerate(BODY25_HANDS.joints):
        if joint in columns:
            values[:, place, :2] = points[:, columns[joint]]
            values[:, place, 2] = scores[:, columns[joint]]
    values[..., 2][~(values[..., 2] >= least)] = 0  # NaN too
    values[:, _NECK, :2] = values[:, _SHOULDERS, :2].mean(1)
    values[:, _NECK, 2] = values[:, _SHOULDERS, 2].min(1)
    return values


def folder() -> Path:
    """Where weights lie that are not named."""
    return cache_folder() / "rtmlib"


def unavailable() -> str | None:
    """Why this estimator cannot work here without being told its weights, or None."""
    reason = _not_installed()
    if reason is not None:
        return reason
    if not (folder() / _POSE).exists():
        return (
            f"{folder() / _POSE} is not there; put {WEIGHTS_ABOUT}, in its place, or name it: "
            "--pose-weights FILE, in a config estimator.weights"
        )
    return None


def _not_installed() -> str | None:
    try:
        import onnxruntime  # noqa: F401
        import rtmlib  # noqa: F401
    except ImportError as error:
        return f"rtmlib or onnxruntime cannot be imported ({str(error).splitlines()[0]}); {HOW_TO_INSTALL}"
    return None


def _nobody() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((0, len(_LAYOUT), 2)), np.zeros((0, len(_LAYOUT)))


@ESTIMATORS.register(RtmlibOptions, "video or directory of frames; several people; weights are yours", unavailable)
def build_rtmlib(options: RtmlibOptions) -> RtmlibEstimator:
    """The estimator of its options; MissingDependency if it is not installed, or no weights are named or there."""
    reason = unavailable() if options.weights is None else None
    if reason is not None:
        raise MissingDependency(f"estimator rtmlib: {reason}")
    files = options.files()
    more = options.fps, options.pose_stride, options.least_score, options.device
    return RtmlibEstimator(files["weights"], files.get("detector"), *more)
