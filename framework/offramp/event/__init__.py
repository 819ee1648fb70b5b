"""The Segment event: its limits, its checks, and what the collector adds to it."""

from offramp.event.check import check_event, nests_deeper_than
from offramp.event.normalize import Arrival, normalize
from offramp.event.spec import (
    EVENT_TYPES,
    ID_KEYS,
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    MAX_MESSAGE_ID_CHARS,
    MAX_PROPERTIES,
    MAX_STORED_BYTES,
    READ_OBJECTS,
    READS,
    SPEC_VERSION,
    Discard,
)
from offramp.event.text import may_nest_deeper_than
from offramp.event.times import TIME_FORMS, format_time, parse_local_time, parse_time

__all__ = [
    "EVENT_TYPES",
    "ID_KEYS",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_EVENTS",
    "MAX_DEPTH",
    "MAX_EVENT_BYTES",
    "MAX_MESSAGE_ID_CHARS",
    "MAX_PROPERTIES",
    "MAX_STORED_BYTES",
    "READS",
    "READ_OBJECTS",
    "SPEC_VERSION",
    "TIME_FORMS",
    "Arrival",
    "Discard",
    "check_event",
    "format_time",
    "may_nest_deeper_than",
    "nests_deeper_than",
    "normalize",
    "parse_local_time",
    "parse_time",
]
