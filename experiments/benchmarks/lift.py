"""Speed of lifting: inverse kinematics beside the published method, the default network beside inverse kinematics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.benchmarks.table import Row, rate
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned_lifter import LearnedOptions
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.pose import PoseSequence


def rows(planar: Sequence[PoseSequence], lifted: list[PoseSequence], cycles: int = 1000) -> Iterator[Row]:
    """2D clips in; what `fast` makes of them is put into `lifted`. cycles: of the published method's descent."""
    count = sum(map(len, planar))
    fast = build_lifter(FastOptions(absent="filled"))
    fast(planar[0])  # draws its sample of finger poses
    ours = rate(lambda: lifted.extend(fast.many(planar)), count)
    reference = build_lifter(ReferenceOptions(cycles=cycles, absent="filled"))
    theirs = rate(lambda: reference(planar[0]), len(planar[0]))
    yield Row("lift (fast)", "frames/s", ours, f"reference, {cycles:,} cycles", theirs)
    network = build_lifter(LearnedOptions(absent="filled"))
    network(planar[0])
    yield Row("lift (the default network)", "frames/s", rate(lambda: network.many(planar), count), "lift (fast)", ours)
