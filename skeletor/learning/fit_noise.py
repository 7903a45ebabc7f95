"""Measure a detector's errors on any poses that it made: nothing needs to be known of the truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from skeletor.io.formats import read_poses
from skeletor.learning.data.pack import pose_files
from skeletor.learning.measured import LONGEST, MeasuredNoise
from skeletor.poses.absent import runs
from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.turns import clips_of
from skeletor.support.errors import InputError

HALF = 0.5  # of a hand's joints: where fewer are seen, it is missing
NOISE_OF_DIFFERENCE = 20**0.5  # white noise of deviation 1 has third differences of this one
NORMAL = 0.6745  # median of the absolute value of a normal number of deviation 1


@dataclass
class _Counts:
    """What is summed over clips. gaps: lengths of gaps. still: third differences of joints that hardly move."""

    frames: int = 0
    hand_frames: int = 0
    hand_gaps: list[int] = field(default_factory=list)
    frame_gaps: list[int] = field(default_factory=list)
    both: int = 0
    inside: int = 0
    outside: int = 0
    joints: int = 0
    joints_missing: int = 0
    still: dict[str, list[np.ndarray]] = field(default_factory=lambda: {"hands": [], "body": [], "depth": []})


def read_clips(paths: Sequence[Path | str], fps: float) -> Iterator[PoseSequence]:
    """The clips of files, of folders of .safetensors or .pose files, and of folders of OpenPose JSON, at `fps`.

    Where several people sign in turns each turn is a clip of its own.
    """
    for path in map(Path, paths):
        shared = sorted(path.glob("*.pose")) if path.is_dir() else []
        for file in shared or pose_files(path):
            for pose in read_poses(file).values():
                yield from (clip.resample(fps) for clip in clips_of(pose))


def fit_noise(poses: Iterable[PoseSequence], fps: float, minimum_confidence: float = 0.1) -> MeasuredNoise:
    """The errors of the detector that made `poses`, all at `fps` frames per second, 2D or 3D, all of one skeleton.

    Poses with shoulders are mapped to SIGNING_50; those that are not in shoulder widths are normalised. InputError if
    nobody is seen in any, or a clip cannot be normalised.
    """
    counts = _Counts()
    for pose in poses:
        if "left_shoulder" in pose.skeleton.joints:
            pose = pose.to_skeleton(SIGNING_50)
        if not len(pose) or not (~pose.missing).any():
            continue
        if pose.provenance.units != "shoulder":
            pose = normalise(pose)
        _count(pose, minimum_confidence, counts)
    if not counts.frames:
        raise InputError("no noise can be fitted: the poses hold no frame in which anybody is seen")
    return _measured(counts, fps)


def _count(pose: PoseSequence, minimum_confidence: float, counts: _Counts) -> None:
    """Add a clip."""
    seen = ~pose.missing & (pose.confidence > 0) & (pose.confidence >= minimum_confidence)  # (T, J)
    hands = [joints for joints, _ in hands_and_wrists(pose.skeleton)]
    own = [j for j in range(len(pose.skeleton)) if not any(j in hand for hand in hands)]
    there: np.ndarray = np.any(seen, axis=1)
    counts.frames += len(pose)
    counts.frame_gaps += [b - a for a, b in _gaps(there)[0]]
    gone = [(seen[:, hand].mean(1) < HALF) & there for hand in hands]  # (T,) each
    for k, (hand, missing) in enumerate(zip(hands, gone, strict=True)):
        inner, outside = _gaps(np.logical_not(missing))
        counts.hand_frames += len(pose)
        counts.hand_gaps += [b - a for a, b in inner]
        counts.outside += outside
        for a, b in inner:
            counts.inside += b - a
            counts.both += int(sum(gone[o][a:b].sum() for o in range(len(hands)) if o != k))
        counts.joints += int((~missing).sum()) * len(hand)
        counts.joints_missing += int((~seen[np.ix_(~missing, hand)]).sum())
    for name, joints in (("hands", [j for hand in hands for j in hand]), ("body", own)):
        _jitter(pose.keypoints[:, joints], seen[:, joints], name, counts)


def _gaps(there: np.ndarray) -> tuple[list[tuple[int, int]], int]:
    """Gaps (start, stop) between frames of (T,) flags, and the frames before the first and after the last one."""
    gaps = runs(~there)
    inner = [(a, b) for a, b in gaps if a > 0 and b < len(there)]
    return inner, sum(b - a for a, b in gaps) - sum(b - a for a, b in inner)


def _jitter(points: np.ndarray, seen: np.ndarray, name: str, counts: _Counts) -> None:
    """Third differences of joints (T, K, D) over four frames in which they are seen, the slower half of them.

    Smooth motion leaves little in them; the slower half keeps what is left of fast motion out.
    """
    four = seen[3:] & seen[2:-1] & seen[1:-2] & seen[:-3]
    if not four.any():
        return
    third = np.diff(np.nan_to_num(points), n=3, axis=0)[four]  # (n, D)
    speed = np.linalg.norm((np.nan_to_num(points)[3:] - np.nan_to_num(points)[:-3])[four][:, :2], axis=1)
    slow = third[speed <= np.median(speed)]
    counts.still[name].append(np.abs(slow[:, :2]).ravel().astype(np.float32))
    if points.shape[2] == 3:
        counts.still["depth"].append(np.abs(slow[:, 2]).astype(np.float32))


def _measured(counts: _Counts, fps: float) -> MeasuredNoise:
    def deviation(name: str) -> float:
        parts = counts.still[name]
        middle = float(np.median(np.concatenate(parts))) if parts else 0.0
        return round(min(1.0, middle / NORMAL / NOISE_OF_DIFFERENCE), 6)

    def histogram(lengths: list[int]) -> list[int]:
        found = np.bincount(np.minimum(lengths, LONGEST), minlength=1)[1:] if lengths else np.zeros(0, int)
        return [int(n) for n in found]

    def share(part: float, whole: float) -> float:
        return round(part / whole, 6) if whole else 0.0

    return MeasuredNoise(
        fps=fps,
        frames=counts.frames,
        hand_gaps=histogram(counts.hand_gaps),
        frame_gaps=histogram(counts.frame_gaps),
        hand_share=share(counts.inside, counts.hand_frames),
        frame_share=share(sum(counts.frame_gaps), counts.frames),
        both_share=share(counts.both, counts.inside),
        joint_share=share(counts.joints_missing, counts.joints),
        absent_share=share(counts.outside, counts.outside + counts.inside),
        hand_jitter=deviation("hands"),
        body_jitter=deviation("body"),
        depth_jitter=deviation("depth"),
    )
