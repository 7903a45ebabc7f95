"""What is done to the inputs of one shard: estimate, lift, refine or translate, each input for itself.

Everything is imported when a stage is built: the module is loaded in each worker, also for a dry run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError

Clips = Mapping[str, PoseSequence]
Texts = Mapping[str, dict[str, Any]]
PoseStage = Callable[[Path], Clips]
TextStage = Callable[[Path], Texts]


class StageOptions(Config):
    """Options of all stages; each uses its own. model: folder, for its refiner, or to translate with."""

    estimator: str = "mediapipe"
    pose_stride: int = 1
    fps: float | None = None
    skeleton: str | None = None
    lift: str = "fast"
    refine: str = "skeletor"
    model: str | None = None
    device: str = "auto"


def estimate(options: StageOptions) -> PoseStage:
    """2D poses of a video or a folder of frames."""
    import cv2

    from slt.estimators.registry import build_estimator
    from slt.inference.estimation import Sparse, named_estimator

    cv2.setNumThreads(1)  # shards share the cores
    estimator = build_estimator(named_estimator(options.estimator, Sparse(options.pose_stride), options.fps))
    return lambda path: {"": estimator(path)}


def lift(options: StageOptions) -> PoseStage:
    """3D poses of all clips of a file of 2D poses."""
    from skeletor.lifters.choice import lift_values
    from skeletor.lifters.registry import LIFTERS, build_lifter
    from slt.inference.chain import to_signing_50

    lifter = build_lifter(LIFTERS.check(lift_values(options.lift), "--lift"))

    def one(pose: PoseSequence) -> PoseSequence:
        if pose.dims == 3:
            raise InputError(f"{pose.provenance.source or 'pose'}: is 3D already")
        return lifter(to_signing_50(pose))

    return partial(_each_clip, one, options)


def refine(options: StageOptions) -> PoseStage:
    """Repaired poses of all clips of a file."""
    from skeletor.repair import Repair
    from slt.inference.chain import make_refiner

    return partial(_each_clip, Repair(make_refiner(options.refine, _model(options))), options)


def translate(options: StageOptions) -> TextStage:
    """What `slt translate -f json` gives of a video, or of each clip of a file of poses."""
    import cv2

    from skeletor.files.suffixes import is_poses
    from slt.estimators.given import GivenPoses, PoseFiles
    from slt.inference.chain import load_chain

    cv2.setNumThreads(1)
    chain = load_chain(_model(options), device=options.device, fps=options.fps)
    files = PoseFiles(options.fps, options.skeleton)
    given = GivenPoses(files)

    def one(path: Path) -> Texts:
        if not is_poses(path):
            return {"": json.loads(chain.translate(path).json())}
        clips = {name: chain.translate_poses(given(path, name), path) for name in files.clips(path)}
        return {name: json.loads(result.json()) for name, result in clips.items()}

    return one


def _each_clip(stage: Callable[[PoseSequence], PoseSequence], options: StageOptions, path: Path) -> Clips:
    """People who sign in turns are put through by themselves, as `slt lift` and `slt refine` do."""
    from skeletor.poses.turns import each_turn
    from slt.estimators.given import PoseFiles

    return {name: each_turn(pose, stage) for name, pose in PoseFiles(options.fps, options.skeleton).clips(path).items()}


def _model(options: StageOptions) -> Path | None:
    return None if options.model is None else Path(options.model)


POSE_STAGES: Mapping[str, Callable[[StageOptions], PoseStage]] = {"poses": estimate, "lift": lift, "refine": refine}
TEXT_STAGES: Mapping[str, Callable[[StageOptions], TextStage]] = {"translate": translate}
STAGES = (*POSE_STAGES, *TEXT_STAGES)
