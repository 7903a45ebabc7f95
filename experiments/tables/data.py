"""Clips with a known truth, the confidence that a detector might give them, and what is hidden or spoilt in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from experiments.tables.config import MotionConfig
from skeletor.io.store import write_store
from skeletor.learning.corrupt import noise
from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import Skeleton
from slt.pipeline.cache.stage import Done, run_stage
from slt.synthetic.language.grammar import make_splits
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import split_signers

PARTS = ("train", "dev", "test")
FPS = 25.0
What = Literal["frames", "joints"]
Target = Literal["hand", "hand and wrist", "frame"]
EDGE = 2  # frames at both ends of a clip in which no run is hidden


def motion_clips(config: MotionConfig, part: str) -> list[PoseSequence]:
    """Signed sentences of a part ("train", "dev" or "test"): (T, 50, 3) in shoulder widths, 25 fps, the truth itself.

    Neither the signers nor the gloss sequences of dev and test are in train. The confidence is simulated.
    """
    sentences = make_splits(config.train, config.dev, config.test, config.seed)[part]
    people = split_signers(disjoint=True)[part]
    clips = []
    for k, sentence in enumerate(sentences):
        rng = np.random.default_rng([config.seed, PARTS.index(part), k])
        signer = people[int(rng.integers(len(people)))]
        pose = normalise(perform(sentence.glosses, signer, rng, FPS).pose)
        name = Provenance(source=f"{part}-{k:05d}", units="shoulder", stages=pose.provenance.stages)
        confidence = simulated_confidence(pose, rng)
        clips.append(PoseSequence(pose.keypoints, confidence, pose.fps, pose.skeleton, name))
    return clips


def simulated_confidence(pose: PoseSequence, rng: np.random.Generator) -> np.ndarray:
    """(T, J) confidences in [.35, 1] that a detector might give to a motion in shoulder widths.

    Around .85 for the body and .7 for the hands; it falls by .6 for each shoulder width per frame of the
    joint's own speed (of a hand: its wrist's), with normal noise of .1 for a body or hand in a frame and .05 for
    a joint. So it correlates with wrist speed at about -.3, as in real OpenPose data (-.2 to -.5, the file of
    Zelinka et al.). Not tuned on any result. At least .35: what is lower would be taken as missing.
    """
    frames, joints = pose.keypoints.shape[:2]
    speed = np.linalg.norm(np.gradient(pose.keypoints, axis=0), axis=2) if frames > 1 else np.zeros((frames, joints))
    level, together = np.full(joints, 0.85), np.repeat(rng.normal(0, 0.1, (frames, 1)), joints, 1)
    for hand, wrist in hands_and_wrists(pose.skeleton):
        speed[:, hand] = speed[:, [wrist]]
        level[hand] = 0.7
        together[:, hand] = rng.normal(0, 0.1, (frames, 1))
    confidence = level - 0.6 * speed + together + rng.normal(0, 0.05, (frames, joints))
    return np.clip(confidence, 0.35, 1).astype(np.float32)


def motion_store(config: MotionConfig, folder: Path) -> Done:
    """The training clips of a config as a folder of pose files, made once; the key is a hash of its content."""

    def work(out: Path) -> None:
        write_store(out, named(motion_clips(config, "train")))

    done = run_stage("motion", folder / f"motion-{config.digest()}", work, config.model_dump(), ())
    return Done(done.name, done.folder, store_key(done.folder), done.seconds)


def store_key(folder: Path) -> str:
    """Hash of the bytes of a folder of pose files."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def named(clips: Iterable[PoseSequence]) -> Iterable[tuple[str, PoseSequence]]:
    """(name, clip) of each, the name taken from its provenance."""
    return ((clip.provenance.source, clip) for clip in clips)


@dataclass(frozen=True)
class Task:
    """Clips to repair: inputs, the truth of each, and (T, J) bool where something was hidden or spoilt."""

    inputs: list[PoseSequence]
    truths: list[PoseSequence]
    hits: list[np.ndarray]


@dataclass(frozen=True)
class Gap:
    """A hidden run: clip, frames start <= t < stop, joints; speed of the true wrists, shoulder widths per second."""

    clip: int
    start: int
    stop: int
    joints: tuple[int, ...]
    speed: float


def surest(confidence: np.ndarray, share: float, what: What) -> np.ndarray:
    """(T, J) bool: the frames (by mean confidence) or joints of highest confidence, a `share` of them (at least 1)."""
    values = confidence.mean(1, keepdims=True) if what == "frames" else confidence
    count = max(1, round(share * values.size))
    chosen = np.zeros(values.size, bool)
    chosen[np.argsort(-values.ravel(), kind="stable")[:count]] = True
    return np.broadcast_to(chosen.reshape(values.shape), confidence.shape).copy()


def at_random(shape: tuple[int, ...], share: float, what: What, rng: np.random.Generator) -> np.ndarray:
    """(T, J) bool: a `share` of the frames or joints (at least 1), drawn without replacement."""
    size = shape[0] if what == "frames" else shape[0] * shape[1]
    chosen = np.zeros(size, bool)
    chosen[rng.choice(size, max(1, round(share * size)), replace=False)] = True
    return np.broadcast_to(chosen[:, None] if what == "frames" else chosen.reshape(shape), shape).copy()


def hide(pose: PoseSequence, hit: np.ndarray) -> PoseSequence:
    """The joints in `hit` (T, J) become missing."""
    return pose.replace(
        np.where(hit[..., None], np.float32(np.nan), pose.keypoints), np.where(hit, np.float32(0), pose.confidence)
    )


def hidden(truths: Sequence[PoseSequence], hits: Sequence[np.ndarray]) -> Task:
    """A task in which the joints in `hits` are missing."""
    return Task([hide(*pair) for pair in zip(truths, hits, strict=True)], list(truths), list(hits))


def masked(truths: Sequence[PoseSequence], share: float, what: What, seed: int) -> Task:
    """The paper's test masks: frames of highest confidence (its Table 1), or joints at random (Table 2)."""
    if what == "frames":
        return hidden(truths, [surest(t.confidence, share, what) for t in truths])
    generators = [np.random.default_rng([seed, k]) for k in range(len(truths))]
    return hidden(
        truths, [at_random(t.confidence.shape, share, what, g) for t, g in zip(truths, generators, strict=True)]
    )


def noisy(truths: Sequence[PoseSequence], share: float, what: What, strength: float, seed: int) -> Task:
    """The paper's noise (sections 5.3, 5.4) on the frames or joints of highest confidence, which they keep.

    Nobody is told where the noise is. With one seed all strengths have the same noise, scaled.
    """
    hits = [surest(t.confidence, share, what) for t in truths]
    inputs = []
    for k, (truth, hit) in enumerate(zip(truths, hits, strict=True)):
        spoilt = noise(
            torch.from_numpy(truth.keypoints)[None],
            torch.from_numpy(limb_lengths(truth.keypoints, truth.skeleton)),
            torch.tensor(strength),
            torch.from_numpy(hit)[None],
            torch.Generator().manual_seed(1000 * seed + k),
        )
        inputs.append(truth.replace(spoilt[0].numpy()))
    return Task(inputs, list(truths), hits)


def limb_lengths(points: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(J,) mean length over time of the limb that ends in each joint; a root takes the mean of the bones it starts."""
    parents, children = np.array(skeleton.bones).T
    lengths = np.linalg.norm(points[:, children] - points[:, parents], axis=2).mean(0)
    limb = np.zeros(len(skeleton), np.float32)
    limb[children] = lengths
    for root in (j for j, parent in enumerate(skeleton.parents) if parent < 0):
        limb[root] = lengths[parents == root].mean()
    return limb


def gaps(truths: Sequence[PoseSequence], length: int, target: Target, seed: int) -> tuple[Task, list[Gap]]:
    """Runs of `length` frames hidden in each clip that is long enough, far enough apart to be gaps each by itself.

    target: one hand (each in runs of its own), one hand with its wrist, or all joints.
    """
    hits, found = [], []
    for k, truth in enumerate(truths):
        rng = np.random.default_rng([seed, k, length])
        hit = np.zeros(truth.confidence.shape, bool)
        for joints, wrists in _parts(truth.skeleton, target):
            for start in _starts(len(truth), length, rng):
                stop = start + length
                hit[start:stop, list(joints)] = True
                found.append(Gap(k, start, stop, joints, _speed(truth, start, stop, wrists)))
        hits.append(hit)
    return hidden(truths, hits), found


def _parts(skeleton: Skeleton, target: Target) -> list[tuple[tuple[int, ...], list[int]]]:
    """What is hidden together, and the wrists whose speed counts."""
    hands = hands_and_wrists(skeleton)
    if target == "frame":
        return [(tuple(range(len(skeleton))), [wrist for _, wrist in hands])]
    extra = target == "hand and wrist"
    return [((*joints, wrist) if extra else tuple(joints), [wrist]) for joints, wrist in hands]


def _starts(frames: int, length: int, rng: np.random.Generator) -> list[int]:
    """First frames of runs, one in each of equal parts of the clip, with EDGE seen frames on both sides of each."""
    count = max(1, frames // (2 * length + 12))
    part = frames // count
    free = part - length - 2 * EDGE
    return [] if free < 0 else [k * part + EDGE + int(rng.integers(free + 1)) for k in range(count)]


def _speed(truth: PoseSequence, start: int, stop: int, wrists: list[int]) -> float:
    path = truth.keypoints[start - 1 : stop + 1][:, wrists]
    return float(np.linalg.norm(np.diff(path, axis=0), axis=2).mean() * truth.fps)
