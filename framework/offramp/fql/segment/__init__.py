"""How Segment's own parser reads a trigger, and a description for a person if it differs."""

from offramp.fql.segment.lexer import SegmentError
from offramp.fql.segment.reading import parse_as_segment, segment_reading

__all__ = ["SegmentError", "parse_as_segment", "segment_reading"]
