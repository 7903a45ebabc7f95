"""Segments of a recording while its frames come in: by the rule (`stream`), or the network (`learned`, with torch)."""

from slt.segment.online.stream import RuleStream, SegmentStream

__all__ = ["RuleStream", "SegmentStream"]
