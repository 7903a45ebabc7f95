"""How a recording is cut, whole or while it comes in: by the rule, or by the network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.poses.turns import turns_of
from skeletor.support.errors import InputError
from slt.segment.online import RuleStream, SegmentStream
from slt.segment.rule import Segment, SegmentConfig, find_segments
from slt.segment.watched import Recorded, watch

if TYPE_CHECKING:
    from slt.segment.network import Segmenter

Cut = Literal["rule", "network"]
CUTS: tuple[Cut, ...] = ("rule", "network")
SEGMENTER = "segmenter"  # key of a model's own choice in `model.yaml`


def cut_turns(
    raw: Recorded,
    by: Cut,
    longest: float | None = None,
    config: SegmentConfig | None = None,
    shortest: float = 0.0,
) -> list[Segment]:
    """`cut_recording` of a recording whose people may sign in turns: each turn by itself, its segments with the signer.

    Of sparse 2D a turn begins with a key frame.
    """
    turns = turns_of(raw)
    if not turns:
        return cut_recording(watch(raw), by, longest, config, shortest)
    stride = pose_stride(raw.frames(0, 1))
    found: list[Segment] = []
    for turn in turns:
        first = turn.first_key(stride)
        if first >= turn.stop:
            continue
        start = first / raw.fps
        for one in cut_recording(watch(raw.frames(first, turn.stop)), by, longest, config, shortest):
            found.append(replace(one, start_s=start + one.start_s, end_s=start + one.end_s, signer=turn.signer))
    return found


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

    return learned_segments(pose, _network(), longest, shortest=shortest)


def cut_stream(
    by: Cut, fps: float, longest: float | None = None, shortest: float = 0.0, stride: int = 1
) -> SegmentStream:
    """What cuts while frames come in, at that rate; the rest as of `cut_recording`. stride: only every N-th frame is
    looked at for joints.
    """
    if by == "rule":
        return RuleStream(fps, longest=longest, stride=stride)
    from slt.segment.online.learned import NetworkStream  # as above

    return NetworkStream(fps, _network(), longest, shortest, stride)


def _network() -> Segmenter:
    """The one that comes with the package. InputError where it was left out."""
    from slt.segment.network import SHIPPED, shipped_segmenter  # as above

    segmenter = shipped_segmenter()
    if segmenter is None:
        raise InputError(
            f"{SHIPPED}: the network of segments is missing; install the package again, or cut by the rule"
        )
    return segmenter
