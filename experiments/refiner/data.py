"""Clips with a known truth: rendered motion without pixels, and the confidence that a detector might give it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from experiments.refiner.config import MotionConfig
from skeletor.io.store import write_store
from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from slt.pipeline.cache.stage import Done, run_stage
from slt.synthetic.language.grammar import make_splits
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import split_signers

PARTS = ("train", "dev", "test")
FPS = 25.0


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
