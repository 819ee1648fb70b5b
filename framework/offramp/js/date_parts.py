"""Computes a time from the parts of a date that were read, or finds that it is no date."""

from __future__ import annotations

from datetime import date
from typing import Final

#: The largest distance from 1970, in milliseconds. Source: ECMA-262, TimeClip.
MAX_TIME: Final = 8_640_000_000_000_000
MS_PER_SECOND: Final = 1_000
SECONDS_PER_MINUTE: Final = 60
MINUTES_PER_HOUR: Final = 60
SECONDS_PER_HOUR: Final = 3_600
MS_PER_DAY: Final = 86_400_000
HOURS_PER_DAY: Final = 24
MONTHS_PER_YEAR: Final = 12
LAST_DAY: Final = 31
NOON: Final = 12
#: After this many years the calendar repeats. Source: the Gregorian calendar.
CYCLE_YEARS: Final = 400
CYCLE_DAYS: Final = 146_097
#: Two-digit years belong to this century, those from `LAST_CENTURY` on to the one before. Source:
#: V8, dateparser.cc, DayComposer::Write.
THIS_CENTURY: Final = 2_000
LAST_CENTURY: Final = 50
YEARS_PER_CENTURY: Final = 100
UINT32: Final = 2**32
#: Year, month, day; hour, minute, second, millisecond.
DAY_PARTS: Final = 3
TIME_PARTS: Final = 4

_UNIX_EPOCH: Final = date(1970, 1, 1).toordinal()


class NotADateError(ValueError):
    """The text is not a date."""


class Zone:
    """An offset from UTC, as far as it was read; UTC if nothing was."""

    def __init__(self) -> None:
        self.sign = 0
        self.hour: int | None = None
        self.minute: int | None = None

    @property
    def is_utc(self) -> bool:
        """Whether an offset was written, and it is zero."""
        return self.hour == 0 and self.minute == 0

    @property
    def ms(self) -> int:
        """Milliseconds ahead of UTC. Raises `NotADateError`."""
        minutes = (self.hour or 0) * MINUTES_PER_HOUR + (self.minute or 0)
        # V8 computes these seconds in unsigned 32 bits, so they wrap around.
        seconds = minutes * SECONDS_PER_MINUTE % UINT32
        if seconds >= UINT32 // 2:
            raise NotADateError
        return self.sign * seconds * MS_PER_SECOND

    def set_hours(self, hours: int) -> None:
        """Set the offset of a named zone."""
        self.sign, self.hour, self.minute = (-1 if hours < 0 else 1), abs(hours), 0

    def expects_minute(self, number: int) -> bool:
        """Whether an hour was read, and the number may be its minutes."""
        return self.hour is not None and self.minute is None and number < MINUTES_PER_HOUR


def epoch_ms(year: int, month: int, day: int, *time: int) -> int:
    """Milliseconds since 1970; parts of the date may overflow, as in `Date.UTC`.

    `month` counts from 0; `time` is hour, minute, second, millisecond, as far as given.
    """
    carry, month = divmod(month, MONTHS_PER_YEAR)
    cycles, year = divmod(year + carry, CYCLE_YEARS)
    first = date(CYCLE_YEARS + year, month + 1, 1).toordinal() - _UNIX_EPOCH
    days = first + (cycles - 1) * CYCLE_DAYS + day - 1
    hour, minute, second, ms = (*time, 0, 0, 0, 0)[:TIME_PARTS]
    seconds = hour * SECONDS_PER_HOUR + minute * SECONDS_PER_MINUTE + second
    return days * MS_PER_DAY + seconds * MS_PER_SECOND + ms


def order_day(parts: list[int], month: int | None, *, is_iso: bool) -> tuple[int, int, int]:
    """Find year, month and day in up to three numbers, by their sizes.

    `month` is the month if it was given by name. Raises `NotADateError`.
    """
    if not parts:
        raise NotADateError
    first, second, third = (*parts, 1, 1)[:DAY_PARTS]
    starts_with_day = 1 <= first <= LAST_DAY
    if month is not None:
        year, day = (second, first) if starts_with_day else (first, second)
    elif is_iso or not starts_with_day:
        year, month, day = first, second, third
    else:
        month, day, year = first, second, third
    if not (1 <= month <= MONTHS_PER_YEAR and 1 <= day <= LAST_DAY):
        raise NotADateError
    return (year if is_iso else full_year(year)), month, day


def full_year(year: int) -> int:
    """A year that may have been written with two digits."""
    if not 0 <= year < YEARS_PER_CENTURY:
        return year
    return year + THIS_CENTURY - (YEARS_PER_CENTURY if year >= LAST_CENTURY else 0)


def order_time(parts: list[int], half: int | None) -> tuple[int, int, int, int]:
    """Hour, minute, second and millisecond; `half` is 0 for "am", 12 for "pm".

    Raises `NotADateError`.
    """
    hour, minute, second, ms = (*parts, 0, 0, 0, 0)[:TIME_PARTS]
    if half is not None:
        if hour > NOON:
            raise NotADateError
        hour = hour % NOON + half
    if hour == HOURS_PER_DAY and not (minute or second or ms):
        return hour, 0, 0, 0
    is_time = hour < HOURS_PER_DAY and max(minute, second) < SECONDS_PER_MINUTE
    if not (is_time and ms < MS_PER_SECOND):
        raise NotADateError
    return hour, minute, second, ms
