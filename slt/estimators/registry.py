"""All 2D estimators: from a video (or what another tool made of it) to the signer's joints in pixels.

Each registers itself in its own module (`skeletor.support.registry` shows how); the import here makes it known.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from skeletor.poses.pose import file_sha256
from slt.estimators import openpose, openpose_files, pose_files  # noqa: F401  each registers itself
from slt.estimators.base import ESTIMATORS, EstimateOptions, Estimator
from slt.estimators.mediapipe import estimator  # noqa: F401
from slt.estimators.rtm import wholebody  # noqa: F401

__all__ = ["ESTIMATORS", "EstimateConfig", "EstimateOptions", "Estimator", "build_estimator", "weights_digests"]
# A config's section: which estimator, and its options.
EstimateConfig = Annotated[EstimateOptions, BeforeValidator(ESTIMATORS.parse), SerializeAsAny()]


def build_estimator(options: EstimateOptions) -> Estimator:
    """The estimator of its options; MissingDependency if it is not installed."""
    return ESTIMATORS.build(options)


def weights_digests(options: EstimateOptions) -> tuple[str, ...]:
    """Option and SHA-256 of each file of weights that the options name; none for most estimators.

    Raises InputError, one line, if they cannot be used.
    """
    files = options.files()
    if files:
        build_estimator(options)
    return tuple(f"{option} {file_sha256(path)}" for option, path in files.items())
