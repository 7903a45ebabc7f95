"""MediaPipe's pose models by name: the one in its wheel, and the heavy one, which has to be fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from skeletor.support.errors import MissingDependency
from slt.estimators.mediapipe.models.package import package_folder
from slt.estimators.mediapipe.models.prune import without_output
from slt.estimators.places import cache_folder

PoseModel = Literal["full", "heavy"]
POSE_MODELS: tuple[PoseModel, ...] = get_args(PoseModel)
ABOUT = "heavy: MediaPipe's model complexity 2, larger and slower; its weights are no part of the package"
FOLDER = Path("modules") / "pose_landmark"  # of the wheel; MediaPipe itself looks there for all three
_MASK = 2  # number of the output that draws the person
_PACKAGE = "@mediapipe/pose@0.5.1675469404"
# A TFLite file is a program for its interpreter: no other than this one is run.
SHA256 = "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe"


def file_name(model: PoseModel) -> str:
    """The name that MediaPipe gives the file of a model."""
    return f"pose_landmark_{model}.tflite"


def places(model: PoseModel) -> Iterator[Path]:
    """Where the file of a model may lie, in order: in MediaPipe's package, in the user's cache."""
    yield package_folder() / FOLDER / file_name(model)
    yield cache_folder() / file_name(model)


def unavailable(model: PoseModel) -> str | None:
    """Why a model cannot be used here, in one line that says how to get it; None if it can."""
    found = _found(model)
    if found is None:
        return f"the pose model {model} is not here; {how_to_get(model)}"
    if model == "heavy" and _sha256(found) != SHA256:
        return f"{found} is not MediaPipe's heavy pose model, or is damaged; {how_to_get(model)}"
    return None


def how_to_get(model: PoseModel) -> str:
    """The commands that fetch a model."""
    if model == "full":
        return "it comes with mediapipe: `make setup`, or pip install --no-deps mediapipe==0.10.14"
    folder, archive = cache_folder(), _PACKAGE.replace("@", "", 1).replace("/", "-").replace("@", "-")
    return (
        f"get it: mkdir -p {folder} && npm pack {_PACKAGE} && tar -xzf {archive}.tgz -C {folder} --strip-components 1 "
        f"package/{file_name(model)}"
    )


@cache
def read_model(model: PoseModel) -> bytes:
    """The bytes of a model, without its mask of the person. MissingDependency if it cannot be used."""
    reason = unavailable(model)
    found = _found(model)
    if reason is not None or found is None:
        raise MissingDependency(f"estimator mediapipe: {reason}")
    return without_output(found.read_bytes(), _MASK)


def _found(model: PoseModel) -> Path | None:
    return next((path for path in places(model) if path.is_file()), None)


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
