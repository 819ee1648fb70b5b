"""`Retry-After` as partners really send it: seconds, dates, and what cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp import parse_retry_after

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        ("Monday, 23-Nov-26 12:01:30 GMT", 90.0),
        ("Mon Nov 23 12:01:30 2026", 90.0),
        ("Mon, 23 Nov 2026 14:00:10 +0200", 10.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("Mon, 32 Nov 2026 12:00:00 GMT", None),
        ("Mon, 23 Nov 99999999999 12:00:00 GMT", None),
        ("Mon, 23 Nov 2026 12:00:00 +99999999999999999999", None),
    ],
)
def test_a_pause_is_read(value: str | None, seconds: float | None) -> None:
    """RFC 9110's seconds and its three forms of a date; the rest is as if it were absent."""
    assert parse_retry_after(value, now=NOW) == seconds


@given(st.text(max_size=40))
def test_no_text_breaks_it(value: str) -> None:
    """A header comes from outside: whatever it says, the answer is a pause or nothing."""
    seconds = parse_retry_after(value, now=NOW)
    assert seconds is None or seconds >= 0
