"""Clips for the bench: rendered, estimated, and read back from files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.benchmarks.table import Row, cpu_seconds, rate
from skeletor.io.formats import read_pose, write_pose
from skeletor.poses.pose import PoseSequence
from slt.estimators.mediapipe.estimator import MediaPipeOptions
from slt.estimators.registry import build_estimator
from slt.synthetic.build import CorpusConfig, make_clip, plan_corpus
from slt.video import open_video


@dataclass(frozen=True)
class Clips:
    """Rendered clips: a folder with their videos, their true 2D, and the CPU seconds that they took."""

    folder: Path
    planar: list[PoseSequence]
    seconds: float

    @property
    def frames(self) -> int:
        """Of all clips."""
        return sum(map(len, self.planar))


def rendered(frames: int, folder: Path) -> Clips:
    """Sentences of the rendered corpus with about so many frames together, as broadcast video."""
    config = CorpusConfig(train=1, dev=1, test=max(2, frames // 70), negatives=0, studio=2)
    plans = [plan for plan in plan_corpus(config) if plan.part == "test"]
    planar: list[PoseSequence] = []
    seconds = cpu_seconds(lambda: planar.extend(make_clip(plan, config, folder)[1] for plan in plans))
    return Clips(folder, planar, seconds)


def rows(clips: Clips) -> Iterator[Row]:
    """Rendering beside real time, estimation beside MediaPipe's own solution, our files beside pose-format's."""
    yield Row("motion + render + encode (broadcast)", "frames/s", clips.frames / clips.seconds, "real time", 25)
    videos = sorted(clips.folder.rglob("*.mp4"))
    few = videos[: max(1, len(videos) // 4)]
    shown = sum(open_video(video).frame_count for video in few)
    estimator = build_estimator(MediaPipeOptions())
    estimator(few[0])
    faster = build_estimator(MediaPipeOptions(speed="fast"))
    ours = rate(lambda: [estimator(video) for video in few], shown)
    yield Row("estimate, speed fast", "frames/s", rate(lambda: [faster(video) for video in few], shown),
              "speed full", ours)  # fmt: skip
    yield Row("estimate (MediaPipe, no face mesh)", "frames/s", ours, "mp.solutions Holistic",
              rate(lambda: holistic(few), shown))  # fmt: skip


def file_rows(poses: Sequence[PoseSequence], folder: Path) -> Iterator[Row]:
    """Reading poses back, beside the .pose format."""
    count = sum(map(len, poses))
    for k, pose in enumerate(poses):
        write_pose(pose, folder / f"{k}.safetensors")
        write_pose(pose, folder / f"{k}.pose")

    def read(suffix: str) -> float:
        return rate(lambda: [np.sum(read_pose(folder / f"{k}{suffix}").confidence) for k in range(len(poses))], count)

    yield Row("read poses (safetensors)", "frames/s", read(".safetensors"), ".pose by pose-format", read(".pose"))


def holistic(videos: Sequence[Path]) -> None:
    """What a user would write with MediaPipe's own solution, a model for each video."""
    import mediapipe as mp

    for video in videos:
        with mp.solutions.holistic.Holistic(model_complexity=1) as model, open_video(video) as frames:
            for frame in frames:
                model.process(frame)
