"""Limits, event types and discard codes of Segment's tracking API."""

from __future__ import annotations

import enum
from typing import Any, Final, TypeAlias

from offramp._json import StructReader

#: Asks for the deletion of a user; taken from servers only, never from a page.
DELETE: Final = "delete"
#: The calls of the Segment spec, and the request for a deletion. Source: Segment's docs, "Spec",
#: and the types of events in its action-destinations.
EVENT_TYPES: Final = frozenset({"track", "identify", "page", "screen", "group", "alias", DELETE})
#: The keys that events have, by the spec and as SDKs and Segment itself write them. `properties`
#: and `traits` have whatever a sender wants.
EVENT_KEYS: Final = frozenset(
    {
        *("type", "messageId", "anonymousId", "userId", "previousId", "groupId", "version"),
        *("timestamp", "originalTimestamp", "sentAt", "receivedAt", "integrations", "context"),
        *("event", "name", "category", "properties", "traits"),
        *("channel", "projectId", "writeKey", "_metadata"),
    }
)
#: Keys whose values are ids, at any depth; two different ids must never become equal.
ID_KEYS: Final = frozenset({"messageId", "userId", "anonymousId", "groupId", "previousId"})
#: What the checks of an event and its completion read of it, as paths, in the order in which many
#: SDKs write them; of the values at `READ_OBJECTS` only whether they are objects.
READS: Final = (
    *((key,) for key in ("type", "event", "messageId", "userId", "anonymousId")),
    ("context", "ip"),
    ("context", "direct"),
    ("context", "library", "name"),
    *((key,) for key in ("integrations", "timestamp", "sentAt", "name", "category", "groupId")),
    *((key,) for key in ("previousId", "writeKey", "receivedAt", "originalTimestamp", "version")),
)
READ_OBJECTS: Final = (("properties",), ("traits",))
#: What a `StructReader` read of an event: an attribute for each of its keys that are read.
ReadEvent: TypeAlias = Any
#: Reads what every event is checked and completed by.
READER: Final = StructReader(READS, objects=READ_OBJECTS)
#: One event, in bytes of JSON as it was sent. Source: Segment's docs, "HTTP API", Max Request Size.
MAX_EVENT_BYTES: Final = 32 * 1024
#: One batch request, in bytes after gunzip. Source: as above.
MAX_BATCH_BYTES: Final = 500 * 1024
#: Bytes of JSON that the host stores for one request at most, with what a batch adds to each of
#: its events. Segment has no such limit; with this one, 2,500 events can share 1.4 KB.
MAX_STORED_BYTES: Final = 8 * MAX_BATCH_BYTES
#: Events of one batch request. Source: as above.
MAX_BATCH_EVENTS: Final = 2_500
#: Keys directly in `properties` or `traits`. Source: Segment's docs, "Rate Limits".
MAX_PROPERTIES: Final = 10_000
#: `messageId` has to be shorter than 100 characters. Source: Segment's docs, "HTTP API".
MAX_MESSAGE_ID_CHARS: Final = 99
#: Levels of nested objects and lists. Segment names no limit; this one is ours: ten times the
#: nesting of any SDK, and far below Python's recursion limit.
MAX_DEPTH: Final = 64
#: The `version` that Segment's servers write. Source: Segment's docs, "Spec: Common Fields".
SPEC_VERSION: Final = 2


class Discard(enum.StrEnum):
    """Why the collector refuses an event or a request: the code in answers and metrics."""

    # These are Segment's. Source: Segment's docs, "Delivery Overview", discards on ingest.
    #: Neither `userId` nor `anonymousId`.
    NO_USER_ANON_ID = "no_user_anon_id"
    #: A group without `groupId`, an alias without `userId` or `previousId`.
    ID_REQUIRED = "id_required"
    #: An id that is not a string.
    ID_NOT_STRING = "id_not_string"
    #: A track without `event`.
    EVENT_NOT_DEFINED = "event_not_defined"
    #: `event` is not a string.
    EVENT_NOT_STRING = "event_not_string"
    #: `properties` is not an object.
    PROPERTIES_NOT_OBJECT = "properties_not_object"
    #: `traits` is not an object.
    TRAITS_NOT_OBJECT = "traits_not_object"
    #: `name` of a page or screen is not a string.
    NAME_NOT_STRING = "name_not_string"
    #: `category` of a page or screen is not a string.
    CATEGORY_NOT_STRING = "category_not_string"
    #: Any other violation of the spec; the message names it.
    BAD_REQUEST = "bad_request"
    #: A batch without events.
    EMPTY_BATCH = "empty_batch"
    #: No write key, or an unknown one.
    UNKNOWN_SOURCE = "unknown_source"

    # These are ours: Segment has the rule, but no public code for it.
    #: The source of the write key has been disabled for longer than its events are kept.
    SOURCE_DISABLED = "source_disabled"
    #: An event of type `delete` from a source that is not marked as server-side.
    DELETE_NOT_ALLOWED = "delete_not_allowed"
    #: The body, or one event of a batch, is not JSON.
    NOT_JSON = "not_json"
    #: One event is larger than 32 KB.
    EVENT_TOO_LARGE = "event_too_large"
    #: A batch request is larger than 500 KB.
    BATCH_TOO_LARGE = "batch_too_large"
    #: The events of a batch, with what it adds to each, are larger than 4 MB together.
    EXPANDED_TOO_LARGE = "expanded_too_large"
    #: The events of a batch from the 2,501st on.
    TOO_MANY_EVENTS = "too_many_events"
    #: More than 10,000 keys in `properties` or `traits`.
    TOO_MANY_PROPERTIES = "too_many_properties"
    #: More than 64 levels of nested objects and lists.
    NESTED_TOO_DEEPLY = "nested_too_deeply"
