"""The lifting stage: what surrounds the two methods, from a 2D PoseSequence to a 3D one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from skeletor.lifters import fast, reference, solve
from skeletor.lifters.gaps import fill, gate_swapped_hands
from skeletor.lifters.kinematics import PROPORTIONS
from skeletor.lifters.side_by_side import Layout
from skeletor.poses.key_frames import carried_confidence, pose_stride
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from skeletor.support.workers import worker_pool

NECK = SIGNING_50.index("neck")
BATCH = 4096  # frames that are lifted together


def checked(pose: PoseSequence) -> PoseSequence:
    """`normalise`d pose; InputError if it is not 2D on SIGNING_50 or has nobody in it."""
    where = f"{pose.provenance.source}: " if pose.provenance.source else ""
    if pose.skeleton != SIGNING_50:
        raise InputError(f"{where}lifting needs skeleton signing_50, not {pose.skeleton.name}; map it with to_skeleton")
    if pose.dims != 2:
        raise InputError(f"{where}lifting needs 2D joints, these have {pose.dims} coordinates already")
    return normalise(pose)


def finish(flat: PoseSequence, joints: np.ndarray, confidence: np.ndarray, record: StageRecord) -> PoseSequence:
    """The 3D pose with the neck's median depth at 0."""
    joints = joints - np.array([0, 0, np.median(joints[:, NECK, 2])])
    return flat.replace(joints.astype(np.float32), confidence, stage=record)


class ReferenceLifter:
    """Zelinka's method on each clip by itself; see `skeletor.lifters.reference`."""

    name = "reference"
    version = "1"

    def __init__(
        self, cycles: int = reference.CYCLES, seed: int = 0, solver: Literal["descent", "lbfgs"] = "descent"
    ) -> None:
        self.cycles = cycles
        self.seed = seed
        self.solver = solver

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip; see `skeletor.lifters.registry.Lifter`."""
        flat = checked(pose)
        config = {"mode": "reference", "cycles": self.cycles, "seed": self.seed, "solver": self.solver}
        joints = reference_lift(pose, flat, self._solve, np.random.default_rng(self.seed))
        return finish(flat, _in_widths(joints, flat), flat.confidence, StageRecord("lift", self.version, config))

    def _solve(self, begin: reference.Unknowns, target: np.ndarray) -> reference.Unknowns:
        if self.solver == "lbfgs":
            return solve.minimise(begin, target, self.cycles)
        return reference.descend(begin, target, self.cycles)

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        """Lift clips, in their order."""
        return in_processes(self, poses, workers)

    def batch(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Lift clips in this process."""
        return [self(pose) for pose in poses]


Solver = Callable[[reference.Unknowns, np.ndarray], reference.Unknowns]


def reference_lift(pose: PoseSequence, flat: PoseSequence, solver: Solver, rng: np.random.Generator) -> np.ndarray:
    """(T, 50, 3) float64 by the reference method, in the units of `pose`, which is 2D; flat: `pose` normalised.

    The method itself cannot start with a joint that is never seen, nor where all frames are pruned; such joints start
    at `fill`'s rest, with weight 0.
    """
    raw = np.concatenate([np.nan_to_num(pose.keypoints), pose.confidence[..., None]], 2)  # (T, 50, 3)
    points, centre, sigma = reference.standardise(raw)
    pruned = reference.prune(points)
    seen = pruned[..., 2].sum(0) > 1e-9  # (50,)
    target = reference.interpolate(pruned)
    record = flat.provenance.stage("normalise")
    assert record is not None
    width = record.config["scale"] / sigma  # of the shoulders, in the method's units
    if not seen.all():
        neck = (np.array(record.config["centre"]) - centre) / sigma
        filled = fill((target[..., :2] - neck) / width, np.broadcast_to(seen, target.shape[:2]))
        target[..., :2] = filled * width + neck
    lengths = reference.median_lengths(target)
    lengths = np.where(lengths > 1e-6, lengths, PROPORTIONS * width)
    root = np.concatenate([target[:, 0, :2], np.zeros((len(target), 1))], 1)
    root += rng.uniform(-0.001, 0.001, root.shape)
    begin = reference.start(target, lengths, root)
    joints = reference.forward(solver(begin, target))
    if not np.isfinite(joints).all():
        joints = reference.forward(begin)
    return joints * sigma + np.array([*centre, 0])


def _in_widths(joints: np.ndarray, flat: PoseSequence) -> np.ndarray:
    """(T, 50, 3) joints in the units before `normalise`, in those after it."""
    record = flat.provenance.stage("normalise")
    assert record is not None
    return (joints - np.array([*record.config["centre"], 0])) / record.config["scale"]


class FastLifter:
    """The default lifter, batched over clips; see `skeletor.lifters.fast`."""

    name = "fast"
    version = "1"

    def __init__(self, minimum_confidence: float = 0.1, hand_reach: float = 0.25) -> None:
        self.minimum_confidence = minimum_confidence
        self.hand_reach = hand_reach

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip; see `skeletor.lifters.registry.Lifter`."""
        return self.batch([pose])[0]

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        """Lift clips, in their order."""
        return in_processes(self, poses, workers)

    def batch(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Lift clips in this process."""
        result: list[PoseSequence] = []
        for group in _groups(poses):
            result += self._together(group)
        return result

    def _together(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        flats = [checked(pose) for pose in poses]
        observed = [observed_joints(flat, self.minimum_confidence, self.hand_reach) for flat in flats]
        points = np.concatenate([fill(f.keypoints, seen) for f, seen in zip(flats, observed, strict=True)])
        sure = np.concatenate([np.where(seen, f.confidence, 0) for f, seen in zip(flats, observed, strict=True)])
        layout = Layout(tuple(len(f) for f in flats))
        trusted = [carried_confidence(sure[part], pose_stride(f)) for f, part in zip(flats, layout.slices, strict=True)]
        joints = fast.lift(points, np.concatenate(trusted), layout)
        record = StageRecord("lift", self.version, self._config())
        return [finish(f, joints[part], sure[part], record) for f, part in zip(flats, layout.slices, strict=True)]

    def _config(self) -> Mapping[str, Any]:
        return {"mode": "fast", "minimum_confidence": self.minimum_confidence, "hand_reach": self.hand_reach}


def _groups(poses: Sequence[PoseSequence]) -> Iterator[list[PoseSequence]]:
    """Clips in their order, in groups of about BATCH frames, which bounds the memory."""
    group: list[PoseSequence] = []
    for pose in poses:
        group.append(pose)
        if sum(map(len, group)) >= BATCH:
            yield group
            group = []
    if group:
        yield group


def observed_joints(flat: PoseSequence, minimum_confidence: float, hand_reach: float) -> np.ndarray:
    """(T, 50) bool: joints of a normalised pose that were found, surely enough, and on their own wrist."""
    observed = ~flat.missing & (flat.confidence >= minimum_confidence)
    return gate_swapped_hands(flat.keypoints, observed, hand_reach)


class Batched(Protocol):
    """A lifter that can be sent to another process."""

    def batch(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Lift clips in this process."""
        ...


def in_processes(lifter: Batched, poses: Sequence[PoseSequence], workers: int) -> list[PoseSequence]:
    """`lifter.batch` on interleaved shares of the clips, one process each; the order of the clips stays."""
    if workers <= 1 or len(poses) <= 1:
        return lifter.batch(poses)
    workers = min(workers, len(poses))
    with worker_pool(workers) as pool:
        shares = list(pool.map(lifter.batch, [poses[k::workers] for k in range(workers)]))
    result: list[PoseSequence | None] = [None] * len(poses)
    for k, share in enumerate(shares):
        result[k::workers] = share
    return [pose for pose in result if pose is not None]
