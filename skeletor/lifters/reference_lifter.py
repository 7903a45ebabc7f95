"""The lifter `reference`: Zelinka's method, on each clip by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from skeletor.lifters.base import LIFTERS, LiftOptions, checked, finish, in_processes
from skeletor.lifters.gaps import fill
from skeletor.lifters.kinematic import reference, solve
from skeletor.lifters.kinematic.kinematics import PROPORTIONS
from skeletor.poses.pose import PoseSequence, StageRecord


class ReferenceOptions(LiftOptions):
    """Options of `reference`. seed: of the noise that the method starts with."""

    mode: Literal["reference"] = "reference"
    cycles: int = Field(1000, ge=0, le=100_000, description="steps of the solver; 15 are enough for lbfgs")
    seed: int = Field(0, ge=0, description="of the noise that the reference method starts with")
    solver: Literal["descent", "lbfgs"] = Field(
        "descent", description="plain gradient descent as published, or L-BFGS: the same objective, lower and faster"
    )


class ReferenceLifter:
    """Zelinka's method on each clip by itself; see `skeletor.lifters.kinematic.reference`."""

    name = "reference"
    version = "1"

    def __init__(
        self, cycles: int = reference.CYCLES, seed: int = 0, solver: Literal["descent", "lbfgs"] = "descent"
    ) -> None:
        self.cycles = cycles
        self.seed = seed
        self.solver = solver

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip; see `skeletor.lifters.base.Lifter`."""
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


@LIFTERS.register(ReferenceOptions, "Zelinka's inverse kinematics")
def build_reference(options: ReferenceOptions) -> ReferenceLifter:
    """The lifter of its options."""
    return ReferenceLifter(cycles=options.cycles, seed=options.seed, solver=options.solver)


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
    moved: np.ndarray = joints * sigma + np.array([*centre, 0])
    return moved


def _in_widths(joints: np.ndarray, flat: PoseSequence) -> np.ndarray:
    """(T, 50, 3) joints in the units before `normalise`, in those after it."""
    record = flat.provenance.stage("normalise")
    assert record is not None
    scaled: np.ndarray = (joints - np.array([*record.config["centre"], 0])) / record.config["scale"]
    return scaled
