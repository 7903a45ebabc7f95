"""Small things for the tests of the refiner."""

from typing import Any

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50, Skeleton
from skeletor.refiners.training.config import RefinerTrainConfig, train_preset


def clips(
    count: int, seed: int = 0, frames: int = 40, skeleton: Skeleton = SIGNING_50, dims: int = 3
) -> list[PoseSequence]:
    """Smooth motions around one pose, in shoulder widths."""
    shape = np.random.default_rng(99).normal(size=(len(skeleton), dims)) * 0.3
    if "left_shoulder" in skeleton.joints:
        for joint, x in (("neck", 0.0), ("left_shoulder", 0.5), ("right_shoulder", -0.5)):
            shape[skeleton.index(joint)] = 0
            shape[skeleton.index(joint), 0] = x
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 25
    result = []
    for _ in range(count):
        rate, phase = rng.uniform(0.3, 1, (2, 1, len(skeleton), dims))
        motion = 0.2 * np.sin(2 * np.pi * (time * rate + phase))
        motion[:, [j for j, name in enumerate(skeleton.joints) if name == "neck" or "shoulder" in name]] = 0
        confidence = np.full((frames, len(skeleton)), 0.9, np.float32)
        result.append(PoseSequence(shape + motion, confidence, 25, skeleton, Provenance(units="shoulder")))
    return result


def config(**changes: Any) -> RefinerTrainConfig:
    """A training of a few seconds at most."""
    quick: dict[str, Any] = {
        "model": {"d_model": 16, "d_ff": 32, "heads": 2, "layers": 1},
        "window": 16,
        "margin": 2,
        "batch_size": 8,
        "max_steps": 12,
        "log_every": 4,
        "validate_every": 6,
        "checkpoint_every": 5,
        "warmup_steps": 2,
    }
    return train_preset("small", **{**quick, **changes})
