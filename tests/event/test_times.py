"""Times are read as ISO 8601 and RFC 3339 write them, and nothing else is taken for one."""

from __future__ import annotations

import calendar
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.event.parts import READ

from offramp.event import TIME_FORMS, format_time, parse_local_time, parse_time


@pytest.mark.parametrize(("text", "time"), READ)
def test_a_text_is_the_time_that_the_standards_say_or_none(text: str, time: str) -> None:
    """Both readers agree on what is a time at all."""
    read = parse_time(text)
    assert ("" if read is None else format_time(read)) == time
    assert (parse_local_time(text) is None) == (time == "")


def test_the_forms_that_are_named_are_read() -> None:
    """Whoever follows an error message is understood."""
    assert all(parse_time(form) for form in TIME_FORMS.replace(" or", ",").split(", "))


def test_without_an_offset_a_person_means_the_clock_on_the_wall() -> None:
    """With one, both readers read the same."""
    naive, aware = "2026-07-01T10:00:00", "2026-07-01T10:00:00+05:00"
    assert parse_local_time(naive) == datetime.fromisoformat(naive).astimezone(UTC)
    assert parse_local_time(aware) == parse_time(aware)


def strictly(text: str) -> datetime | None:
    """Read by a grammar of its own: cut at the signs, then count the digits of each part."""
    upper = text.upper().replace(" ", "T") if text[4:5] == "-" else text.upper()
    day_text, sign, rest = upper.partition("T")
    extended = "-" in day_text
    if (not sign and not extended) or (" " in text and "T" in text.upper()):
        return None
    day = strict_day(day_text, extended=extended)
    if day is None or not sign:
        return day
    zone = ""
    for mark in "Z+-":
        clock, found, after = rest.partition(mark)
        if found:
            rest, zone = clock, found + after + zone
    passed, offset = strict_clock(rest, extended=extended), strict_offset(zone)
    if passed is None or offset is None:
        return None
    try:
        return day + passed - offset
    except OverflowError:
        return None


def digits(text: str, *counts: int) -> bool:
    return len(text) in counts and set(text) <= set("0123456789")


def strict_day(text: str, *, extended: bool) -> datetime | None:  # noqa: PLR0911
    year, rest = text[:4], text[4:]
    if extended:
        parts = rest.split("-")[1:]
        if not rest.startswith("-") or [len(part) for part in parts] not in ([2, 2], [3], [3, 1]):
            return None
        rest = "".join(parts)
    if not digits(year, 4) or year == "0000":
        return None
    first = datetime(int(year), 1, 1, tzinfo=UTC)
    if rest[:1] == "W":
        if not digits(rest[1:], 3) or not (1 <= int(rest[3]) <= 7 and int(rest[1:3]) >= 1):
            return None
        monday = datetime(int(year), 1, 4, tzinfo=UTC)
        days = 7 * int(rest[1:3]) - 7 + int(rest[3]) - 1 - monday.weekday()
        weeks = 53 if calendar.weekday(int(year), 12, 31) == 3 or first.weekday() == 3 else 52
        return monday + timedelta(days) if int(rest[1:3]) <= weeks else None
    if digits(rest, 3):
        length = 366 if calendar.isleap(int(year)) else 365
        return first + timedelta(int(rest) - 1) if 1 <= int(rest) <= length else None
    if not digits(rest, 4) or not 1 <= int(rest[:2]) <= 12:
        return None
    last = calendar.monthrange(int(year), int(rest[:2]))[1]
    return (
        first.replace(month=int(rest[:2]), day=int(rest[2:]))
        if 1 <= int(rest[2:]) <= last
        else None
    )


def strict_clock(text: str, *, extended: bool) -> timedelta | None:
    whole, comma, fraction = text.replace(",", ".").partition(".")
    parts = whole.split(":") if extended else [whole[at : at + 2] for at in range(0, len(whole), 2)]
    if not 1 <= len(parts) <= 3 or not all(digits(part, 2) for part in parts):
        return None
    if comma and (len(parts) != 3 or not fraction or not set(fraction) <= set("0123456789")):
        return None
    hour, minute, second = (int(part) for part in [*parts, "00", "00"][:3])
    micros = int(fraction[:6].ljust(6, "0"))
    if (minute, second, fraction.strip("0")) == (0, 0, "") and hour == 24:
        return timedelta(days=1)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros)


def strict_offset(text: str) -> timedelta | None:
    if text in ("", "Z"):
        return timedelta()
    hours, colon, minutes = text[1:3], text[3:4] == ":", text[3:].removeprefix(":")
    if not digits(hours, 2) or not digits(minutes, 0, 2) or (colon and not minutes):
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if text[0] not in "+-" or int(hours) > 23 or int(minutes or 0) > 59:
        return None
    return offset if text[0] == "+" else -offset


DAYS = ["2026-11-28", "20261128", "2026-W53-7", "2026W486", "2024-366", "2026332", "2026-02-29"]
CLOCKS = ["T10:00:00", "t1000", "T23", " 24:00:00", "T100000", "T23:59:59.9999999", "T24:00:00,0"]
ZONES = ["", "Z", "z", "+01:30", "-2359", "+14", "-24", "+01:3"]
FORMS = ["".join(parts) for parts in itertools.product(DAYS, ["", *CLOCKS], ZONES)]


@st.composite
def nearly_times(draw: st.DrawFn) -> str:
    """A text in some form of a time, with a sign or two changed, lost or added."""
    text = draw(st.sampled_from(FORMS))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        sign = draw(st.sampled_from(["", *"0123459:-+.,TtZzW _٣\0"]))
        text = text[:at] + sign + text[at + draw(st.integers(0, 1)) :]
    return text


@given(text=nearly_times() | st.text(alphabet="0123456789-:TZW+. ", max_size=26))
@example(text="2026-11-28T10:00:00.123456+00:00")
@example(text="2026-11-28T10:00:00.12345+00:00")
@example(text="2026-11-28T10:00:00.123456\0+00:00")
@example(text="2026-11-28T24:00:00,0+01Z:30")
def test_a_grammar_of_its_own_reads_the_same(text: str) -> None:
    """What is no time by the standards is none here; what is one is the same time."""
    if ":60" not in text and text[-2:] != "60":  # leap seconds stand in the table
        assert parse_time(text) == strictly(text)


@pytest.mark.parametrize("text", FORMS)
def test_each_form_is_read_as_its_grammar_says(text: str) -> None:
    """Every day with every clock and every offset."""
    assert parse_time(text) == strictly(text)
