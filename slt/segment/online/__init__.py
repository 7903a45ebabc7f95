"""Segments of a recording while its frames come in: by the rule (`stream`), or by the network (`learned`, which loads torch)."""

from slt.segment.online.stream import RuleStream, SegmentStream

__all__ = ["RuleStream", "SegmentStream"]
