"""Segments of a recording while its frames come in, by the rule (`slt.segment.rule`)."""

from slt.segment.online.stream import RuleStream, SegmentStream

__all__ = ["RuleStream", "SegmentStream"]
