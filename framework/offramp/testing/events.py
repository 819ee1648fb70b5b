"""Events for tests: complete, always the same, and in the form that the collector accepts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from offramp.definition import UNSET
from offramp.event import SPEC_VERSION, format_time
from offramp.testing.clock import TEST_TIME

#: The context that an SDK fills in; a test's `context` is merged into it.
_CONTEXT: Final[dict[str, Any]] = {
    "active": True,
    "app": {"name": "Initech Global", "version": "545", "build": "3.0.1.545"},
    "campaign": {"name": "TPS Reports", "source": "newsletter", "medium": "email"},
    "groupId": "group1234",
    "ip": "203.0.113.7",
    "library": {"name": "analytics.js", "version": "2.11.1"},
    "locale": "en-US",
    "os": {"name": "macOS", "version": "15.2"},
    "page": {
        "path": "/academy/",
        "referrer": "https://www.example.com/",
        "search": "?q=usage",
        "title": "Initech Academy",
        "url": "https://www.example.com/academy/",
    },
    "timezone": "Europe/Amsterdam",
    "traits": {"email": "user1234@example.com", "plan": "pro"},
    "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
}
_COMMON: Final[dict[str, Any]] = {
    "messageId": "message1234",
    "anonymousId": "anonId1234",
    "userId": "user1234",
    "timestamp": format_time(TEST_TIME),
    "originalTimestamp": format_time(TEST_TIME),
    "sentAt": format_time(TEST_TIME),
    "receivedAt": format_time(TEST_TIME),
    "version": SPEC_VERSION,
    "integrations": {},
    "context": _CONTEXT,
}
_USAGE: Final[dict[str, Any]] = {
    "plan": "pro",
    "quantity": 3,
    "duration_ms": 1250,
    "region": "eu-west-1",
    "success": True,
}
_PERSON: Final[dict[str, Any]] = {
    "name": "Peter Gibbons",
    "email": "user1234@example.com",
    "plan": "pro",
}
#: The fields of each type of event besides the common ones.
_OWN: Final[dict[str, dict[str, Any]]] = {
    "track": {"event": "Test Event", "properties": _USAGE},
    "identify": {"traits": _PERSON},
    "page": {"name": "Academy", "category": "Docs", "properties": _CONTEXT["page"]},
    "screen": {"name": "Academy", "category": "Docs", "properties": {"variation": "blue"}},
    "group": {"groupId": "group1234", "traits": {"name": "Initech", "employees": 329}},
    "alias": {"previousId": "anonId1234"},
}


def create_test_event(**changes: Any) -> dict[str, Any]:
    """A complete event, always the same: a track call, or the type in `type=`.

    A given value replaces that key's value as a whole; only a `context` is merged into the usual
    one, object by object, because SDKs fill it. `UNSET` removes a key. All times are `TEST_TIME`,
    at which the `clock` fixture starts.
    """
    kind = changes.get("type", "track")
    event = copy.deepcopy({"type": kind, **_OWN.get(kind, {}), **_COMMON})
    context = changes.pop("context", {})
    event.update(copy.deepcopy(changes))
    is_laid_over = isinstance(context, Mapping)
    event["context"] = _laid_over(event["context"], context) if is_laid_over else context
    return {key: value for key, value in event.items() if value is not UNSET}


def _laid_over(usual: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(usual)
    for key, value in changes.items():
        if value is UNSET:
            laid.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(laid.get(key), Mapping):
            laid[key] = _laid_over(laid[key], value)
        else:
            laid[key] = copy.deepcopy(value)
    return laid
