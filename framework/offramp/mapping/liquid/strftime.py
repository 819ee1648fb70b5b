"""Formats times by a layout such as `%Y-%m-%d`, as liquidjs does in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import attrs

from offramp.js.date_parts import (
    CYCLE_DAYS,
    CYCLE_YEARS,
    MINUTES_PER_HOUR,
    MS_PER_DAY,
    MS_PER_SECOND,
    NOON,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    YEARS_PER_CENTURY,
)
from offramp.mapping.budget import Meter

MS_PER_MINUTE: Final = SECONDS_PER_MINUTE * MS_PER_SECOND
DAYS_PER_WEEK: Final = 7
#: Digits of `%N`, a fraction of a second, and digits of the milliseconds in it.
FRACTION_DIGITS, MS_DIGITS = 9, 3
#: Most digits of a width that are read; a width of that many digits exceeds every budget.
MAX_WIDTH_DIGITS: Final = 10
#: Steps charged for one code, such as `%Y`.
STEPS_PER_CODE: Final = 20

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SHORT = 3
_CODE = re.compile(r"%([-_0^#:]+)?([0-9]+)?([EO])?([^\n\r\u2028\u2029])")
_PADDED_WITH_SPACES = frozenset("aAbBceklpP")
_WIDTHS = {**dict.fromkeys("CdeHIklmMSUWy", 2), "j": 3, "L": 3, "Y": 4}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_TEENS = frozenset({11, 12, 13})
_DECADE = 10


@attrs.frozen(kw_only=True)
class ZonedTime:
    """A time and the zone in which it is shown."""

    #: Milliseconds since 1970, UTC.
    epoch_ms: int
    #: Minutes that local time is behind UTC.
    offset: float = 0
    #: The name of the zone; "" if there is only an offset.
    zone: str = "UTC"

    @property
    def shown_ms(self) -> int:
        """Local time, in milliseconds since 1970 in the same zone."""
        return self.epoch_ms - int(self.offset * MS_PER_MINUTE)

    @property
    def day(self) -> tuple[int, date]:
        """The day as a number of 400-year cycles and a date in the first of them."""
        days = self.shown_ms // MS_PER_DAY + date(1970, 1, 1).toordinal() - 1
        cycles, within = divmod(days, CYCLE_DAYS)
        return cycles, date(1, 1, 1) + timedelta(days=within)

    @property
    def year(self) -> int:
        """The year, which may be any number."""
        cycles, day = self.day
        return cycles * CYCLE_YEARS + day.year

    @property
    def weekday(self) -> int:
        """The day of the week, from 0 for Sunday."""
        return self.day[1].isoweekday() % DAYS_PER_WEEK

    @property
    def day_of_year(self) -> int:
        """The day of the year, from 1."""
        return self.day[1].timetuple().tm_yday

    @property
    def hour(self) -> int:
        """The hour, 0 to 23."""
        return self.shown_ms % MS_PER_DAY // (SECONDS_PER_HOUR * MS_PER_SECOND)

    @property
    def minute(self) -> int:
        """The minute, 0 to 59."""
        return self.shown_ms // MS_PER_MINUTE % MINUTES_PER_HOUR

    @property
    def second(self) -> int:
        """The second, 0 to 59."""
        return self.shown_ms // MS_PER_SECOND % SECONDS_PER_MINUTE

    @property
    def ms(self) -> int:
        """The millisecond, 0 to 999."""
        return self.shown_ms % MS_PER_SECOND


def strftime(time: ZonedTime, layout: str, meter: Meter) -> str:
    """A time in a layout; the output is charged, since any code can have any width."""

    def written(found: re.Match[str]) -> str:
        flags, width, _, code = found.groups()
        write = _CODES.get(code)
        if write is None:
            return found[0]
        wide = int((width or "0")[:MAX_WIDTH_DIGITS])
        meter.steps(STEPS_PER_CODE)
        meter.characters(wide)
        return _padded(write(time, flags or "", wide), code, flags or "", wide)

    return _CODE.sub(written, layout)


def ordinal(day: int) -> str:
    """The suffix of a day's number: st, nd, rd or th."""
    return "th" if day in _TEENS else _ENDINGS.get(day % _DECADE, "th")


def _padded(text: str, code: str, flags: str, width: int) -> str:
    if "^" in flags:
        text = text.upper()
    elif "#" in flags:
        text = text.upper() if re.search("[a-z]", text) else text.lower()
    fill = " " if code in _PADDED_WITH_SPACES else "0"
    if "_" in flags:
        fill = " "
    elif "0" in flags:
        fill = "0"
    wide = 0 if "-" in flags else width or _WIDTHS.get(code, 0)
    if fill == "0" and text.startswith("-"):
        return "-" + text[1:].rjust(wide - 1, fill)
    return text.rjust(wide, fill)


def _offset_text(time: ZonedTime, flags: str, _: int) -> str:
    hours, minutes = divmod(abs(time.offset), MINUTES_PER_HOUR)
    between = ":" if ":" in flags else ""
    return f"{'-' if time.offset > 0 else '+'}{int(hours):02}{between}{minutes:02.0f}"


def _fraction(time: ZonedTime, _: str, width: int) -> str:
    digits = width or FRACTION_DIGITS
    return f"{time.ms:0{MS_DIGITS}}"[:digits].ljust(digits, "0")


def _week(time: ZonedTime, first_day: int) -> int:
    since_first = (time.weekday - first_day) % DAYS_PER_WEEK
    return (time.day_of_year - 1 - since_first + DAYS_PER_WEEK) // DAYS_PER_WEEK


def _hour_of_half(time: ZonedTime) -> int:
    return time.hour % NOON or NOON


def _local_date(time: ZonedTime) -> str:
    day = time.day[1]
    # There is no year 0: the year before 1 is 1 BC, which is written without a mark.
    year = time.year if time.year > 0 else 1 - time.year
    return f"{day.month}/{day.day}/{year}"


def _local_time(time: ZonedTime) -> str:
    half = "AM" if time.hour < NOON else "PM"
    return f"{_hour_of_half(time)}:{time.minute:02}:{time.second:02} {half}"


def _code(value: Callable[[ZonedTime], str | int]) -> Callable[[ZonedTime, str, int], str]:
    return lambda time, _, __: str(value(time))


_CODES: dict[str, Callable[[ZonedTime, str, int], str]] = {
    "a": _code(lambda time: _DAYS[time.weekday][:_SHORT]),
    "A": _code(lambda time: _DAYS[time.weekday]),
    "b": _code(lambda time: _MONTHS[time.day[1].month - 1][:_SHORT]),
    "B": _code(lambda time: _MONTHS[time.day[1].month - 1]),
    "c": _code(lambda time: f"{_local_date(time)}, {_local_time(time)}"),
    "C": _code(lambda time: time.year // YEARS_PER_CENTURY),
    "d": _code(lambda time: time.day[1].day),
    "e": _code(lambda time: time.day[1].day),
    "h": _code(lambda time: _MONTHS[time.day[1].month - 1][:_SHORT]),
    "H": _code(lambda time: time.hour),
    "I": _code(_hour_of_half),
    "j": _code(lambda time: time.day_of_year),
    "k": _code(lambda time: time.hour),
    "l": _code(_hour_of_half),
    "L": _code(lambda time: time.ms),
    "m": _code(lambda time: time.day[1].month),
    "M": _code(lambda time: time.minute),
    "n": _code(lambda _: "\n"),
    "N": _fraction,
    "p": _code(lambda time: "AM" if time.hour < NOON else "PM"),
    "P": _code(lambda time: "am" if time.hour < NOON else "pm"),
    "q": _code(lambda time: ordinal(time.day[1].day)),
    "s": _code(lambda time: time.epoch_ms // MS_PER_SECOND),
    "S": _code(lambda time: time.second),
    "t": _code(lambda _: "\t"),
    "u": _code(lambda time: time.weekday or DAYS_PER_WEEK),
    "U": _code(lambda time: _week(time, 0)),
    "w": _code(lambda time: time.weekday),
    "W": _code(lambda time: _week(time, 1)),
    "x": _code(_local_date),
    "X": _code(_local_time),
    "y": _code(lambda time: time.year % YEARS_PER_CENTURY),
    "Y": _code(lambda time: time.year),
    "z": _offset_text,
    "Z": lambda time, flags, width: time.zone or _offset_text(time, flags, width),
    "%": _code(lambda _: "%"),
}
