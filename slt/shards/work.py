"""What is done to the inputs of one shard: estimate, repair in 2D, lift, refine or translate, each input for itself.

Everything is imported when a stage is built: the module is loaded in each worker, also for a dry run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError, NothingToTranslate
from skeletor.support.progress import log

if TYPE_CHECKING:
    from skeletor.lifters.registry import Lifter
    from slt.estimators.given import PoseFiles
    from slt.estimators.registry import EstimateOptions

OneClip = Callable[[PoseSequence], PoseSequence]
Clips = Mapping[str, PoseSequence]
Texts = Mapping[str, dict[str, Any]]
PoseStage = Callable[[Path], Clips]
TextStage = Callable[[Path], Texts]


class _Of:
    """Mark of an option: the stages that have it."""

    def __init__(self, *stages: str) -> None:
        self.stages = stages


class StageOptions(Config):
    """Options of all stages, each with whose it is. None: what the stage does without it.

    model: folder, for its 2D refiner, for its refiner, or to translate with.
    """

    estimator: Annotated[str, _Of("poses")] = "mediapipe"
    pose_stride: Annotated[int | None, _Of("poses", "translate")] = None
    pose_speed: Annotated[str | None, _Of("poses", "translate")] = None
    pose_model: Annotated[str | None, _Of("poses")] = None
    hands: Annotated[str | None, _Of("poses")] = None
    people: Annotated[str | None, _Of("poses", "translate")] = None
    fps: float | None = None
    skeleton: Annotated[str | None, _Of("refine2d", "lift", "refine", "translate")] = None
    lift: Annotated[str, _Of("lift")] = "fast"
    stride: Annotated[int | None, _Of("lift")] = None
    upsample: Annotated[str | None, _Of("lift", "translate")] = None
    absent: Annotated[str | None, _Of("lift")] = None
    anonymise: Annotated[bool, _Of("lift", "refine")] = False
    refine: Annotated[str, _Of("refine")] = "skeletor"
    no_carried: Annotated[bool, _Of("refine")] = False
    model: Annotated[str | None, _Of("refine2d", "refine", "translate")] = None
    device: Annotated[str, _Of("translate")] = "auto"


def stages_of(name: str) -> tuple[str, ...]:
    """The stages that have an option."""
    marks = StageOptions.model_fields[name].metadata
    return next((mark.stages for mark in marks if isinstance(mark, _Of)), STAGES)


def check_options(stage: str, options: StageOptions) -> None:
    """InputError for an option of another stage, or a value that this one cannot use: told before anything begins."""
    for name, field in StageOptions.model_fields.items():
        stages = stages_of(name)
        if stage not in stages and getattr(options, name) != field.default:
            raise InputError(f"--{name.replace('_', '-')}: is of {', '.join(stages)}, not of {stage}; leave it out")
    if stage == "poses":
        _estimator(options)
    elif stage == "refine2d":
        refine_2d(options)
    elif stage == "lift":
        _lifter(options)
    elif stage == "refine":
        _refining(options)
    elif stage == "translate":
        _reading(options)


def estimate(options: StageOptions) -> PoseStage:
    """2D poses of a video or a folder of frames."""
    import cv2

    from slt.estimators.registry import build_estimator

    cv2.setNumThreads(1)  # shards share the cores
    estimator = build_estimator(_estimator(options))
    return lambda path: {"": estimator(path)}


def _estimator(options: StageOptions) -> EstimateOptions:
    from slt.inference.estimation import Sparse, named_estimator

    return named_estimator(options.estimator, Sparse.of_options(options), options.fps)


def refine_2d(options: StageOptions) -> PoseStage:
    """2D poses of all clips of a file repaired by the 2D refiner of a model folder; InputError if it has none."""
    from skeletor.refiners2d.key_frames import OnKeyFrames
    from slt.inference.chain import model_folder, refiner_2d_of, to_signing_50
    from slt.inference.model_files import REFINER_2D, checked_file, read_model_config

    folder = model_folder(_model(options))
    stored = read_model_config(folder).get("refine2d") or {}
    if stored.get("name", "none") == "none":
        raise InputError(f"{folder}: has no 2D refiner; give --model a folder of `slt run CONFIG --refine2d gaussian`")
    checked_file(folder, REFINER_2D)
    refiner = OnKeyFrames(refiner_2d_of(folder, stored, None))

    def one(pose: PoseSequence) -> PoseSequence:
        if pose.dims == 3:
            raise InputError(f"{pose.provenance.source or 'pose'}: is 3D already; 2D repair comes before lifting")
        return refiner(to_signing_50(pose))

    return partial(_each_clip, one, _pose_files(options))


def lift(options: StageOptions) -> PoseStage:
    """3D poses of all clips of a file of 2D poses."""
    from slt.inference.chain import to_signing_50

    lifter = _lifter(options)

    def one(pose: PoseSequence) -> PoseSequence:
        if pose.dims == 3:
            raise InputError(f"{pose.provenance.source or 'pose'}: is 3D already")
        if pose.missing.all():
            raise NothingToTranslate(f"{pose.provenance.source or 'pose'}: nobody is seen in any of its frames")
        return lifter(to_signing_50(pose))

    return partial(_each_clip, _anonymised(one, options), _pose_files(options))


def _lifter(options: StageOptions) -> Lifter:
    from skeletor.lifters.choice import lift_values
    from skeletor.lifters.registry import LIFTERS, build_lifter

    asked = {name: getattr(options, name) for name in ("stride", "upsample", "absent")}
    given = {name: value for name, value in asked.items() if value is not None}
    return build_lifter(LIFTERS.check(lift_values(options.lift) | given, "slt shards lift"))


def refine(options: StageOptions) -> PoseStage:
    """Repaired poses of all clips of a file."""
    from skeletor.repair import Repair
    from slt.inference.chain import make_refiner

    repair = Repair(make_refiner(options.refine, _model(options), carried=not options.no_carried))
    return partial(_each_clip, _anonymised(repair.or_as_it_is, options), _pose_files(options))


def translate(options: StageOptions) -> TextStage:
    """What `slt translate -f json` gives of a video, or of each clip of a file of poses."""
    import cv2

    from skeletor.files.suffixes import is_poses
    from slt.estimators.given import GivenPoses
    from slt.inference.chain import load_chain
    from slt.inference.estimation import Sparse

    cv2.setNumThreads(1)
    sparse = Sparse.of_options(options)
    chain = load_chain(_model(options), device=options.device, sparse=sparse, fps=options.fps)
    files = _pose_files(options)
    given = GivenPoses(files)

    def one(path: Path) -> Texts:
        if not is_poses(path):
            return {"": json.loads(chain.translate(path).json())}
        clips = {name: chain.translate_poses(given(path, name), path) for name in files.clips(path)}
        return {name: json.loads(result.json()) for name, result in clips.items()}

    return one


def _refining(options: StageOptions) -> None:
    """InputError if there is no such refiner, or it cannot be so; its weights are not loaded."""
    from slt.inference.chain import refiner_options

    refiner_options(options.refine, carried=not options.no_carried)


def _reading(options: StageOptions) -> None:
    """InputError if the model of a translation cannot be used so; its weights are not loaded."""
    from skeletor.lifters.choice import stored_lift
    from slt.inference.chain import model_folder, upsampling
    from slt.inference.estimation import Sparse, estimator_config
    from slt.inference.model_files import read_model_config

    folder = model_folder(_model(options))
    config = read_model_config(folder)
    estimator_config(config, folder, sparse=Sparse.of_options(options), fps=options.fps)
    upsampling(stored_lift(config["lift"], folder), options.upsample)


def _anonymised(stage: OneClip, options: StageOptions) -> OneClip:
    from skeletor.lifters.anonymise import anonymise

    return (lambda pose: anonymise(stage(pose))) if options.anonymise else stage


def _pose_files(options: StageOptions) -> PoseFiles:
    from slt.estimators.given import PoseFiles

    return PoseFiles(options.fps, options.skeleton)


def _each_clip(stage: OneClip, files: PoseFiles, path: Path) -> Clips:
    """People who sign in turns are put through by themselves, as `slt lift` and `slt refine` do.

    A clip with nobody in it is left out, which is told; NothingToTranslate if all are such.
    """
    from skeletor.poses.turns import each_turn

    found: dict[str, PoseSequence] = {}
    empty: list[str] = []
    for name, pose in files.clips(path).items():
        try:
            found[name] = each_turn(pose, stage)
        except NothingToTranslate as error:
            empty.append(str(error))
    if empty and not found:
        raise NothingToTranslate(empty[0])
    for line in empty:
        log.warning("%s: a clip is left out: %s", path, line)
    return found


def _model(options: StageOptions) -> Path | None:
    return None if options.model is None else Path(options.model)


POSE_STAGES: Mapping[str, Callable[[StageOptions], PoseStage]] = {
    "poses": estimate,
    "refine2d": refine_2d,
    "lift": lift,
    "refine": refine,
}
TEXT_STAGES: Mapping[str, Callable[[StageOptions], TextStage]] = {"translate": translate}
STAGES = (*POSE_STAGES, *TEXT_STAGES)


def nothing_of(stage: str) -> str:
    """What a summary calls inputs out of which a stage made nothing, though they are sound."""
    return "not translated" if stage in TEXT_STAGES else "with nobody in them"


def nothing_in(stage: str, found: Mapping[str, Any]) -> str | None:
    """Why there is nothing in what a stage made of an input, in a line without its name; None if there is something.

    found: by clip, as its function gives it. Poses: nobody is in any of the clips, as `slt poses` and `slt refine`
    have it. Texts: a clip was not translated, for each is an input of `slt translate`. Other stages tell it themselves.
    """
    if stage in POSE_STAGES:
        if not found or any((pose.confidence > 0).any() for pose in found.values()):
            return None
        return f"nobody was found in any of its {sum(len(pose) for pose in found.values())} frames"
    if stage not in TEXT_STAGES:
        return None
    why = {name: record.get("reason") for name, record in found.items() if record.get("text") is None}
    if not why:
        return None
    name, reason = next(iter(why.items()))
    return f"not translated: {reason}" if len(found) == 1 else f"{len(why)} of {len(found)} clips: {name}: {reason}"
