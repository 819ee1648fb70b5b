"""An event that is stored as it came, with keys added, means what it means when it is rewritten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from offramp import _json
from offramp._json import StructReader
from offramp.collector.limits import Limits
from offramp.collector.messages import EventMaker, parse
from offramp.errors import EventError
from offramp.event import EVENT_TYPES, READ_OBJECTS, READS, Arrival
from offramp.fql import compile_struct_path

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
IP = "192.0.2.1"
WRITE_KEY = "write-key-of-the-web"
MAKER = EventMaker(limits=Limits(depth=8))
READ = (*READS, ("properties", "plan"), ("context", "a"))
READER = StructReader(READ, objects=READ_OBJECTS)


def arrival(kind: str | None = None, sent_at: str | None = None, ip: str | None = IP) -> Arrival:
    """A request at noon."""
    return Arrival(kind=kind, received_at=NOON, new_id=lambda: "made", sent_at=sent_at, ip=ip)


def careful(text: bytes, arrived: Arrival) -> tuple[dict[str, Any], bytes] | None:
    """The event as it is read and written whole; `None` if it is refused."""
    try:
        return MAKER.one(parse(text), text, arrived)
    except EventError:
        return None


def assert_same(text: bytes, arrived: Arrival) -> bool:
    """Compare both ways; returns whether the quick one could be taken."""
    quick, whole = MAKER.quick(text, arrived, READER), careful(text, arrived)
    if quick is None:
        return False
    assert whole is not None
    read, body = quick
    stored = _json.loads(body)
    # The text of the representation shows each digit of a number, and the order of keys.
    assert repr(stored) == repr(_json.loads(whole[1])) == repr(whole[0])
    for path in READ:
        found = [compile_struct_path(path)(each) for each in (read, READER.of(stored))]
        assert repr(found[0]) == repr(found[1])
    for (key,) in READ_OBJECTS:
        assert type(getattr(read, key)) is type(stored.get(key))
    return True


TIMES = st.sampled_from(
    [
        "2026-11-23T11:59:59.123Z",
        "2026-11-23T11:59:59.000Z",
        "2026-11-23T12:00:00.000Z",
        "2026-11-23T13:00:00+02:00",
        "2026-11-23",
        "yesterday",
        "",
    ]
)
KEYS = st.sampled_from(["plan", "ip", "name", "writeKey", "type", "a", "é", "", "x.y", "\\u0061"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from([WRITE_KEY, '"writeKey":"' + WRITE_KEY + '"', "{", "}", "[", "]", '""', "\\"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "library": st.sampled_from([{"name": "analytics.js", "version": "2"}, {"name": "x"}, "y"]),
        "direct": st.booleans() | JSON,
        "ip": st.sampled_from([None, "203.0.113.7", ""]),
        "a": JSON,
    },
)
#: What SDKs send, by key.
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from([*sorted(EVENT_TYPES), None]),
    "event": st.sampled_from(["Signed Up", "é"]),
    "name": st.sampled_from(["Home", None]),
    "messageId": st.sampled_from(["m1", "", None]),
    "userId": st.sampled_from(["u1", "é", "a\\b", 'a"b']),
    "anonymousId": st.sampled_from(["a1", None]),
    "groupId": st.just("g1"),
    "previousId": st.just("p1"),
    "timestamp": TIMES,
    "sentAt": TIMES,
    "originalTimestamp": TIMES,
    "receivedAt": TIMES | st.none(),
    "version": st.sampled_from([None, 2, 3, "2"]),
    "context": CONTEXTS,
    "integrations": st.dictionaries(KEYS, st.booleans(), max_size=2),
    "properties": st.dictionaries(KEYS, JSON, max_size=3),
    "traits": st.dictionaries(KEYS, JSON, max_size=3),
    "writeKey": st.just(WRITE_KEY),
    "other": JSON,
}
#: The same and anything else.
WILD = {key: usual | JSON for key, usual in USUAL.items()}
IDENTIFIED = {key: USUAL[key] for key in ("type", "event", "userId")}
MESSAGES = (
    st.fixed_dictionaries(IDENTIFIED, optional={k: USUAL[k] for k in USUAL if k not in IDENTIFIED})
    | st.fixed_dictionaries(IDENTIFIED, optional={k: WILD[k] for k in WILD if k not in IDENTIFIED})
    | st.fixed_dictionaries({}, optional=WILD)
)


def write(value: Any, style: str) -> str:
    """The value as JSON: compact, indented, or with each character beyond ASCII escaped."""
    compact = _json.dumps(value).decode()
    if style == "pretty":
        return _json.pretty(value)
    if style == "ascii":
        return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in compact)
    return compact


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """The text of a message; members may be repeated with another value, keys may be escaped."""
    message = draw(MESSAGES)
    style = draw(st.sampled_from(["compact", "compact", "pretty", "ascii"]))
    members = list(message.items())
    repeated = draw(st.lists(st.sampled_from(sorted(USUAL)), max_size=2))
    members += [(key, draw(USUAL[key])) for key in repeated]
    if draw(st.booleans()):
        members = draw(st.permutations(members))
    written = []
    for key, value in members:
        name = json.dumps(key)
        if draw(st.integers(0, 20)) == 0:
            name = f'"\\u{ord(key[0]):04x}{key[1:]}"'
        written.append(f"{name}{draw(st.sampled_from([':', ': ']))}{write(value, style)}")
    text = "{" + draw(st.sampled_from([",", ", "])).join(written) + "}"
    return (text + draw(st.sampled_from(["", "", "\n"]))).encode()


@settings(max_examples=400, deadline=None)
@given(
    text=texts(),
    kind=st.none() | st.sampled_from(sorted(EVENT_TYPES)),
    sent_at=st.none() | TIMES,
    ip=st.none() | st.just(IP),
)
def test_both_ways_store_the_same(
    text: bytes, kind: str | None, sent_at: str | None, ip: str | None
) -> None:
    """The same keys in the same order, the same values with every digit; refused alike."""
    event("quick" if assert_same(text, arrival(kind, sent_at, ip)) else "careful")


@settings(max_examples=150, deadline=None)
@given(text=texts(), at=st.integers(0), put=st.binary(max_size=2), cut=st.integers(0, 3))
def test_a_damaged_event_is_refused_either_way(text: bytes, at: int, put: bytes, cut: int) -> None:
    """The quick way takes nothing that the careful way refuses."""
    at %= len(text)
    assert_same(text[:at] + put + text[at + cut :], arrival())


BASE = '"type":"track","event":"Paid","userId":"u1","messageId":"m1"'
BROWSER = '"context":{"library":{"name":"analytics.js","version":"next-1.70.0"},"locale":"en"}'


@pytest.mark.parametrize(
    ("text", "is_quick"),
    [
        (f"{{{BASE}}}", True),
        (f'{{{BASE},"timestamp":"2026-11-23T11:00:00Z","sentAt":"2026-11-23T11:59:00Z"}}', True),
        (f'{{{BASE},"properties":{{"a":1.50,"b":[{{}}],"plan":{{"c":null}}}}}}', True),
        (f'{{{BASE},"timestamp":1e5,"originalTimestamp":"x","version":null,"type":null}}', True),
        (f'{{{BASE},"event":"a","event":"b","properties":{{}},"properties":{{"plan":1}}}}', True),
        (f"{{{BASE},{BROWSER}}}", True),
        (f'{{{BASE},{BROWSER},"writeKey":"{WRITE_KEY}"}}', True),
        (f'{{"writeKey":"{WRITE_KEY}",{BASE},{BROWSER}}}', True),
        (f'{{{BASE},"writeKey":"{WRITE_KEY}","writeKey":"other"}}', False),
        (f'{{{BASE},"write\\u004bey":"{WRITE_KEY}","a":"\\"writeKey\\":"}}', False),
        (f'{{{BASE},"writeKey": "{WRITE_KEY}"}}', False),
        (f'{{{BASE},"writeKey":5}}', False),
        (f'{{{BASE},"context":{{"direct":true,"ip":null}}}}', True),
        (f'{{{BASE},"context":{{"direct":true}},"a":{{"direct":true}}}}', False),
        (f'{{{BASE},"properties":{{"a":"\\ud800"}}}}', False),
        (f'{{{BASE},"properties":{{"a":"\\u00e9"}}}}', True),
        (f'{{{BASE},"properties":{{"a":{"[" * 7}{"]" * 7}}}}}', False),
        (f'{{{BASE},"properties":{{"a":[{",".join(["{}"] * 20)}]}}}}', True),
        (f'{{{BASE},"properties":{{"a":[{",".join(["{}"] * 20)}],"b":"]"}}}}', False),
        (f'{{{BASE},"properties":{{"a":1e9999999999999999999}}}}', False),
        (f'{{{BASE},"properties":{{"a":{"9" * 4_301}}}}}', False),
        (f'{{{BASE},"properties":{{"a":"{"9" * 4_301}"}}}}', False),
        (f'{{{BASE},"properties":[]}}', False),
        ('{"type":"alias","userId":"u1","previousId":"u0","messageId":"m1"}', True),
        ('{"type":"page","name":"Home","anonymousId":"a1"}', True),
        ('{"type":"page"}', False),
        ("{}", False),
        ("[]", False),
        ("", False),
    ],
)
def test_which_events_are_stored_as_they_came(text: str, is_quick: bool) -> None:
    """Those that SDKs send, and most others."""
    assert assert_same(text.encode(), arrival("track")) is is_quick


#: As the SDKs of Python (2.4.0), Node (3.1.0) and browsers (analytics-next) write an event.
SENT = {
    "python": json.dumps(
        {
            "integrations": {},
            "anonymousId": None,
            "properties": {"plan": "Größe", "price": 12.5},
            "timestamp": "2026-11-23T11:59:58.123456+00:00",
            "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
            "userId": "u1",
            "type": "track",
            "event": "Signed Up",
            "messageId": "5f0c4a54-8dd0-4f3a-8e0c-0123456789ab",
        }
    ),
    "node": _json.dumps(
        {
            "userId": "u1",
            "event": "Signed Up",
            "type": "track",
            "properties": {"plan": "Größe", "items": [{"sku": "a"}, {"sku": "b"}]},
            "context": {"library": {"name": "@segment/analytics-node", "version": "3.1.0"}},
            "timestamp": "2026-11-23T11:59:58.123Z",
            "messageId": "node-next-1732363198123-5f0c4a54-8dd0",
            "_metadata": {"nodeVersion": "22.1.0", "jsRuntime": "node"},
        }
    ).decode(),
    "browser": _json.dumps(
        {
            "timestamp": "2026-11-23T11:59:58.123Z",
            "integrations": {},
            "type": "page",
            "properties": {"path": "/", "referrer": "", "search": "", "title": "Größe", "url": "/"},
            "context": {
                "page": {"path": "/", "title": "Größe"},
                "userAgent": "Mozilla/5.0",
                "locale": "en-GB",
                "library": {"name": "analytics.js", "version": "npm:next-1.84.0"},
                "timezone": "Europe/Berlin",
            },
            "messageId": "ajs-next-1732363198123-5f0c4a54-8dd0",
            "userId": None,
            "anonymousId": "0b6b7c7e-4e6f-4c55-9a4c-0123456789ab",
            "writeKey": WRITE_KEY,
            "sentAt": "2026-11-23T11:59:58.125Z",
            "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
        }
    ).decode(),
}


@pytest.mark.parametrize("sdk", sorted(SENT))
@pytest.mark.parametrize("sent_at", [None, "2026-11-23T11:59:59.000Z"], ids=["single", "batch"])
def test_what_sdks_send_is_stored_as_it_came(sdk: str, sent_at: str | None) -> None:
    """By itself, and in a batch that says when it was sent."""
    assert assert_same(SENT[sdk].encode(), arrival("track", sent_at))
