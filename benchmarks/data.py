"""What is measured: events of four sizes, mappings of 5 and 30 fields, triggers of 1 and 6."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from offramp import _json

#: Different events that a measurement goes round: enough that nothing is the same as just before.
DISTINCT: Final = 100
#: The size whose padding lies where nothing reads it; that of the others is sent on.
UNREAD: Final = "10 KB little-read"
#: JSON bytes that the larger events have at least; the seed's own has some 700.
SIZES: Final = {"seed": 0, "1 KB": 1_024, "10 KB": 10_240, UNREAD: 10_240}

#: What the events are called, as in Metronome's guide for Segment.
EVENT: Final = "billing_event"
TRIGGERS: Final = {
    "1 condition": 'type = "track"',
    "6 conditions": (
        'type = "track" and event = "billing_event" and !contains(userId, "@company.com") '
        'and properties.t != "test" and (context.ip != "10.0.0.1" or properties.data.retry > 3)'
    ),
}

#: Five fields of five: the mapping in Metronome's guide for Segment.
FIVE: Final[dict[str, Any]] = {
    "transaction_id": {"@path": "$.messageId"},
    "customer_id": {"@path": "$.properties.cid"},
    "timestamp": {"@path": "$.properties.ts"},
    "event_type": {"@path": "$.properties.t"},
    "properties": {"@path": "$.properties.data"},
}


def _first_of(path: str, other: Any) -> dict[str, Any]:
    found = {"@path": path}
    return {"@if": {"exists": found, "then": found, "else": other}}


#: Thirty fields in five objects, with directives within directives.
THIRTY: Final[dict[str, Any]] = {
    "id": {"@path": "$.messageId"},
    "name": {"@template": "{{event}} of {{userId}}"},
    "sent_at": {"@path": "$.timestamp"},
    "kind": {"@case": {"operator": "upper", "value": {"@path": "$.properties.t"}}},
    "weight": {"@path": "$.properties.data.run"},
    "billable": {"@if": {"exists": {"@path": "$.properties.cid"}, "then": True, "else": False}},
    "tags": [{"@path": "$.type"}, {"@path": "$.properties.t"}, "usage"],
    "customer": {
        "id": {"@path": "$.properties.cid"},
        "user": _first_of("$.userId", {"@path": "$.anonymousId"}),
        "email": _first_of("$.context.traits.email", "nobody@example.com"),
        "plan": _first_of("$.context.traits.plan", _first_of("$.properties.plan", "free")),
        "locale": {
            "@replace": {
                "pattern": "-",
                "replacement": "_",
                "global": True,
                "value": {"@path": "$.context.locale"},
            }
        },
    },
    "usage": {
        "action": {"@path": "$.properties.data.action"},
        "job": {"@case": {"operator": "lower", "value": {"@path": "$.properties.data.jobId"}}},
        "user": {"@path": "$.properties.data.username"},
        "seconds": {"@path": "$.properties.data.seconds"},
        "cost": {"@path": "$.properties.data.cost"},
        "retried": {"@path": "$.properties.data.retried"},
    },
    "origin": {
        "ip": {"@path": "$.context.ip"},
        "library": {"@template": "{{context.library.name}}/{{context.library.version}}"},
        "url": _first_of("$.context.page.url", "https://example.com/"),
        "title": _first_of("$.context.page.title", "none"),
        "agent": {"@path": "$.context.userAgent"},
    },
    "times": {
        "received": {"@path": "$.receivedAt"},
        "original": {"@path": "$.originalTimestamp"},
        "used": {"@path": "$.properties.ts"},
    },
    "rest": {
        "all": {"@json": {"mode": "encode", "value": {"@path": "$.properties.data"}}},
        "flat": {"@flatten": {"separator": ".", "value": {"@path": "$.context.library"}}},
        "merged": {
            "@merge": {
                "objects": [{"@path": "$.context.library"}, {"kind": "usage"}],
                "direction": "right",
            }
        },
        "count": 1,
    },
}
MAPPINGS: Final = {"5 fields": FIVE, "30 fields": THIRTY}


def make_event(number: int, *, size: str = "seed", now: datetime, names: int = 1) -> dict[str, Any]:
    """Event `number` as the collector stores it: the usage event of Metronome's guide, padded.

    Its time of use lies a day before `now`, so that Metronome would take it. It has one of so
    many names, in turn.
    """
    used = now - timedelta(days=1, seconds=number)
    data: dict[str, Any] = {
        "action": "runJob",
        "jobId": f"FD82-AA0F-45A7-{number:04d}",
        "username": "jsmith",
    }
    context: dict[str, Any] = {
        "ip": "203.0.113.7",
        "library": {"name": "analytics-python", "version": "2.4.0"},
    }
    if size != "seed":
        data |= {"run": number, "seconds": 12.5, "cost": 1250, "retried": False}
        context |= {
            "locale": "en-GB",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "page": {"url": "https://shop.example/jobs", "title": "Jobs"},
            "traits": {"email": "ada@example.com", "plan": "pro"},
        }
    event = {
        "type": "track",
        "event": event_name(number % names if names > 1 else None),
        "messageId": f"evt-{number:08d}-5f0c-4a54-8dd0-7f3a1e0c",
        "userId": f"user_{number % 50}",
        "properties": {
            "cid": f"533c3db43f{number % 50:02d}",
            "data": data,
            "t": "user_action",
            "ts": _text(used),
        },
        "context": context,
        "integrations": {},
        "timestamp": _text(now),
        "originalTimestamp": _text(now - timedelta(milliseconds=40)),
        "sentAt": _text(now),
        "receivedAt": _text(now),
        "version": 2,
    }
    _pad(event, context if size == UNREAD else data, SIZES[size])
    return event


def make_bodies(*, size: str, now: datetime, count: int = DISTINCT, start: int = 0) -> list[bytes]:
    """The JSON texts of so many different events."""
    numbers = range(start, start + count)
    return [_json.dumps(make_event(number, size=size, now=now)) for number in numbers]


def event_name(share: int | None) -> str:
    """The name of the events of one share; of all of them where they are not shared out."""
    return EVENT if share is None else f"{EVENT}_{share}"


def now() -> datetime:
    """The time that the events of a run are made for."""
    return datetime.now(UTC)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pad(event: dict[str, Any], place: dict[str, Any], size: int) -> None:
    """Add items to a place in the event, until the event is as large as it should be."""
    missing = size - len(_json.dumps(event))
    items: list[dict[str, Any]] = []
    while missing > 0:
        item = {"sku": f"sku-{len(items):05d}", "name": "Compute hour", "quantity": 3, "price": 42}
        items.append(item)
        missing -= len(_json.dumps(item)) + 1
    if items:
        place["items"] = items
