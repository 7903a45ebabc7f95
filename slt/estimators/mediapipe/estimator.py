"""MediaPipe Holistic without its face mesh: the embedded default estimator.

The graph is Holistic's own (`PoseLandmarkCpu` and `HandLandmarksLeftAndRightCpu`, model complexity 1, tracking
over time) minus what we do not use: the face part, and the mask of the person, which the pose model draws even if
nobody asks for it (`prune`). It is cut into parts (`mediapipe_graphs`), so that the models are loaded once and not for
each clip. Body and hands come out bit for bit as from `mp.solutions.holistic.Holistic` (tested), at about half of the
CPU time. `pose_model="heavy"` takes MediaPipe's largest model of the body, which has to be fetched (`pose_model`).
`speed="fast"` and `"faster"` ask the models less often (`track`); `faster` also takes `hand_model="int8"`, the hand
model in 8-bit integers (`hand_model`). `hand_model="lite"` takes MediaPipe's smaller hand model instead: fewer hands
are found in blurred pictures. `hands="second"` searches for hands that Holistic loses with another detector (`palms`).
All runs in the calling thread
(ApplicationThreadExecutor): parallel work is over clips, in processes. Of a stream, body and hands have threads of
their own (`lanes`).

With a stride of N the tracker sees every N-th frame only, and is told the time between them (Holistic's own solution
says 1/30 s always, so stride 1 does too): its smoothing of the body is then weaker, as it should be.

Confidence. Body joints: MediaPipe's visibility, smoothed over time by MediaPipe itself; the position of a joint
with a low one is a guess. Hand joints: the hand model's presence score, the probability that its crop shows a hand,
one number for all 21 joints of a hand. Holistic computes it, uses it as a gate at 0.5 and does not give it away; here
it is read from inside the graph. So a hand's confidence is in (0.5, 1], or the hand is missing.

MediaPipe finds one person only, the most prominent one when it starts to track; with several people in the picture
it may be the wrong one; that there are others is noted (`bystanders`). `people="turns"` follows each of those who are
beside each other in a strip of the picture (`crowd`), and gives in each frame the one who signs
(`skeletor.io.people`). Feeding the first frame more than once to warm the tracker up was tried and found nothing
more, so the clip starts with its first frame.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from pydantic import Field

from skeletor.io.people import People, by_turns
from skeletor.poses.key_frames import STRIDE
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import MEDIAPIPE_75
from skeletor.support.errors import InputError, MissingDependency
from skeletor.support.listening import said
from skeletor.support.progress import log
from slt.estimators.base import ESTIMATORS, USUAL_FPS, EstimateOptions, Look, Tell, finish, seen, seen_in, source_sha256
from slt.estimators.mediapipe import graphs
from slt.estimators.mediapipe.bystanders import Watch
from slt.estimators.mediapipe.crowd import ABOUT as PEOPLE_ABOUT
from slt.estimators.mediapipe.crowd import Strip, WhoIsRead, find_strips
from slt.estimators.mediapipe.lanes import Lanes
from slt.estimators.mediapipe.models.hand_model import ABOUT as HAND_MODEL_ABOUT
from slt.estimators.mediapipe.models.hand_model import HandModel
from slt.estimators.mediapipe.models.package import package_folder, silence
from slt.estimators.mediapipe.models.pose_model import ABOUT as POSE_MODEL_ABOUT
from slt.estimators.mediapipe.models.pose_model import FOLDER, PoseModel, file_name
from slt.estimators.mediapipe.models.pose_model import unavailable as pose_model_unavailable
from slt.estimators.mediapipe.palms import Hands
from slt.estimators.mediapipe.track import EFFORTS, Tracker
from slt.video import Span, Video, open_video

Speed = Literal["full", "fast", "faster"]
SPEEDS: tuple[Speed, ...] = get_args(Speed)
HANDS: tuple[Hands, ...] = get_args(Hands)
SPEED_ABOUT = (
    "fast: the body, and hands at rest, every 0.16 s only; faster: hands also looked for where they were, in 8-bit "
    "integers; see docs/sparse.md"
)
HANDS_ABOUT = "second: hands that Holistic loses are searched for by the detector of palms, at half the confidence"
HOW_TO_INSTALL = "`make setup` installs it, or: pip install --no-deps mediapipe==0.10.14"


class MediaPipeOptions(EstimateOptions):
    """Options of `mediapipe`."""

    name: Literal["mediapipe"] = "mediapipe"
    smooth_landmarks: bool = Field(True, description="its own smoothing of the body over time")
    hand_model: HandModel = Field("full", description=HAND_MODEL_ABOUT)
    pose_model: PoseModel = Field("full", description=POSE_MODEL_ABOUT)
    speed: Speed = Field("full", description=SPEED_ABOUT)
    hands: Hands = Field("holistic", description=HANDS_ABOUT)
    people: WhoIsRead = Field("one", description=PEOPLE_ABOUT)


class MediaPipeEstimator:
    """Holistic's body and hands. `fps` is for directories of frames, which do not tell their own."""

    name = "mediapipe"

    def __init__(
        self,
        fps: float | None = None,
        smooth_landmarks: bool = True,
        hand_model: HandModel = "full",
        pose_stride: int = 1,
        pose_model: PoseModel = "full",
        speed: Speed = "full",
        hands: Hands = "holistic",
        people: WhoIsRead = "one",
    ) -> None:
        reason = unavailable() or pose_model_unavailable(pose_model)
        if reason is not None:
            raise MissingDependency(f"estimator mediapipe: {reason}")
        if speed == "faster" and hand_model == "full":
            hand_model = "int8"
        self.version = importlib.metadata.version("mediapipe")
        self.options: Mapping[str, Any] = {
            "fps": USUAL_FPS if fps is None else fps, "smooth_landmarks": smooth_landmarks, "hand_model": hand_model,
            STRIDE: pose_stride,
            **({} if pose_model == "full" else {"pose_model": pose_model}),  # files of the usual one stay valid
            **({} if speed == "full" else {"speed": speed}),
            **({} if hands == "holistic" else {"hands": hands}),
            **({} if people == "one" else {"people": people}),
        }  # fmt: skip
        self._fps = fps
        self._smooth = smooth_landmarks
        self._models: tuple[HandModel, PoseModel] = hand_model, pose_model
        self._stride, self._effort, self._hands = pose_stride, EFFORTS[speed], hands
        self._several = people == "turns"

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """See `Estimator`; a video file or a directory of frames."""
        sha256 = source_sha256(source)
        with open_video(source, self._fps if source.is_dir() else None, span) as video:
            provenance = seen_in(self, source, sha256, video)
            strips = find_strips(video) if self._several else []
            if len(strips) > 1:
                followed = [self._follow(video, strip) for strip in strips]
                keypoints, confidence = (np.stack(values, 1) for values in zip(*followed, strict=True))
                pose = by_turns(People(keypoints, confidence, video.fps, MEDIAPIPE_75, provenance))
            else:
                watch = Watch(video.frame_count)
                keypoints, confidence = self._follow(video, Strip(0, video.width), watch)
                pose = watch.note(PoseSequence(keypoints, confidence, video.fps, MEDIAPIPE_75, provenance))
        found = ~pose.missing
        parts = (np.flatnonzero(found[:, joint]).size for joint in (0, 33, 54))
        log.debug("%s: %d frames, body in %d, left hand in %d, right hand in %d", source.name, len(pose), *parts)
        return finish(pose, self, sha256, span)

    def _follow(self, video: Video, strip: Strip, watch: Watch | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(T, 75, 2) pixels and (T, 75) confidence of MEDIAPIPE_75 of the person in a strip of the picture; NaN and 0
        where nothing is found or looked for. watch: sees the frames."""
        width = strip.right - strip.left
        whole = width == video.width
        frames = said(video.every(self._stride), "frames", video.frame_count)
        frames = frames if whole else strip.of(frames)
        frames = frames if watch is None else watch.over(frames)
        aspect = width / video.height
        tracker = Tracker(self._smooth, *self._models, self._effort, aspect, video.fps, self._stride, self._hands)
        values = _track(video, tracker, frames)
        keypoints = values[..., :2] * np.array([width, video.height]) + np.array([strip.left, 0])
        confidence = np.clip(np.nan_to_num(values[..., 2]), 0, 1)
        return keypoints.astype(np.float32), confidence.astype(np.float32)

    def load(self) -> None:
        """See `Follower`."""
        hand_model, pose_model = self._models
        parts = [graphs.detector(), graphs.body(pose_model)]
        for copy in (0,) if self._hands == "second" else (0, 1):
            parts += [graphs.cropper(copy), graphs.follower(copy), graphs.hand(hand_model, copy)]
        for part in parts:
            part.load()

    @contextmanager
    def follow(self, source: str, fps: float, tell: Tell) -> Iterator[Look]:
        """See `Follower`. Body and hands are looked at by threads of their own; bystanders are not looked for."""
        lanes: Lanes | None = None
        size = np.zeros(2, int)

        def told(number: int, values: np.ndarray) -> None:
            points = (values[None, :, :2] * size).astype(np.float32)
            confidence = np.clip(np.nan_to_num(values[None, :, 2]), 0, 1).astype(np.float32)
            provenance = seen(self, Path(source), "", (int(size[0]), int(size[1])))
            tell(number, finish(PoseSequence(points, confidence, fps, MEDIAPIPE_75, provenance), self, ""))

        def look(frame: np.ndarray, number: int) -> None:
            nonlocal lanes
            if lanes is None:
                self.load()
                size[:] = frame.shape[1::-1]
                aspect = float(size[0] / size[1])
                hand_model, pose_model = self._models
                tracker = Tracker(
                    self._smooth, hand_model, pose_model, self._effort, aspect, fps, self._stride, self._hands, True
                )
                lanes = Lanes(tracker, told)
            lanes.look(frame, number)

        try:
            yield look
            if lanes is not None:
                lanes.finish()
        finally:
            if lanes is not None:
                lanes.close()


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
    if not (package_folder() / FOLDER / file_name("full")).exists():
        return f"mediapipe {version} comes without its models; {HOW_TO_INSTALL}"
    return None


@ESTIMATORS.register(MediaPipeOptions, "video or directory of frames; one person", unavailable)
def build_mediapipe(options: MediaPipeOptions) -> MediaPipeEstimator:
    """The estimator of its options; MissingDependency if it is not installed."""
    models = options.hand_model, options.pose_stride, options.pose_model
    more = options.speed, options.hands, options.people
    return MediaPipeEstimator(options.fps, options.smooth_landmarks, *models, *more)


def _track(video: Video, tracker: Tracker, frames: Iterator[np.ndarray | None]) -> np.ndarray:
    """(T, 75, 3) x, y in picture widths and heights, confidence; NaN where nothing is found or looked for."""
    with warnings.catch_warnings(), closing(tracker):
        # mediapipe 0.10.14 asks protobuf in a way that protobuf 4.25 warns about
        warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype")
        rows = list(tracker.find(frames))
    if not rows:
        raise InputError(f"{video.path}: no frame can be decoded")
    return np.stack(rows)
