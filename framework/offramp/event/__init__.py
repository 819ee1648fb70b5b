"""The Segment event: its limits, its checks, and what the collector adds to it."""

from offramp.event.check import check_event, is_plain, nests_deeper_than
from offramp.event.normalize import Arrival, normalize
from offramp.event.spec import (
    DELETE,
    EVENT_KEYS,
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
    READER,
    READS,
    SPEC_VERSION,
    Discard,
    ReadEvent,
)
from offramp.event.text import may_nest_deeper_than
from offramp.event.times import TIME_FORMS, format_time, parse_local_time, parse_time

__all__ = [
    "DELETE",
    "EVENT_KEYS",
    "EVENT_TYPES",
    "ID_KEYS",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_EVENTS",
    "MAX_DEPTH",
    "MAX_EVENT_BYTES",
    "MAX_MESSAGE_ID_CHARS",
    "MAX_PROPERTIES",
    "MAX_STORED_BYTES",
    "READER",
    "READS",
    "READ_OBJECTS",
    "SPEC_VERSION",
    "TIME_FORMS",
    "Arrival",
    "Discard",
    "ReadEvent",
    "check_event",
    "format_time",
    "is_plain",
    "may_nest_deeper_than",
    "nests_deeper_than",
    "normalize",
    "parse_local_time",
    "parse_time",
]
