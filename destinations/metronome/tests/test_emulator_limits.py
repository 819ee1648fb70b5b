from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp_metronome.emulator.limits import (
    RefusedError,
    check_aliases,
    check_batch,
    parse_timestamp,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "transaction_id": "t-1",
    "customer_id": "acme",
    "event_type": "api_call",
    "timestamp": "2026-11-23T11:59:59.250Z",
    "properties": {"bytes": "12"},
}
MISSING = object()


def changed(field: str, value: Any) -> dict[str, Any]:
    event = GOOD | {field: value}
    return {key: item for key, item in event.items() if item is not MISSING}


ACCEPTED = [
    ("transaction_id", "x"),
    ("transaction_id", "x" * 128),
    ("transaction_id", "\U0001f41f" * 128),  # characters count, not bytes
    ("customer_id", "x" * 10_000),
    ("event_type", "x" * 10_000),
    ("properties", MISSING),
    ("properties", {}),
    ("properties", {str(number): "1" for number in range(2_000)}),
    ("properties", {"nested": {"list": [1, None]}, "null": None, "true": True, "number": 1.5}),
    ("timestamp", "2026-11-23T12:00:00Z"),
    ("timestamp", "2026-11-23t12:00:00z"),
    ("timestamp", "2026-11-23T12:00:00.123456789Z"),
    ("timestamp", "2026-11-23T23:30:00+11:30"),
    ("timestamp", "2026-11-24T12:00:00Z"),  # exactly 24 hours ahead
    ("timestamp", "2026-10-20T12:00:00Z"),  # exactly 34 days old
    ("timestamp", "2026-10-20T07:00:00-05:00"),
    ("unknown", "is nobody's business"),
]

REFUSED = [
    ("transaction_id", MISSING, "transaction_id: missing"),
    ("transaction_id", 7, "transaction_id: not a string"),
    ("transaction_id", None, "transaction_id: not a string"),
    ("transaction_id", "", "transaction_id: empty"),
    ("transaction_id", "x" * 129, "transaction_id: too long"),
    ("customer_id", MISSING, "customer_id: missing"),
    ("customer_id", ["acme"], "customer_id: not a string"),
    ("customer_id", "", "customer_id: empty"),
    ("event_type", MISSING, "event_type: missing"),
    ("event_type", True, "event_type: not a string"),
    ("event_type", "", "event_type: empty"),
    ("timestamp", MISSING, "timestamp: missing"),
    ("timestamp", 1_763_899_200, "timestamp: not a string"),
    ("timestamp", "", "timestamp: not RFC 3339"),
    ("timestamp", "2026-11-23", "timestamp: not RFC 3339"),
    ("timestamp", "2026-11-23T12:00:00", "timestamp: not RFC 3339"),
    ("timestamp", "2026-11-23 12:00:00Z", "timestamp: not RFC 3339"),
    ("timestamp", "20261123T120000Z", "timestamp: not RFC 3339"),
    ("timestamp", "2026-W48-1T12:00:00Z", "timestamp: not RFC 3339"),
    ("timestamp", "2026-11-31T12:00:00Z", "timestamp: not RFC 3339"),
    ("timestamp", "2026-11-23T24:00:00Z", "timestamp: not RFC 3339"),
    ("timestamp", "2026-11-23T12:60:00Z", "timestamp: not RFC 3339"),
    ("timestamp", "+002026-11-23T12:00:00Z", "timestamp: not RFC 3339"),
    ("timestamp", "12026-11-23T12:00:00Z", "timestamp: not RFC 3339"),
    ("timestamp", "1763899200", "timestamp: not RFC 3339"),
    ("timestamp", "2026-11-23T12:00:00Z\n", "timestamp: not RFC 3339"),
    ("timestamp", "2026-10-20T11:59:59.999Z", "timestamp: too old"),
    ("timestamp", "0001-01-01T00:00:00+10:00", "timestamp: too old"),
    ("timestamp", "2026-11-24T12:00:00.001Z", "timestamp: too far ahead"),
    ("timestamp", "9999-12-31T23:59:59-10:00", "timestamp: too far ahead"),
    ("properties", None, "properties: not an object"),
    ("properties", [], "properties: not an object"),
    ("properties", "{}", "properties: not an object"),
    ("properties", {str(number): "1" for number in range(2_001)}, "properties: too many"),
]

REFUSED_BATCHES = [
    ([], "batch: empty"),
    ([GOOD] * 101, "batch: too many events"),
    (GOOD, "batch: not an array"),
    ({"usage": [GOOD]}, "batch: not an array"),
    (None, "batch: not an array"),
    ("[]", "batch: not an array"),
    ([None], "event: not an object"),
    ([[GOOD]], "event: not an object"),
]


@pytest.mark.parametrize(("field", "value"), ACCEPTED)
def test_what_lies_within_the_limits_passes(field: str, value: Any) -> None:
    check_batch([changed(field, value)], NOW)


@pytest.mark.parametrize(("field", "value", "reason"), REFUSED)
def test_one_bad_event_refuses_the_whole_batch_and_is_named(
    field: str, value: Any, reason: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        check_batch([GOOD, GOOD, changed(field, value), GOOD], NOW)
    assert refused.value.reason == reason
    assert refused.value.status == 400
    assert f"$[2].{field}" in refused.value.message


@pytest.mark.parametrize(("batch", "reason"), REFUSED_BATCHES)
def test_a_batch_of_the_wrong_form_is_refused(batch: Any, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_batch(batch, NOW)
    assert refused.value.reason == reason


def test_a_hundred_events_are_a_batch() -> None:
    check_batch([GOOD] * 100, NOW)


@pytest.mark.parametrize(
    ("aliases", "reason"),
    [
        (None, "ingest_aliases: not an array"),
        ("acme", "ingest_aliases: not an array"),
        (["acme", 1], "ingest_aliases: not an array"),
        ([""], "ingest_aliases: wrong length"),
        (["x" * 129], "ingest_aliases: wrong length"),
        ([str(number) for number in range(2_001)], "ingest_aliases: too many"),
    ],
)
def test_aliases_outside_the_limits_are_refused(aliases: Any, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_aliases(aliases)
    assert refused.value.reason == reason


def test_aliases_within_the_limits_are_given_once_each_in_order() -> None:
    most = [str(number) for number in range(2_000)]
    assert check_aliases(most) == tuple(most)
    assert check_aliases(["b", "x" * 128, "b"]) == ("b", "x" * 128)
    assert check_aliases([]) == ()


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001  (an offset is drawn below)
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_every_moment_that_python_writes_with_an_offset_is_read_back(
    naive: datetime, minutes: int
) -> None:
    time = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_timestamp(time.isoformat()) == time


@given(
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,12})?"
        r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
        fullmatch=True,
    )
    | st.text()
)
def test_no_text_breaks_the_reading_of_timestamps(text: str) -> None:
    time = parse_timestamp(text)
    assert time is None or time.tzinfo is not None
