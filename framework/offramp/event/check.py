"""Checks that a message is an event of the Segment spec; each fault has Segment's discard code.

Nearly every message is valid and simple, and one fast test of what was read of it finds that. Only
the other messages go through the rules, which name the faults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from offramp.errors import EventError, Fault, describe_type
from offramp.event.spec import (
    DELETE,
    EVENT_TYPES,
    MAX_MESSAGE_ID_CHARS,
    MAX_PROPERTIES,
    Discard,
    ReadEvent,
)

Faults: TypeAlias = list[tuple[Discard, Fault]]
Rule: TypeAlias = Callable[[dict[str, Any], Faults], None]

_IDS = ("userId", "anonymousId", "groupId", "previousId")
#: Ids that identify nobody.
_ABSENT = (None, "")
#: Characters of a text in a message that an error shows.
_SHOWN_CHARS = 40


def check_event(message: Any) -> None:
    """Raise `EventError` with all faults of a message; its reason is the first one's code.

    A null counts as absent, as SDKs send nulls; keys that are not in the spec are allowed.
    """
    faults = _find_faults(message)
    if faults:
        raise EventError([fault for _, fault in faults], reason=faults[0][0])


def nests_deeper_than(value: Any, levels: int) -> bool:
    """Whether objects and lists are nested more than `levels` deep."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(nests_deeper_than(member, levels - 1) for member in value)


def is_plain(event: ReadEvent) -> bool:
    """Whether an event surely keeps every rule of its type; `False` means that it is not known.

    This must test every key that a rule of the type reads; a test compares the two. A request for a
    deletion never is plain, as not every source may make one.
    """
    user, anonymous, group = event.userId, event.anonymousId, event.groupId
    previous, message_id, context = event.previousId, event.messageId, event.context
    if not (
        ((type(user) is str and user) or (user is None and anonymous))
        and (anonymous is None or type(anonymous) is str)
        and (group is None or type(group) is str)
        and (previous is None or type(previous) is str)
        and type(message_id) is str
        and len(message_id) <= MAX_MESSAGE_ID_CHARS
        and "\0" not in message_id
        and (context is None or (type(context) is dict and len(context) <= MAX_PROPERTIES))
        and _is_plain_object(event.integrations)
    ):
        return False
    kind = event.type
    if kind == "track":
        name = event.event
        return type(name) is str and name != "" and _is_plain_object(event.properties)
    if kind == "identify":
        return _is_plain_object(event.traits)
    if kind == "group":
        return bool(group) and _is_plain_object(event.traits)
    if kind in ("page", "screen"):
        named = all(each is None or type(each) is str for each in (event.name, event.category))
        return named and _is_plain_object(event.properties)
    return kind == "alias" and bool(user and previous)


def _is_plain_object(value: Any) -> bool:
    return value is None or (type(value) is dict and len(value) <= MAX_PROPERTIES)


def _find_faults(message: Any) -> Faults:
    if not isinstance(message, dict):
        found = f"an event is an object, not {describe_type(message)}"
        return [(Discard.BAD_REQUEST, Fault("$", found))]
    faults: Faults = []
    kind = message.get("type")
    rules = _RULES.get(kind) if isinstance(kind, str) else None
    for rule in _UNKNOWN if rules is None else rules:
        rule(message, faults)
    return faults


def _known_type(message: dict[str, Any], faults: Faults) -> None:
    known = ", ".join(sorted(EVENT_TYPES))
    kind = message.get("type")
    found = repr(kind[:_SHOWN_CHARS]) if isinstance(kind, str) else describe_type(kind)
    detail = "is missing" if kind is None else f"is {found}"
    faults.append((Discard.BAD_REQUEST, Fault("$.type", f"{detail}; use one of {known}")))


def _text_ids(message: dict[str, Any], faults: Faults) -> None:
    for key in _IDS:
        value = message.get(key)
        if value is not None and not isinstance(value, str):
            found = f"is {describe_type(value)}; send ids as strings"
            faults.append((Discard.ID_NOT_STRING, Fault(f"$.{key}", found)))


def _user_or_anonymous(message: dict[str, Any], faults: Faults) -> None:
    if message.get("userId") in _ABSENT and message.get("anonymousId") in _ABSENT:
        found = "neither userId nor anonymousId is set; send one of them"
        faults.append((Discard.NO_USER_ANON_ID, Fault("$", found)))


def _event_name(message: dict[str, Any], faults: Faults) -> None:
    name = message.get("event")
    if name in _ABSENT:
        found = "is missing; name the event of a track call"
        faults.append((Discard.EVENT_NOT_DEFINED, Fault("$.event", found)))
    elif not isinstance(name, str):
        found = f"is {describe_type(name)}; send the event's name as a string"
        faults.append((Discard.EVENT_NOT_STRING, Fault("$.event", found)))


def _message_id(message: dict[str, Any], faults: Faults) -> None:
    value = message.get("messageId")
    if isinstance(value, str) and len(value) > MAX_MESSAGE_ID_CHARS:
        found = f"has {len(value)} characters; the longest allowed is {MAX_MESSAGE_ID_CHARS}"
    elif value is not None and not isinstance(value, str):
        found = f"is {describe_type(value)}; send it as a string"
    elif value is not None and "\0" in value:  # PostgreSQL cannot store a NUL in a text
        found = "has a NUL character; send it without"
    else:
        return
    faults.append((Discard.BAD_REQUEST, Fault("$.messageId", found)))


def _required(key: str) -> Rule:
    def rule(message: dict[str, Any], faults: Faults) -> None:
        if message.get(key) in _ABSENT:
            found = f"is missing; {message['type']} calls need it"
            faults.append((Discard.ID_REQUIRED, Fault(f"$.{key}", found)))

    return rule


def _text(key: str, code: Discard) -> Rule:
    def rule(message: dict[str, Any], faults: Faults) -> None:
        value = message.get(key)
        if value is not None and not isinstance(value, str):
            found = f"is {describe_type(value)}; send a string"
            faults.append((code, Fault(f"$.{key}", found)))

    return rule


def _object(key: str, code: Discard) -> Rule:
    def rule(message: dict[str, Any], faults: Faults) -> None:
        value = message.get(key)
        if value is None:
            return
        if not isinstance(value, dict):
            found = f"is {describe_type(value)}; send an object"
            faults.append((code, Fault(f"$.{key}", found)))
        elif len(value) > MAX_PROPERTIES:
            found = f"has {len(value)} keys; the most allowed is {MAX_PROPERTIES}"
            faults.append((Discard.TOO_MANY_PROPERTIES, Fault(f"$.{key}", found)))

    return rule


_PROPERTIES = _object("properties", Discard.PROPERTIES_NOT_OBJECT)
_TRAITS = _object("traits", Discard.TRAITS_NOT_OBJECT)
_VIEW = (
    _user_or_anonymous,
    _PROPERTIES,
    _text("name", Discard.NAME_NOT_STRING),
    _text("category", Discard.CATEGORY_NOT_STRING),
)
_COMMON = (
    _message_id,
    _object("context", Discard.BAD_REQUEST),
    _object("integrations", Discard.BAD_REQUEST),
)
_UNKNOWN: tuple[Rule, ...] = (_known_type,)
_RULES: dict[str, tuple[Rule, ...]] = {
    "track": (_text_ids, _user_or_anonymous, _event_name, _PROPERTIES, *_COMMON),
    "identify": (_text_ids, _user_or_anonymous, _TRAITS, *_COMMON),
    "page": (_text_ids, *_VIEW, *_COMMON),
    "screen": (_text_ids, *_VIEW, *_COMMON),
    "group": (_text_ids, _user_or_anonymous, _required("groupId"), _TRAITS, *_COMMON),
    "alias": (_text_ids, _required("previousId"), _required("userId"), *_COMMON),
    DELETE: (_text_ids, _user_or_anonymous, *_COMMON),
}
