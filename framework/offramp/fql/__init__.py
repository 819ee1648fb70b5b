"""The trigger language: text <-> tree -> compiled predicate. `tree` has the shapes of trees."""

from offramp.fql.compile import Explanation
from offramp.fql.describe import FalseCondition, NodeWords, describe, why_not
from offramp.fql.generate import generate
from offramp.fql.needs import Needs
from offramp.fql.parser import MAX_NESTING, MAX_TRIGGER_BYTES, parse
from offramp.fql.paths import compile_struct_path
from offramp.fql.segment import SegmentError, parse_as_segment, segment_reading
from offramp.fql.tree import Group, Node
from offramp.fql.trigger import Trigger, compile_trigger
from offramp.fql.vocabulary import Vocabulary, vocabulary

__all__ = [
    "MAX_NESTING",
    "MAX_TRIGGER_BYTES",
    "Explanation",
    "FalseCondition",
    "Group",
    "Needs",
    "Node",
    "NodeWords",
    "SegmentError",
    "Trigger",
    "Vocabulary",
    "compile_struct_path",
    "compile_trigger",
    "describe",
    "generate",
    "parse",
    "parse_as_segment",
    "segment_reading",
    "vocabulary",
    "why_not",
]
