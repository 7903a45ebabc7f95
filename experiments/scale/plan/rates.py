"""What a frame costs each stage, what it takes on disk, and what a shard costs those who hand it out; measured here.

CPU seconds of one thread, so that other load matters little.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.benchmarks import estimate
from experiments.benchmarks.refine import motion
from experiments.benchmarks.table import cpu_seconds
from experiments.scale.clips import short_clips
from experiments.scale.corpora import Here, planned, rendered_poses, tiny_poses
from skeletor.io.native import write_pose
from skeletor.learning.data.pack import pack
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.pose import PoseSequence, file_sha256
from slt.estimators.mediapipe.estimator import MediaPipeOptions
from slt.estimators.registry import EstimateOptions, build_estimator
from slt.inference.chain import SHIPPED, Translation, load_chain, make_refiner
from slt.pipeline.mapping import BatchStage
from slt.shards.engines import Local
from slt.shards.run import run_plan
from slt.shards.shard import MARKER, finished_marker

POSES, FAST, LIFT, REFINE, TRANSLATE = "poses", "poses, --pose-speed fast", "lift", "refine", "translate"
_MEGABYTES = 32  # of a file whose hash is timed


@dataclass(frozen=True)
class Rates:
    """milliseconds: of a core, for a frame, by stage. frame_bytes: of a frame in what the stages write, "pack" and
    `slt translate`'s lines too. marker: bytes of a shard's of one input. looked: CPU ms to see whether a shard is
    finished, its result's hash left out; hashed: bytes a CPU second of that. handed: CPU ms of the process that hands
    out shards to workers of this machine, a shard."""

    milliseconds: dict[str, float]
    frame_bytes: dict[str, float]
    marker: int
    looked: float
    hashed: float
    handed: float


def measure(work: Path, frames: int, packed: int, looked: int, handed: int) -> Rates:
    """All rates; the stages on rendered clips of about so many frames together. The other numbers: frames in a store,
    and shards that are looked at and handed out."""
    milliseconds, poses, lines = stages(work, frames)
    sizes = {name: _size(clips, work) for name, clips in poses.items()}
    sizes |= {TRANSLATE: lines, "pack": packed_size(work, packed)}
    marker, each = looking(work, looked)
    return Rates(milliseconds, sizes, marker, each, hashing(work), handing(handed))


def stages(work: Path, frames: int) -> tuple[dict[str, float], dict[str, list[PoseSequence]], float]:
    """Milliseconds a frame, what each stage of poses made, and bytes a frame of sentences."""
    clips = estimate.rendered(frames, work / "clips")
    videos, few = sorted(clips.folder.rglob("*.mp4")), short_clips(1, 4, work / "warm")
    count = clips.frames
    found: dict[str, float] = {}
    poses: dict[str, list[PoseSequence]] = {}
    for name, options in ((POSES, MediaPipeOptions()), (FAST, MediaPipeOptions(speed="fast"))):
        poses[name], seconds = _estimated(options, few[0], videos)
        found[name] = 1000 * seconds / count
    found[LIFT], poses[LIFT] = _mapped(build_lifter(FastOptions()), poses[POSES])
    found[REFINE], poses[REFINE] = _mapped(make_refiner("skeletor", None), poses[LIFT])
    chain = load_chain(SHIPPED, device="cpu")
    chain.translate_poses(poses[REFINE][0], "warm")
    texts: list[Translation] = []
    seconds = cpu_seconds(lambda: texts.extend(chain.translate_poses(one, "clip.mp4") for one in poses[REFINE]))
    found[TRANSLATE] = 1000 * seconds / count
    return found, poses, sum(len(text.json().encode()) for text in texts) / count


def _estimated(options: EstimateOptions, few: Path, videos: Sequence[Path]) -> tuple[list[PoseSequence], float]:
    """2D of videos and its CPU seconds, after that of a few frames."""
    estimator = build_estimator(options)
    estimator(few)
    made: list[PoseSequence] = []
    seconds = cpu_seconds(lambda: made.extend(estimator(one) for one in videos))
    return made, seconds


def _mapped(stage: BatchStage, given: Sequence[PoseSequence]) -> tuple[float, list[PoseSequence]]:
    """Milliseconds a frame, after a warm-up, and what comes out."""
    made: list[PoseSequence] = []
    stage.many(given[:1])
    seconds = cpu_seconds(lambda: made.extend(stage.many(given)))
    return 1000 * seconds / sum(map(len, given)), made


def _size(clips: Sequence[PoseSequence], work: Path) -> float:
    """Bytes a frame of files of poses."""
    path, total = work / "size.safetensors", 0
    for clip in clips:
        write_pose(clip, path)
        total += path.stat().st_size
    return total / sum(map(len, clips))


def packed_size(work: Path, frames: int) -> float:
    """Bytes a frame in a store of `skeletor pack`."""
    shutil.rmtree(work / "store", ignore_errors=True)
    write_pose(motion(frames), work / "packed.safetensors")
    pack([work / "packed.safetensors"], work / "store")
    return sum(path.stat().st_size for path in (work / "store").rglob("*") if path.is_file()) / frames


def looking(work: Path, shards: int) -> tuple[int, float]:
    """Bytes of a marker, and CPU ms to see that a tiny shard is finished."""
    (source,) = rendered_poses(1, work / "poses")
    shutil.rmtree(work / "looked", ignore_errors=True)
    plan = planned(work / "looked", LIFT, tiny_poses(shards, work / "tiny", source), 1)
    run_plan(plan, Here())
    size = plan.result(0).with_suffix(MARKER).stat().st_size

    def look() -> None:
        assert all(finished_marker(plan, shard) is not None for shard in range(shards))

    return size, 1000 * cpu_seconds(look) / shards


def hashing(work: Path) -> float:
    """Bytes a CPU second of the hash that tells whether a result is whole."""
    path = work / "hashed"
    path.write_bytes(bytes(_MEGABYTES << 20))
    return (_MEGABYTES << 20) / cpu_seconds(lambda: file_sha256(path), 2)


def handing(shards: int) -> float:
    """CPU ms of this process for each shard that it hands to two workers, which do nothing with it."""
    begin = time.process_time()
    assert all(one.error is None for one in Local(2).run(nothing, range(shards)))
    return 1000 * (time.process_time() - begin) / shards


def nothing(shard: int) -> None:
    """The work of a shard that only the handing out of is looked at."""
