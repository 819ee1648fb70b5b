"""What the collector adds to a message."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offramp.errors import EventError
from offramp.event import EVENT_TYPES, Arrival, format_time, normalize, parse_time

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CASES = json.loads(Path(__file__).with_name("normalize_cases.json").read_text())

NAMES = ["type", "messageId", "timestamp", "sentAt", "originalTimestamp", "receivedAt", "context"]
NAMES += ["integrations", "version", "userId", "writeKey", "library", "direct", "ip", "name"]
KEYS = st.sampled_from(NAMES)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.datetimes().map(lambda time: time.isoformat())
    | st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=12)


def made() -> str:
    return "made"


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_normalize_follows_its_table(case: dict[str, Any]) -> None:
    """Each case names what the event must hold, and what it must lack."""
    event = normalize(
        case["message"],
        kind=case.get("kind"),
        received_at=NOON,
        new_id=made,
        sent_at=case.get("sent_at"),
        batch_context=case.get("batch_context"),
        batch_integrations=case.get("batch_integrations"),
        ip=case.get("ip"),
    )
    for key, value in case.get("has", {}).items():
        assert (key, event.get(key, "nothing")) == (key, value)
    for key in case.get("lacks", []):
        assert key not in event


@pytest.mark.parametrize("sent_at", ["2026-11-20T09:00:00Z", None], ids=["request", "message"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_clock_in_doubt_corrects_no_time(trusted: bool, sent_at: str | None) -> None:
    """While the collector's own clock may be wrong, a sender's time stays as it was sent."""
    arrival = Arrival(
        kind="track", received_at=NOON, new_id=made, sent_at=sent_at, clock_trusted=trusted
    )
    event = arrival.normalize(
        {"timestamp": "2026-11-20T08:00:00.000Z", "sentAt": "2026-11-20T09:00:00.000Z"}
    )
    # Three days and three hours behind, by a clock that is right.
    expected = "2026-11-23T11:00:00.000Z" if trusted else "2026-11-20T08:00:00.000Z"
    assert event["timestamp"] == expected
    assert event["originalTimestamp"] == "2026-11-20T08:00:00.000Z"


@pytest.mark.parametrize("message", [None, [], "x", 1, Decimal("1.5"), True])
def test_a_message_that_is_no_object_is_refused(message: Any) -> None:
    """The error has Segment's code, and says what was found."""
    with pytest.raises(EventError, match="an event is an object, not ") as caught:
        normalize(message, kind="track", received_at=NOON, new_id=made)
    assert caught.value.reason == "bad_request"


@given(
    message=OBJECTS,
    kind=st.none() | st.sampled_from(sorted(EVENT_TYPES)),
    sent_at=JSON,
    context=st.none() | OBJECTS,
    ip=st.none() | st.just("192.0.2.1"),
)
def test_any_object_becomes_an_event_and_stays_as_it_was(
    message: dict[str, Any],
    kind: str | None,
    sent_at: Any,
    context: dict[str, Any] | None,
    ip: str | None,
) -> None:
    """Normalising is total, never writes to its input, and always sets what the server adds."""
    before = copy.deepcopy((message, context))
    event = normalize(
        message,
        kind=kind,
        received_at=NOON,
        new_id=made,
        sent_at=sent_at,
        batch_context=context,
        batch_integrations=context,
        ip=ip,
    )
    assert (message, context) == before
    assert event is not message
    assert event["receivedAt"] == "2026-11-23T12:00:00.000Z"
    assert event["timestamp"] not in (None, "")
    assert event["messageId"] not in (None, "")
    assert event["version"] is not None
    kept = set(message) - {"writeKey"}
    assert kept <= set(event)


@example(message={"sentAt": "2026-11-23T11:59:00Z"})
@example(message={"timestamp": "2026-11-23T11:00:00Z", "sentAt": "2026-11-23T11:59:00Z"})
@given(message=OBJECTS)
def test_normalising_twice_moves_no_event_in_time(message: dict[str, Any]) -> None:
    """An event that is sent on to another collector keeps the time that the first one gave it."""
    once = normalize(message, kind=None, received_at=NOON, new_id=made)
    again = normalize(once, kind=None, received_at=datetime(2027, 1, 1, tzinfo=UTC), new_id=made)
    assert again["messageId"] == once["messageId"]
    assert again["timestamp"] == once["timestamp"]


@given(time=st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_read_back_to_the_millisecond(time: datetime) -> None:
    """What `format_time` writes, `parse_time` reads."""
    written = format_time(time)
    assert len(written) == len("2026-11-23T12:00:00.000Z")
    assert parse_time(written) == time.replace(microsecond=time.microsecond // 1000 * 1000)


@given(value=JSON)
def test_reading_a_time_never_fails(value: Any) -> None:
    """Whatever is no ISO 8601 text is `None`."""
    time = parse_time(value)
    assert time is None or time.tzinfo is UTC
