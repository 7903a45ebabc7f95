"""Training clips for lifters: rendered motion, as cameras and an imperfect detector see it, with its 3D."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from skeletor.lifters.learned.clips import ClipSet, Material, View, clip_set
from skeletor.lifters.learned.config import LifterDataConfig
from skeletor.lifters.learned.mocap import arm_motion, read_mocap, turned
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.progress import progress
from skeletor.support.workers import worker_pool
from slt.synthetic.detector.noise import DetectorNoise
from slt.synthetic.language.grammar import make_splits
from slt.synthetic.picture.camera import random_camera
from slt.synthetic.picture.quality import QUALITIES
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import Signer, split_signers

FPS = 25.0
NECK = SIGNING_50.index("neck")
HELD_OUT = {"dev": 60, "test": 100}  # sentences that the demo's corpus keeps for itself; also those of the tables
CORPUS_SEED = 1
_HANDS = tuple(np.array(SIGNING_50.group(name)) for name in ("left_hand", "right_hand"))
_CHUNK = 32
_MOCAP_SENTENCES, _MOCAP_WITHOUT_HANDS = 200, 0.5


def rendered_material(config: LifterDataConfig, workers: int = 1) -> Material:
    """Rendered motion on SIGNING_50 for a lifter's training, with a description in words; see `rendered_clips`."""
    clips = rendered_clips(config, workers)
    errors = f"errors of the noise model {Path(config.noise).name}" if config.noise else "errors of a plain formula"
    parts = []
    if config.clips:
        parts.append(
            f"{config.clips} sentences of rendered motion by 8 invented signers, {config.views} camera(s) each"
        )
    if config.captured:
        left_out = f"without {config.mocap_held_out!r}"
        parts.append(f"{config.captured} views of captured arms ({Path(str(config.mocap)).name}, {left_out})")
    words = (
        f"{', '.join(parts)}, {clips.starts[-1]} frames; {errors}, "
        f"none in {100 * config.clean_share:.0f} % of the views"
    )
    return Material(clips, SIGNING_50, NECK, FPS, words)


def rendered_clips(config: LifterDataConfig, workers: int = 1) -> ClipSet:
    """Training clips of a config, in order of their number; they depend on nothing but the config.

    Points (F, 50, 2) and true joints (F, 50, 3) of all clips, one after the other. workers: processes.
    """
    total = config.captured + config.clips * config.views
    chunks = [range(k, min(k + _CHUNK, total)) for k in range(0, total, _CHUNK)]
    make = partial(_chunk, config=config)
    parts: list[ClipSet] = []
    if workers <= 1:
        parts += [make(chunk) for chunk in progress(chunks, "motion", unit="chunk")]
    else:
        with worker_pool(workers) as pool:
            parts += progress(pool.map(make, chunks), "motion", total=len(chunks), unit="chunk")
    offsets = np.cumsum([0, *(part.starts[-1] for part in parts)])
    starts = [part.starts[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    points, confidence, truth, known = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("points", "confidence", "truth", "known")
    )
    return ClipSet(points, confidence, truth, known, np.append(np.concatenate(starts), offsets[-1]))


def _chunk(numbers: range, config: LifterDataConfig) -> ClipSet:
    views = [training_view(config, number) for number in numbers]
    return clip_set(views, config.minimum_confidence, config.hand_reach)


def training_view(config: LifterDataConfig, number: int) -> View:
    """The `number`-th view of the training clips; the first `config.captured` ones are of motion capture.

    The view of a clip of T frames: detected (T, 50, 2), and its true 3D.
    """
    if number < config.captured:
        return _mocap_view(config, number)
    sentence, camera = divmod(number - config.captured, config.views)
    glosses = _training_glosses(config.clips, config.seed)[sentence]
    signers = split_signers(disjoint=True)["train"]
    motion_rng = np.random.default_rng([config.seed, 0x11F7, sentence])
    pose = perform(glosses, signers[int(motion_rng.integers(len(signers)))], motion_rng, FPS).pose
    rng = np.random.default_rng([config.seed, 0x11F8, sentence, camera])
    noise = None if rng.random() < config.clean_share else detector(config.noise)
    if rng.random() < config.turned_share:
        pose = turned(pose, np.radians(rng.uniform(-config.turn, config.turn)))
    return make_view(pose, rng, noise, hands=bool(rng.random() >= config.hide_hands))


def _mocap_view(config: LifterDataConfig, number: int) -> View:
    """Captured arms with the hands of a sentence that a signer of the training performs."""
    assert config.mocap is not None
    rng = np.random.default_rng([config.seed, 0x11FA, number])
    glosses = _training_glosses(_MOCAP_SENTENCES, config.seed)[int(rng.integers(_MOCAP_SENTENCES))]
    signers = split_signers(disjoint=True)["train"]
    hands = perform(glosses, signers[int(rng.integers(len(signers)))], rng, FPS).pose
    sequences, _ = read_mocap(config.mocap).split(config.mocap_held_out)
    pose = arm_motion(sequences, hands, np.radians(config.turn), rng)
    noise = None if rng.random() < config.clean_share else detector(config.noise)
    return make_view(pose, rng, noise, hands=bool(rng.random() >= _MOCAP_WITHOUT_HANDS))


@lru_cache(maxsize=4)
def _training_glosses(count: int, seed: int) -> list[tuple[str, ...]]:
    sentences = make_splits(count, HELD_OUT["dev"], HELD_OUT["test"], CORPUS_SEED)["train"]
    order = np.random.default_rng([seed, 0x11F9]).permutation(len(sentences))  # the last clips are held out
    return [sentences[k].glosses for k in order]


@dataclass(frozen=True)
class PlainNoise:
    """Errors of no particular detector, after the measured statistics of OpenPose: see `simulate`."""

    def simulate(self, truth2d: PoseSequence, rng: np.random.Generator) -> PoseSequence:
        """Heavy-tailed noise, lost hands, the right hand on the left one, for a true 2D pose (T, 50, 2).

        Residuals of about .01 (body) and .03 (fingers) shoulder widths, Student-t; a hand is lost in 8 % of frames, in
        runs; the right hand is on the left in 10 %.
        """
        points = truth2d.keypoints.copy()
        confidence = rng.uniform(0.5, 0.9, points.shape[:2]).astype(np.float32)
        width = np.median(np.linalg.norm(points[:, 2] - points[:, 5], axis=1))
        scale = np.full(50, 0.02)
        scale[:8] = 0.007
        points += (rng.standard_t(3, points.shape) * scale[:, None] * width).astype(np.float32)
        for side, hand in enumerate(_HANDS):
            lost = _runs(len(points), 0.08, 2.0, rng)
            if side == 1:
                swapped = _runs(len(points), 0.10, 4.0, rng)
                points[np.ix_(swapped, hand)] = points[np.ix_(swapped, _HANDS[0])]
            points[np.ix_(lost, hand)] = np.nan
        confidence[np.isnan(points[..., 0])] = 0
        return truth2d.replace(points, confidence)


def _runs(frames: int, share: float, length: float, rng: np.random.Generator) -> np.ndarray:
    """(T,) bool: runs of mean `length` that cover about `share` of the frames."""
    on = np.zeros(frames, bool)
    for start in np.flatnonzero(rng.random(frames) < share / length):
        on[start : start + rng.geometric(1 / length)] = True
    return on


Noise = DetectorNoise | PlainNoise


@lru_cache(maxsize=2)
def detector(path: str | None) -> Noise:
    """The noise model of a file, or the plain one for None. Raises InputError as `DetectorNoise.load` does."""
    return PlainNoise() if path is None else DetectorNoise.load(path)


def make_view(pose: PoseSequence, rng: np.random.Generator, noise: Noise | None, hands: bool = True) -> View:
    """A random camera's and a detector's view of a motion (T, 50, 3) in metres. noise: None for true 2D."""
    camera = random_camera(QUALITIES["broadcast"], rng, pose)
    flat = camera.project(pose.keypoints)
    seen = PoseSequence(flat, pose.confidence, pose.fps, SIGNING_50, Provenance(source="rendered", units="pixel"))
    if noise is not None:
        seen = noise.simulate(seen, rng)
    if not hands:
        points, confidence = seen.keypoints.copy(), seen.confidence.copy()
        points[:, 8:], confidence[:, 8:] = np.nan, 0
        seen = seen.replace(points, confidence)
    return View(seen, pose.replace(camera.view(pose.keypoints), units="metre"))


def held_out_motion(count: int, seed: int) -> list[tuple[Signer, PoseSequence]]:
    """(signer, motion (T, 50, 3) in metres) of `count` test sentences, by the two signers that no lifter has seen."""
    sentences = make_splits(1, HELD_OUT["dev"], HELD_OUT["test"], CORPUS_SEED)["test"][:count]
    signers = split_signers(disjoint=True)["test"]
    result = []
    for k, sentence in enumerate(sentences):
        signer = signers[k % len(signers)]
        result.append((signer, perform(sentence.glosses, signer, np.random.default_rng([seed, 0x7E57, k]), FPS).pose))
    return result
