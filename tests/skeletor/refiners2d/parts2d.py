"""Made-up hands with known truth, for the tests of the 2D refiners."""

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50

HAND = SIGNING_50.group("right_hand")
BONES = [(HAND.index(p), HAND.index(j)) for p, j in SIGNING_50.bones if p in HAND and j in HAND]


def hands(count: int, seed: int, noise: float = 8.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth (F, 21, 2) that varies in three ways, detections with noise that grows as confidence falls, confidence."""
    shape_rng, rng = np.random.default_rng(5), np.random.default_rng(seed)
    mean, ways = shape_rng.normal(size=(21, 2)) * 40, shape_rng.normal(size=(3, 21, 2)) * 10
    truth = mean + np.einsum("fk,kjd->fjd", rng.normal(size=(count, 3)), ways) + rng.uniform(50, 400, (count, 1, 2))
    confidence = rng.uniform(0.05, 1, (count, 21))
    detected = truth + rng.normal(size=truth.shape) * noise * (1.2 - confidence[..., None])
    return truth, detected, confidence


def clips(count: int, seed: int, frames: int = 12) -> tuple[dict[str, PoseSequence], dict[str, PoseSequence]]:
    """Truth and detections of clips on SIGNING_50, in pixels."""
    rng = np.random.default_rng(seed)
    truth, detected = {}, {}
    body = np.random.default_rng(6).normal(size=(8, 2)) * 60
    for k in range(count):
        left, left_found, left_sure = hands(frames, seed + 2 * k)
        right, right_found, right_sure = hands(frames, seed + 2 * k + 1)
        ways = np.random.default_rng(7).normal(size=(2, 8, 2)) * 6
        own = body + np.einsum("fk,kjd->fjd", rng.normal(size=(frames, 2)), ways) + 200
        found = own + rng.normal(size=own.shape) * 3
        true = np.concatenate([own, left * (-1, 1), right], 1)
        seen = np.concatenate([found, left_found * (-1, 1), right_found], 1)
        sure = np.concatenate([np.full((frames, 8), 0.9), left_sure, right_sure], 1)
        about = Provenance(f"clip{k}", units="pixel")
        truth[f"clip{k}"] = PoseSequence(true, np.ones_like(sure), 25, SIGNING_50, about)
        detected[f"clip{k}"] = PoseSequence(seen, sure, 25, SIGNING_50, about)
    return truth, detected
