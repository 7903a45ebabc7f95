"""How a recording is cut: by the rule, or by the network."""

from __future__ import annotations

from typing import Literal

from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from slt.segment.rule import Segment, SegmentConfig, find_segments

Cut = Literal["rule", "network"]
CUTS: tuple[Cut, ...] = ("rule", "network")
SEGMENTER = "segmenter"  # key of a model's own choice in `model.yaml`


def cut_recording(
    pose: PoseSequence,
    by: Cut,
    longest: float | None = None,
    config: SegmentConfig | None = None,
    shortest: float = 0.0,
) -> list[Segment]:
    """The segments of a recording (T, 50 or 20, 2 or 3) in which somebody signs, in order, without overlap.

    longest: seconds that no segment exceeds. config: of the rule. shortest: seconds; where somebody goes on signing,
    the network cuts off nothing shorter. Raises InputError as `find_segments`, and for `network` where the package
    came without its weights.
    """
    if by == "rule":
        return find_segments(pose, config, longest)
    from slt.segment.learned import learned_segments  # torch takes seconds to load
    from slt.segment.network import SHIPPED, shipped_segmenter

    segmenter = shipped_segmenter()
    if segmenter is None:
        raise InputError(
            f"{SHIPPED}: the network of segments is missing; install the package again, or cut by the rule"
        )
    return learned_segments(pose, segmenter, longest, shortest=shortest)
