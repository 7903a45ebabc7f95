"""How near do lifted skeletons come to known 3D? Prints Markdown tables: MPJPE in shoulder widths and more.

Truth: the motion of the rendered corpus (50 joints), seen by a camera without perspective, by the corpus's own
cameras, and with simulated errors of a detector; and CMU motion capture (arms only, real people), if it lies in
`../shared`. Figures are printed, not stored: run it again after a change.

    .venv/bin/python experiments/lift_accuracy.py [--clips 40] [--reference-clips 8]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned.mocap import read_mocap, views
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.synthetic.language.grammar import draw_glosses
from slt.synthetic.picture.camera import Camera, random_camera
from slt.synthetic.picture.quality import QUALITIES
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS

CMU = Path(__file__).parents[2] / "shared" / "data" / "mocap" / "cmu_gestures_24hz.npz"
BONES = np.array(SIGNING_50.bones)
HANDS = tuple(np.array(SIGNING_50.group(name)) for name in ("left_hand", "right_hand"))
Way = Callable[[Sequence[PoseSequence]], list[PoseSequence]]


@dataclass(frozen=True)
class Clip:
    """A clip with its truth. seen: 2D in pixels, NaN = not found. truth: 3D in shoulder widths."""

    seen: PoseSequence
    truth: PoseSequence


def signed(count: int, seed: int, perspective: bool) -> list[Clip]:
    """Sentences of the rendered corpus, signers in turn, with what a camera sees of them."""
    clips = []
    for k in range(count):
        rng = np.random.default_rng((seed, k))
        pose = perform(draw_glosses(rng), SIGNERS[k % len(SIGNERS)], rng).pose
        if perspective:
            camera = random_camera(QUALITIES["studio"], rng, pose)
        else:
            camera = Camera(500, 500, 400.0, 1e6, centre=(250.0, 250.0))
        clips.append(clip(pose.replace(camera.view(pose.keypoints)), camera.project(pose.keypoints)))
    return clips


def clip(pose: PoseSequence, pixels: np.ndarray) -> Clip:
    """A clip from 3D (T, 50, 3) in any unit and its picture (T, 50, 2)."""
    seen = PoseSequence(pixels, pose.confidence, pose.fps, pose.skeleton, Provenance(units="pixel"))
    return Clip(seen, normalise(pose))


def detected(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """The same clips with errors like a detector's: heavy-tailed noise, lost hands, right hand on the left one.

    Sizes after the measured statistics of OpenPose: residuals of about .01 (body) and .03 (fingers) shoulder
    widths, Student-t; a hand is lost in 8 % of frames, in runs; the right hand is on the left in 10 %.
    """
    result = []
    for k, one in enumerate(clips):
        rng = np.random.default_rng((seed, k, 1))
        points = one.seen.keypoints.copy()
        confidence = rng.uniform(0.5, 0.9, points.shape[:2]).astype(np.float32)
        width = np.median(np.linalg.norm(points[:, 2] - points[:, 5], axis=1))
        scale = np.full(50, 0.02)
        scale[:8] = 0.007
        points += (rng.standard_t(3, points.shape) * scale[:, None] * width).astype(np.float32)
        for side, hand in enumerate(HANDS):
            lost = _runs(len(points), 0.08, 2.0, rng)
            if side == 1:
                swapped = _runs(len(points), 0.10, 4.0, rng)
                points[np.ix_(swapped, hand)] = points[np.ix_(swapped, HANDS[0])]
            points[np.ix_(lost, hand)] = np.nan
            confidence[np.ix_(lost, hand)] = 0
        confidence[np.isnan(points[..., 0])] = 0
        result.append(Clip(one.seen.replace(points, confidence), one.truth))
    return result


def _runs(frames: int, share: float, length: float, rng: np.random.Generator) -> np.ndarray:
    """(T,) bool: runs of mean `length` that cover about `share` of the frames."""
    on = np.zeros(frames, bool)
    for start in np.flatnonzero(rng.random(frames) < share / length):
        on[start : start + rng.geometric(1 / length)] = True
    return on


def cmu() -> list[Clip]:
    """Real arms: CMU motion capture on SIGNING_50, hands missing, in pieces of 100 frames; [] if not there."""
    if not CMU.exists():
        return []
    sequences = list(read_mocap(str(CMU)).sequences.values())
    return [clip(piece, piece.keypoints[..., :2] * 400) for piece in views(sequences, (0.0,), 100)]


# --- measures -----------------------------------------------------------------------------------------------


def measure(lifted: Sequence[PoseSequence], clips: Sequence[Clip]) -> dict[str, float]:
    """Means over all clips, in shoulder widths: distances per group, per axis, acceleration, lengths of bones."""
    parts: dict[str, list[np.ndarray]] = {}

    def put(name: str, values: np.ndarray) -> None:
        parts.setdefault(name, []).append(values[np.isfinite(values)].ravel())

    hands = [j for hand in HANDS for j in hand]
    for pose, one in zip(lifted, clips, strict=True):
        ours, true = pose.keypoints.astype(float), one.truth.keypoints.astype(float)
        distance = np.linalg.norm(ours - true, axis=2)  # (T, 50)
        put("all", distance)
        put("body", distance[:, :8])
        put("elbows", distance[:, [3, 6]])
        put("wrists", distance[:, [4, 7]])
        put("hands", distance[:, hands])
        for hand in HANDS:
            relative = (ours[:, hand] - ours[:, hand[:1]]) - (true[:, hand] - true[:, hand[:1]])
            put("hand shape", np.linalg.norm(relative[:, 1:], axis=2))
            put("hand shape z", np.abs(relative[:, 1:, 2]))
        put("xy", np.linalg.norm((ours - true)[..., :2], axis=2))
        put("z", np.abs(ours - true)[..., 2])
        if len(ours) > 2:
            put("accel", np.linalg.norm(np.diff(ours, 2, axis=0) - np.diff(true, 2, axis=0), axis=2))
        lengths, known = (np.linalg.norm(x[:, BONES[:, 1]] - x[:, BONES[:, 0]], axis=2) for x in (ours, true))
        put("bone error", np.abs(lengths - known))
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    return {name: float(values.mean()) if len(values) else np.nan for name, values in whole.items()}


def flat(poses: Sequence[PoseSequence]) -> list[PoseSequence]:
    """The baseline: the fast lifter's x and y with z = 0."""
    lifted = build_lifter(FastOptions()).many(poses)
    return [p.replace(p.keypoints * np.array([1, 1, 0], np.float32)) for p in lifted]


class Ridge:
    """The floor that is trained on truth: linear regression of z from the 2D of 9 frames."""

    def __init__(self, clips: Sequence[Clip], frames: int = 9, strength: float = 1.0) -> None:
        self.frames = frames
        poses = flat([c.seen for c in clips])
        inputs = np.concatenate([self._inputs(p) for p in poses])
        depths = np.concatenate([c.truth.keypoints[..., 2] for c in clips])
        self.mean = inputs.mean(0), depths.mean(0)
        centred = inputs - self.mean[0]
        gram = centred.T @ centred + strength * np.eye(centred.shape[1])
        self.weights = np.linalg.solve(gram, centred.T @ (depths - self.mean[1]))

    def _inputs(self, pose: PoseSequence) -> np.ndarray:
        around = np.arange(self.frames) - self.frames // 2
        rows = np.clip(np.arange(len(pose))[:, None] + around, 0, len(pose) - 1)  # (T, 9)
        return pose.keypoints[rows, :, :2].reshape(len(pose), -1).astype(float)

    def __call__(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        result = []
        for pose in flat(poses):
            points = pose.keypoints.copy()
            points[..., 2] = (self._inputs(pose) - self.mean[0]) @ self.weights + self.mean[1]
            result.append(pose.replace(points))
        return result


def table(title: str, clips: Sequence[Clip], ways: Mapping[str, Way], few: int) -> None:
    """Print one row per way. `reference` lifts only the first `few` clips, so `fast` is shown on those as well."""
    columns = (
        "all",
        "body",
        "elbows",
        "wrists",
        "hands",
        "hand shape",
        "xy",
        "z",
        "accel",
        "bone error",
    )
    print(f"\n{title} ({len(clips)} clips, {sum(len(c.seen) for c in clips)} frames)\n")
    print("| way | clips | " + " | ".join(columns) + " | CPU s |")
    print("|---" * (len(columns) + 3) + "|")
    for name, way in ways.items():
        chosen = clips[:few] if "few" in name else clips
        start = time.process_time()
        lifted = way([c.seen for c in chosen])
        seconds = time.process_time() - start
        figures = measure(lifted, chosen)
        values = " | ".join(f"{figures[c]:.3f}" for c in columns)
        print(f"| {name} | {len(chosen)} | {values} | {seconds:.2f} |", flush=True)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--reference-clips", type=int, default=8)
    options = parser.parse_args()
    fast, reference = build_lifter(FastOptions()), build_lifter(ReferenceOptions())
    print("MPJPE and others in shoulder widths (about 36 cm); few = the first clips only")
    for title, perspective, noisy in (
        ("Rendered motion, no perspective", False, False),
        ("Rendered motion, the corpus's cameras", True, False),
        ("Rendered motion, the corpus's cameras, detector errors", True, True),
    ):
        clips, train = signed(options.clips, 0, perspective), signed(100, 1, perspective)
        if noisy:
            clips, train = detected(clips, 0), detected(train, 1)
        ways: dict[str, Way] = {
            "flat": flat,
            "fast": fast.many,
            "fast, few": fast.many,
            "reference, few": reference.many,
            "ridge on truth, 9 frames": Ridge(train),
        }
        table(title, clips, ways, options.reference_clips)
    if clips := cmu():
        ways = {"flat": flat, "fast": fast.many, "reference": reference.many}
        table("CMU motion capture, arms", clips, ways, len(clips))


if __name__ == "__main__":
    main()
