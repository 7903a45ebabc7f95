"""MediaPipe's hand models by name: the two in its wheel, and the full one in 8-bit integers (`integers`)."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Literal

from skeletor.support.errors import MissingDependency
from slt.estimators.mediapipe.models import hand_ranges
from slt.estimators.mediapipe.models.integers import in_integers
from slt.estimators.mediapipe.models.package import package_folder

HandModel = Literal["full", "int8", "lite"]
ABOUT = "int8: the full one in 8-bit integers, a quarter less of its CPU time; lite: a smaller one, half of it"
FOLDER = Path("modules") / "hand_landmark"  # of the wheel


def hand_file(model: HandModel) -> Path:
    """The file of MediaPipe's wheel that a model comes from."""
    return package_folder() / FOLDER / f"hand_landmark_{'lite' if model == 'lite' else 'full'}.tflite"


@cache
def read_hand_model(model: HandModel) -> bytes:
    """The bytes of a model. MissingDependency if another MediaPipe's file cannot be put into integers."""
    found = hand_file(model).read_bytes()
    if model != "int8":
        return found
    try:
        if hashlib.sha256(found).hexdigest() != hand_ranges.SHA256:
            raise ValueError("another file than its ranges were measured on")  # wrong ones would cost hands, unseen
        return in_integers(found, hand_ranges.FIRST, hand_ranges.RANGES)
    except (ValueError, IndexError) as error:
        raise MissingDependency(
            f"estimator mediapipe: its hand model cannot be put into integers ({error}); "
            "pip install --no-deps mediapipe==0.10.14"
        ) from error
