"""Dates and times in texts: the formats of JSON Schema, and all that the dayjs library accepts."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from offramp.js.date_parts import MAX_TIME, MS_PER_SECOND, YEARS_PER_CENTURY, epoch_ms
from offramp.js.dates import parse_js_date
from offramp.js.text import JS_WHITESPACE, number_text
from offramp.payload.values import is_number

#: Digits of numeric texts that are read as seconds, and as milliseconds, since 1970: the lengths
#: of such numbers from 2001 to 2286.
EPOCH_SECONDS_DIGITS: Final = 10
EPOCH_MS_DIGITS: Final = 13
MICROSECOND_DIGITS: Final = 6
#: Most characters of a text that is read: three times what JavaScript writes with the name of a
#: zone. JavaScript's `Date` would read any number of them.
MAX_DATE_CHARACTERS: Final = 200
#: What JavaScript adds to a numeric year below 100. Source: ECMA-262, Date.UTC.
FIRST_YEAR_OF_TWO_DIGITS: Final = 1_900
LAST_HOUR: Final = 23
LAST_MINUTE: Final = 59
LEAP_SECOND: Final = 60
FEBRUARY: Final = 2
_LEAP_FEBRUARY: Final = 29
_DAYS: Final = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NO_DATE: Final = "is not a date and time"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: The form that SDKs send; all of it is valid, and Python can read most of it.
_COMMON: Final = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]++)?+"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
# Bound once, because every date of every payload needs them.
_is_common: Final = _COMMON.fullmatch
_from_iso: Final = datetime.fromisoformat
#: What dayjs reads part by part; it passes all other texts to JavaScript's `Date`. Parts may
#: overflow: month 13 is January.
_PARTS: Final = re.compile(
    rf"([0-9]{{4}})[-/]?([0-9]{{1,2}})?[-/]?([0-9]{{0,2}})[Tt{JS_WHITESPACE}]*"
    r"([0-9]{1,2})?:?([0-9]{1,2})?:?([0-9]{1,2})?[.:]?([0-9]+)?"
)
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?")
_NOT_A_TIME: Final = frozenset({"NaN", "Infinity", "-Infinity"})

_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_BETWEEN_DATE_AND_TIME: Final = re.compile(f"[tT{JS_WHITESPACE}]")


def is_date(text: str) -> bool:
    """Whether a text is an existing day, such as `2024-02-29`."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = map(int, match.groups())
    if not 1 <= month < len(_DAYS):
        return False
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = _LEAP_FEBRUARY if month == FEBRUARY and is_leap else _DAYS[month]
    return 1 <= day <= last


def is_time(text: str) -> bool:
    """Whether a text is a time of day, such as `23:59:60`, with or without an offset."""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    hour, minute, second = map(int, match.groups())
    if hour > LAST_HOUR or minute > LAST_MINUTE:
        return False
    return second <= LAST_MINUTE or (hour, minute, second) == (LAST_HOUR, LAST_MINUTE, LEAP_SECOND)


def is_date_time(text: str) -> bool:
    """Whether a text is a day and a time with `T` or one space between, and maybe an offset."""
    day, *time = _BETWEEN_DATE_AND_TIME.split(text)
    return len(time) == 1 and is_date(day) and is_time(time[0])


def is_date_like(text: str) -> bool:
    """Whether a text is a date and time: ISO 8601, seconds since 1970, or JavaScript's `Date`."""
    if _is_common(text):
        return True
    if len(text) > MAX_DATE_CHARACTERS:
        return False
    seconds = _canonical_number(text)
    if seconds is not None:
        return abs(seconds) * MS_PER_SECOND <= MAX_TIME
    if text in _NOT_A_TIME:
        return False
    return _by_parts(text) is not None or parse_js_date(text) is not None


def parse_date_like(value: Any) -> datetime:
    """A text or number that passes the check of a datetime field, as an aware datetime in UTC.

    A number is milliseconds since 1970, and so is a text of 13 digits; one of 10 is seconds. A
    text without a zone is UTC. Fractions keep six digits. Raises `ValueError` if it is not a date,
    or is outside the years 1 to 9999.
    """
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if not is_number(value):
        raise ValueError(_NO_DATE)
    if not -MAX_TIME <= value <= MAX_TIME:
        raise ValueError("lies outside the years 1 to 9999")
    return _at(math.trunc(value))


def common_time(text: str) -> datetime | None:
    """The time of a text in the form that SDKs send, or `None` for any other text.

    Not every such text is read here: 30 February, which JavaScript reads as 2 March, is not.
    """
    if not _is_common(text):
        return None
    try:
        time = _from_iso(text)
        return time if time.tzinfo is UTC else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parse_text(text: str) -> datetime:
    time = common_time(text)
    if time is not None:
        return time
    if len(text) > MAX_DATE_CHARACTERS and not _is_common(text):
        raise ValueError(_NO_DATE)
    seconds = _canonical_number(text)
    if seconds is not None and text.isdecimal():
        if len(text) == EPOCH_SECONDS_DIGITS:
            return _at(int(text) * MS_PER_SECOND)
        if len(text) == EPOCH_MS_DIGITS:
            return _at(int(text))
    parts = _by_parts(text)
    if parts is not None:
        return _at(*parts)
    ms = parse_js_date(text)
    if ms is not None:
        return _at(ms)
    if seconds is None or not is_date_like(text):
        raise ValueError(_NO_DATE)
    return _at(math.trunc(seconds * MS_PER_SECOND))


def _canonical_number(text: str) -> Decimal | None:
    """The number in a text, if JavaScript would write the number exactly so."""
    if not _NUMBER.fullmatch(text) or number_text(float(text)) != text:
        return None
    return Decimal(text)


def _by_parts(text: str) -> tuple[int, int] | None:
    """Milliseconds since 1970, and the remaining microseconds."""
    parts = None if text[-1:] in ("Z", "z") else _PARTS.fullmatch(text)
    if parts is None:
        return None
    year, month, day, hour, minute, second, fraction = parts.groups()
    whole = int(year)
    if whole < YEARS_PER_CENTURY:
        whole += FIRST_YEAR_OF_TWO_DIGITS
    time = (int(hour or 0), int(minute or 0), int(second or 0))
    micros = int((fraction or "")[:MICROSECOND_DIGITS].ljust(MICROSECOND_DIGITS, "0"))
    return epoch_ms(whole, int(month or 1) - 1, int(day or 1), *time), micros


def _at(ms: int, micros: int = 0) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=ms, microseconds=micros)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None
