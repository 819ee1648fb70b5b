"""Reads times of ISO 8601 and RFC 3339, and writes them in UTC with milliseconds and `Z`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

import msgspec

#: Examples of what `parse_time` reads, for error messages.
TIME_FORMS: Final = "2026-11-23T12:00:00Z, 2026-11-23T13:00:00+01:00 or 2026-11-23"

#: Each form has the year `Y`, then month and day, week and weekday, or the day of the year.
_YEAR: Final = "(?P<Y>[0-9]{4})"
_CLOCK: Final = (
    "(?P<h>[0-9]{{2}})(?:{0}(?P<m>[0-9]{{2}})(?:{0}(?P<s>[0-9]{{2}})(?:[.,](?P<f>[0-9]++))?+)?)?"
)
_OFFSET: Final = "(?P<z>[Zz]|(?P<sign>[+-])(?P<oh>[0-9]{2})(?::?(?P<om>[0-9]{2}))?)?"
_EXTENDED: Final = re.compile(
    _YEAR
    + "-(?:(?P<M>[0-9]{2})-(?P<D>[0-9]{2})|W(?P<W>[0-9]{2})-(?P<d>[0-9])|(?P<N>[0-9]{3}))"
    + f"(?:[Tt ]{_CLOCK.format(':')}{_OFFSET})?"
)
_BASIC: Final = re.compile(
    _YEAR
    + "(?:(?P<M>[0-9]{2})(?P<D>[0-9]{2})|W(?P<W>[0-9]{2})(?P<d>[0-9])|(?P<N>[0-9]{3}))"
    + f"[Tt]{_CLOCK.format('')}{_OFFSET}"
)
_MICROSECOND_DIGITS: Final = 6
_LAST_MINUTE: Final = (23, 59)
_LEAP_SECOND: Final = 60
_DAY_HOURS: Final = 24
_HOUR_MINUTES: Final = 60

#: Writes `2026-11-23T04:10:11.123456Z`, without a fraction if it is 0; faster than `isoformat`.
_written: Final[Callable[[datetime], str]] = msgspec.to_builtins
_convert: Final = msgspec.convert
#: Such a text up to its seconds, and up to its milliseconds.
_SECONDS = slice(19)
_MILLISECONDS = slice(23)
#: Where a digit below the microsecond would be.
_BELOW_MICROSECOND: Final = 26


def parse_time(value: Any) -> datetime | None:
    """Read a text of ISO 8601 or RFC 3339 as a time in UTC; `None` for anything else.

    A text without an offset is taken as UTC. `docs/reference/collector.md` lists the forms.
    """
    if not isinstance(value, str):
        return None
    time = None
    try:
        # The strict forms of RFC 3339, which SDKs send, are read quickly, except with a digit below
        # the microsecond, by which msgspec rounds.
        if len(value) <= _BELOW_MICROSECOND or not value[_BELOW_MICROSECOND].isdigit():
            time = _convert(value, datetime)
            if time.tzinfo is UTC:
                return time
            if "\0" in value:  # msgspec takes one after a fraction for the end of the text
                time = None
    except msgspec.ValidationError:
        pass
    try:
        time = time or _read(value)
        if time is None or time.tzinfo is UTC:
            return time
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def shift_time(value: Any, by: timedelta) -> str | None:
    """Write the time that is so much later than one that `parse_time` reads; `None` if it is none.

    A time that would be out of the range of years is not shifted.
    """
    time = parse_time(value)
    if time is None:
        return None
    try:
        return format_time(time + by)
    except OverflowError:
        return format_time(time)


def parse_local_time(text: str) -> datetime | None:
    """Read a time as `parse_time` does; a text without an offset is in this machine's time zone."""
    try:
        time = _read(text)
        return None if time is None else time.astimezone(UTC)
    except (ValueError, OverflowError, OSError):  # OSError: the time zone has no such year
        return None


def format_time(time: datetime) -> str:
    """Write an aware time in UTC, to the millisecond: `2026-11-23T04:10:11.123Z`."""
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    text = _written(time)
    return text[_MILLISECONDS] + "Z" if time.microsecond else text[_SECONDS] + ".000Z"


def _read(text: str) -> datetime | None:
    """Read any of the forms; the result is naive if the text has no offset.

    Raises `ValueError` or `OverflowError` for a day or an hour that does not exist.
    """
    found = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)
    if found is None:
        return None
    day = _day(found)
    hour, minute, second = (int(found[part] or 0) for part in "hms")
    micro = int((found["f"] or "")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))
    zone = _zone(found)
    later = timedelta()
    if hour == _DAY_HOURS and minute == second == 0 and not (found["f"] or "").strip("0"):
        hour, later = 0, timedelta(days=1)
    leap = second == _LEAP_SECOND
    if leap:
        second, later = second - 1, timedelta(seconds=1)
    time = datetime(day.year, day.month, day.day, hour, minute, second, micro, tzinfo=zone) + later
    return None if leap and not _follows_a_leap_second(time) else time


def _day(found: re.Match[str]) -> date:
    year = int(found["Y"])
    if found["W"]:
        return date.fromisocalendar(year, int(found["W"]), int(found["d"]))
    if found["N"]:
        # Day 366 of a common year would be in the next year.
        day = date(year, 1, 1) + timedelta(days=int(found["N"]) - 1)
        if day.year != year:
            raise ValueError("the year has no such day")
        return day
    return date(year, int(found["M"] or 1), int(found["D"] or 1))


def _zone(found: re.Match[str]) -> timezone | None:
    if found["z"] is None:
        return None
    if found["sign"] is None:
        return UTC
    hours, minutes = int(found["oh"]), int(found["om"] or 0)
    if hours >= _DAY_HOURS or minutes >= _HOUR_MINUTES:
        raise ValueError("an offset is not as long")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if found["sign"] == "-" else offset)


def _follows_a_leap_second(time: datetime) -> bool:
    """Whether a time is in the first second of a month in UTC: leap seconds end months."""
    utc = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return (utc.day, utc.hour, utc.minute, utc.second) == (1, 0, 0, 0)
