"""All 2D estimators: from a video (or what another tool made of it) to the signer's joints in pixels.

Each registers itself in its own module (`skeletor.support.registry` shows how); the import here makes it known.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from skeletor.files.outside import existing_file
from skeletor.poses.pose import file_sha256
from skeletor.support.workers import worker_pool
from slt.estimators import openpose, openpose_files, pose_files  # noqa: F401  each registers itself
from slt.estimators.base import ESTIMATORS, EstimateOptions, Estimator
from slt.estimators.mediapipe import estimator  # noqa: F401
from slt.estimators.rtm import wholebody  # noqa: F401

__all__ = [
    "ESTIMATORS",
    "EstimateConfig",
    "EstimateOptions",
    "Estimator",
    "build_estimator",
    "check_weights",
    "weights_digests",
]
# A config's section: which estimator, and its options.
EstimateConfig = Annotated[EstimateOptions, BeforeValidator(ESTIMATORS.parse), SerializeAsAny()]


def build_estimator(options: EstimateOptions) -> Estimator:
    """The estimator of its options; MissingDependency if it is not installed."""
    return ESTIMATORS.build(options)


def check_weights(options: EstimateOptions) -> None:
    """InputError, one line, if files of weights that the options name cannot be used.

    A process of its own loads them: whoever asks, and goes on with other work, does not keep them in memory.
    """
    if options.files():
        with worker_pool(1) as pool:
            pool.submit(_built, options).result()


def _built(options: EstimateOptions) -> None:
    build_estimator(options)


def weights_digests(options: EstimateOptions) -> tuple[str, ...]:
    """Option and SHA-256 of each file of weights that the options name; none for most estimators.

    Raises InputError, one line, if one cannot be read.
    """
    return tuple(f"{option} {file_sha256(existing_file(path, option))}" for option, path in options.files().items())
