"""MediaPipe Holistic without its face mesh: the embedded default estimator.

The graph is Holistic's own (`PoseLandmarkCpu` and `HandLandmarksLeftAndRightCpu`, model complexity 1, tracking
over time) minus what we do not use: the face part, and the mask of the person, which the pose model draws even if
nobody asks for it (`prune`). Body and hands come out bit for bit as from `mp.solutions.holistic.Holistic` (tested), at
about half of the CPU time. `pose_model="heavy"` takes MediaPipe's largest model of the body, which has to be fetched
(`pose_model`). `hand_model="lite"` takes MediaPipe's smaller hand model instead: a fifth less CPU time
again, but fewer hands are found in blurred pictures. The graph runs in the calling thread
(ApplicationThreadExecutor): parallel work is over clips, in processes. Threads within the graph were tried: two gain
less than a third, since each frame's crop comes from the joints of the one before.

With a stride of N the tracker sees every N-th frame only, and is told the time between them (Holistic's own solution
says 1/30 s always, so stride 1 does too): its smoothing of the body is then weaker, as it should be.

Confidence. Body joints: MediaPipe's visibility, smoothed over time by MediaPipe itself; the position of a joint
with a low one is a guess. Hand joints: the hand model's presence score, the probability that its crop shows a hand,
one number for all 21 joints of a hand. Holistic computes it, uses it as a gate at 0.5 and does not give it away; here
it is read from inside the graph. So a hand's confidence is in (0.5, 1], or the hand is missing.

MediaPipe finds one person only, the most prominent one when it starts to track; with several people in the picture
it may be the wrong one, and nothing here can choose; that there are others is noted (`bystanders`). Feeding the first
frame more than once to warm the tracker up was tried and found nothing more, so the clip starts with its first frame.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from skeletor.poses.key_frames import STRIDE
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import MEDIAPIPE_75
from skeletor.support.errors import InputError, MissingDependency
from skeletor.support.listening import said
from skeletor.support.progress import log
from slt.estimators.base import ESTIMATORS, USUAL_FPS, EstimateOptions, finish, seen, source_sha256
from slt.estimators.bystanders import Watch
from slt.estimators.mediapipe_package import package_folder, silence
from slt.estimators.pose_model import ABOUT as POSE_MODEL_ABOUT
from slt.estimators.pose_model import PoseModel, read_model
from slt.estimators.pose_model import unavailable as pose_model_unavailable
from slt.video import Span, Video, open_video

HandModel = Literal["full", "lite"]
HOW_TO_INSTALL = "`make setup` installs it, or: pip install --no-deps mediapipe==0.10.14"

_GRAPH = """
input_stream: "image"
output_stream: "pose_landmarks"
output_stream: "left_hand_landmarks"
output_stream: "right_hand_landmarks"
executor { type: "ApplicationThreadExecutor" }
node {
  calculator: "PoseLandmarkCpu"
  input_stream: "IMAGE:image"
  input_side_packet: "MODEL_COMPLEXITY:model_complexity"
  input_side_packet: "SMOOTH_LANDMARKS:smooth_landmarks"
  input_side_packet: "ENABLE_SEGMENTATION:enable_segmentation"
  input_side_packet: "USE_PREV_LANDMARKS:use_prev_landmarks"
  output_stream: "LANDMARKS:pose_landmarks"
}
node {
  calculator: "HandLandmarksLeftAndRightCpu"
  input_stream: "IMAGE:image"
  input_stream: "POSE_LANDMARKS:pose_landmarks"
  output_stream: "LEFT_HAND_LANDMARKS:left_hand_landmarks"
  output_stream: "RIGHT_HAND_LANDMARKS:right_hand_landmarks"
}
"""
_SCORE = "handlandmarksleftandrightcpu__handlandmarksfromposecpu_{}__handlandmarkcpu__hand_presence_score"
_SCORES = (_SCORE.format(1), _SCORE.format(2))  # left, right
_POSE_FILE = "modules/pose_landmark/pose_landmark_full.tflite"
_POSE_MODEL = "pose_model"  # side packet with its bytes
_FILE_READER = "LocalFileContentsCalculator"
_TICK = 33333  # microseconds
_NOTHING = np.full((75, 3), np.nan)
_PARTS = (("pose_landmarks", 33), ("left_hand_landmarks", 21), ("right_hand_landmarks", 21))


class MediaPipeOptions(EstimateOptions):
    """Options of `mediapipe`."""

    name: Literal["mediapipe"] = "mediapipe"
    smooth_landmarks: bool = Field(True, description="its own smoothing of the body over time")
    hand_model: HandModel = Field("full", description="lite takes a fifth less CPU time")
    pose_model: PoseModel = Field("full", description=POSE_MODEL_ABOUT)


class MediaPipeEstimator:
    """Holistic's body and hands. `fps` is for directories of frames, which do not tell their own."""

    name = "mediapipe"

    def __init__(
        self,
        fps: float = 25.0,
        smooth_landmarks: bool = True,
        hand_model: HandModel = "full",
        pose_stride: int = 1,
        pose_model: PoseModel = "full",
    ) -> None:
        reason = unavailable() or pose_model_unavailable(pose_model)
        if reason is not None:
            raise MissingDependency(f"estimator mediapipe: {reason}")
        self.version = importlib.metadata.version("mediapipe")
        self.options: Mapping[str, Any] = {
            "fps": fps, "smooth_landmarks": smooth_landmarks, "hand_model": hand_model, STRIDE: pose_stride,
            **({} if pose_model == "full" else {"pose_model": pose_model}),  # files of the usual model stay valid
        }  # fmt: skip
        self._fps = fps
        self._smooth = smooth_landmarks
        self._hand_model: HandModel = hand_model
        self._stride = pose_stride
        self._pose_model: PoseModel = pose_model

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """See `Estimator`; a video file or a directory of frames."""
        sha256 = source_sha256(source)
        with open_video(source, self._fps if source.is_dir() else None, span) as video:
            watch = Watch(video.frame_count)
            keypoints, confidence = _track(video, self._smooth, self._hand_model, self._pose_model, self._stride, watch)
            provenance = seen(self, source, sha256, (video.width, video.height))
            pose = watch.note(PoseSequence(keypoints, confidence, video.fps, MEDIAPIPE_75, provenance))
        found = ~pose.missing
        parts = (np.flatnonzero(found[:, joint]).size for joint in (0, 33, 54))
        log.debug("%s: %d frames, body in %d, left hand in %d, right hand in %d", source.name, len(pose), *parts)
        return finish(pose, self, sha256, span)


def unavailable() -> str | None:
    """Why this estimator cannot work here, or None if it can."""
    try:
        version = importlib.metadata.version("mediapipe")
        with silence():
            from mediapipe.python._framework_bindings.calculator_graph import CalculatorGraph  # noqa: F401
    except importlib.metadata.PackageNotFoundError:
        return f"mediapipe is not installed; {HOW_TO_INSTALL}"
    except ImportError as error:
        return f"mediapipe cannot be imported ({str(error).splitlines()[0]}); {HOW_TO_INSTALL}"
    if not (package_folder() / _POSE_FILE).exists():
        return f"mediapipe {version} comes without its models; {HOW_TO_INSTALL}"
    return None


@ESTIMATORS.register(MediaPipeOptions, "video or directory of frames; one person", unavailable)
def build_mediapipe(options: MediaPipeOptions) -> MediaPipeEstimator:
    """The estimator of its options; MissingDependency if it is not installed."""
    fps = USUAL_FPS if options.fps is None else options.fps
    return MediaPipeEstimator(
        fps, options.smooth_landmarks, options.hand_model, options.pose_stride, options.pose_model
    )


def _track(
    video: Video, smooth: bool, hand_model: HandModel, model: PoseModel, stride: int, watch: Watch
) -> tuple[np.ndarray, np.ndarray]:
    """(T, 75, 2) pixels and (T, 75) confidence of MEDIAPIPE_75; NaN and 0 where nothing is found or looked for."""
    rows = []
    with warnings.catch_warnings():
        # mediapipe 0.10.14 asks protobuf in a way that protobuf 4.25 warns about
        warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
        with _tracker(smooth, hand_model, model) as tracker:
            frames = said(watch.over(video.every(stride)), "frames", video.frame_count)
            told = False
            for number, frame in enumerate(frames):
                with nullcontext() if told else silence():  # the models are loaded, and announced, with the first frame
                    rows.append(_NOTHING if frame is None else tracker.find(frame, number))
                told |= frame is not None
    if not rows:
        raise InputError(f"{video.path}: no frame can be decoded")
    values = np.stack(rows)  # (T, 75, 3) x, y in picture widths and heights, confidence
    keypoints = values[..., :2] * np.array([video.width, video.height])
    confidence = np.clip(np.nan_to_num(values[..., 2]), 0, 1)
    return keypoints.astype(np.float32), confidence.astype(np.float32)


class _Tracker:
    """A running graph. Frames go in by increasing number; its clock goes on by 1/30 s a frame, as Holistic's does."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._found: dict[str, Any] = {}  # what came out for the last frame: stream -> packet
        # The graph holds what it calls. A method of this object would close a circle through C++, which Python's
        # collector cannot see: every graph, 30 MB, would stay for ever. And no Python code may run in the call, since
        # a signal's exception in there (Ctrl-C) aborts the process.
        for stream in (*(part for part, _ in _PARTS), *_SCORES):
            graph.observe_output_stream(stream, self._found.__setitem__)

    def find(self, frame: np.ndarray, number: int) -> np.ndarray:
        """(75, 3) x, y, confidence in an RGB frame."""
        from mediapipe.python import packet_creator, packet_getter
        from mediapipe.python._framework_bindings.image_frame import ImageFormat

        self._found.clear()
        picture = packet_creator.create_image_frame(frame, image_format=ImageFormat.SRGB)
        self._graph.add_packet_to_input_stream("image", picture.at((number + 1) * _TICK))
        self._graph.wait_until_idle()
        values = _NOTHING.copy()
        first = 0
        for (part, size), score in zip(_PARTS, (None, *_SCORES), strict=True):
            if part in self._found:
                landmarks = packet_getter.get_proto(self._found[part]).landmark
                sure = packet_getter.get_float(self._found[score]) if score else None
                values[first : first + size] = [(p.x, p.y, p.visibility if sure is None else sure) for p in landmarks]
            first += size
        return values


@contextmanager
def _tracker(smooth: bool, hand_model: HandModel, model: PoseModel = "full") -> Iterator[_Tracker]:
    """A fresh graph: nothing is remembered from clip to clip."""
    from mediapipe.python import packet_creator
    from mediapipe.python._framework_bindings.calculator_graph import CalculatorGraph

    with silence():
        graph = CalculatorGraph(graph_config=_flat_graph(hand_model))
        tracker = _Tracker(graph)
        graph.start_run(
            {
                "model_complexity": packet_creator.create_int(1),  # whichever model it is: its bytes are given
                "smooth_landmarks": packet_creator.create_bool(smooth),
                "enable_segmentation": packet_creator.create_bool(False),
                "use_prev_landmarks": packet_creator.create_bool(True),
                _POSE_MODEL: packet_creator.create_string(read_model(model)),
            }
        )
    try:
        yield tracker
    finally:
        graph.close()


def _flat_graph(hand_model: HandModel) -> Any:
    """The graph with its subgraphs written out, the chosen hand model in both hands' loaders, and the bytes of the pose
    model as a side packet instead of the file that its loader reads."""
    from mediapipe.framework import calculator_pb2
    from mediapipe.framework.tool.switch_container_pb2 import SwitchContainerOptions
    from mediapipe.python._framework_bindings.resource_util import set_resource_dir
    from mediapipe.python._framework_bindings.validated_graph_config import ValidatedGraphConfig

    set_resource_dir(str(package_folder().parent))  # where the models lie
    whole = ValidatedGraphConfig()
    whole.initialize(graph_config=_GRAPH)
    graph = calculator_pb2.CalculatorGraphConfig()
    graph.ParseFromString(whole.binary_config)
    for node in graph.node:
        if "handlandmarkmodelloader" in node.name and node.options.HasExtension(SwitchContainerOptions.ext):
            node.options.Extensions[SwitchContainerOptions.ext].select = 1 if hand_model == "full" else 0
    (reader,) = (n for n in graph.node if n.calculator == _FILE_READER and "poselandmarkmodelloader" in n.name)
    (contents,) = (name.split(":")[-1] for name in reader.output_side_packet)
    graph.node.remove(reader)
    graph.input_side_packet.append(_POSE_MODEL)
    for node in graph.node:
        for place, name in enumerate(node.input_side_packet):
            if name.split(":")[-1] == contents:
                node.input_side_packet[place] = name.replace(contents, _POSE_MODEL)
    return graph
