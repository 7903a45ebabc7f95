"""How the 2D poses of a trained system are made: as its model folder says, but for what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.poses.key_frames import STRIDE
from skeletor.poses.pose import PoseSequence
from slt.estimators.base import STAGE, Estimator
from slt.estimators.registry import ESTIMATORS, EstimateOptions, build_estimator
from slt.estimators.rtm.wholebody import WEIGHTS_OF_VERSION, RtmlibEstimator

_ASKED = "--pose-stride, --pose-speed, --pose-model, --hands, --people, --fps"
# Options of which a model is told when they differ from its training, with what holds where none is said.
_OWNER, _MODELS = "mediapipe", {"pose_model": "full", "hands": "holistic"}
# Weights that the user brings are told by the version.
_BRINGS, _WEIGHTS = RtmlibEstimator.name, WEIGHTS_OF_VERSION


@dataclass(frozen=True)
class Sparse:
    """How 2D is made, and how all frames come from it; None leaves what the model folder says.

    pose_stride: 2D on every N-th frame only. upsample: see `skeletor.poses.key_frames`. speed: of an estimator that has
    several ("full", "fast", "faster"). people: of one that follows several ("one", "turns"). pose_model, hands: of
    MediaPipe.
    """

    pose_stride: int | None = None
    upsample: str | None = None
    speed: str | None = None
    people: str | None = None
    pose_model: str | None = None
    hands: str | None = None

    @classmethod
    def of_options(cls, options: object) -> Sparse:
        """From options by their names on the command line; None for those that it does not have.

        options: an `argparse.Namespace`, or a section of a config.
        """
        names = ("pose_stride", "upsample", "pose_speed", "people", "pose_model", "hands")
        return cls(*(getattr(options, name, None) for name in names))

    def asked(self) -> dict[str, Any]:
        """What is asked of the estimator, by the names of its options."""
        values = {STRIDE: self.pose_stride, "speed": self.speed, "people": self.people,
                  "pose_model": self.pose_model, "hands": self.hands}  # fmt: skip
        return {key: value for key, value in values.items() if value is not None}


def estimator_config(
    config: Mapping[str, Any],
    folder: Path,
    name: str | None = None,
    sparse: Sparse | None = None,
    fps: float | None = None,
) -> EstimateOptions:
    """The estimator of a model (its `model.yaml` is `config`), or the one of that name with its default options.

    sparse, fps: what is asked for in place of that. InputError if the estimator cannot be so.
    """
    if name:
        stored = ESTIMATORS.check({"name": name}, "--estimator")
    else:
        stored = ESTIMATORS.check(config["estimator"], f"{folder}/model.yaml: estimator")
    given = (sparse or Sparse()).asked() | ({} if fps is None else {"fps": fps})
    return ESTIMATORS.check(stored.model_dump() | given, _ASKED) if given else stored


def make_estimator(name: str, sparse: Sparse | None = None, fps: float | None = None) -> Estimator:
    """An estimator by name with its default options, but for what is asked for.

    fps: of sources that do not tell theirs (folders of frames, OpenPose JSON). InputError if there is none of that
    name, or it cannot be so.
    """
    return build_estimator(named_estimator(name, sparse, fps))


def named_estimator(name: str, sparse: Sparse | None = None, fps: float | None = None) -> EstimateOptions:
    """The config of `make_estimator`."""
    return ESTIMATORS.check({"name": name, "fps": fps} | (sparse or Sparse()).asked(), f"--estimator, {_ASKED}")


def other_models(trained: Mapping[str, Any], version: str, raw: PoseSequence) -> list[str]:
    """Warnings where poses were made with other models, hands or weights than those that a reader was trained on.

    trained, version: the estimator and its version in its `model.yaml`. What the poses were made with stands in their
    provenance.
    """
    found = raw.provenance.estimator_version.partition(_WEIGHTS)[2]
    known = version.partition(_WEIGHTS)[2]
    if trained["name"] == raw.provenance.estimator == _BRINGS and found and known and found != known:
        return [f"2D with weights {found:.20}, the model was trained with {known:.20}"]
    made = [one.config for one in raw.provenance.stages if one.name == STAGE and one.config.get("estimator") == _OWNER]
    if trained["name"] != _OWNER or not made:  # a file of poses has a record of its reader behind that one
        return []
    pairs = [(key, made[-1].get(key, usual), trained.get(key, usual)) for key, usual in _MODELS.items()]
    return [
        f"2D with {key} {used!r:.20}, the model was trained with {known!r}"
        for key, used, known in pairs
        if used != known
    ]
