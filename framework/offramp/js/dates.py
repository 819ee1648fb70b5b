"""Reads the texts that JavaScript's `new Date(text)` takes, as V8 does, with UTC as local time.

Two grammars share one pass over the words of a text. The first is ECMAScript's date time string
format. If a text leaves it before a time was read, the second grammar continues, which finds a
day, a time and an offset in almost any text ("Jan 2 2020", "Thu, 02 Jan 2020 10:00:00 GMT").
"""

from __future__ import annotations

from typing import Final

from offramp.js.date_parts import (
    DAY_PARTS,
    HOURS_PER_DAY,
    LAST_DAY,
    MAX_TIME,
    MINUTES_PER_HOUR,
    MONTHS_PER_YEAR,
    MS_PER_SECOND,
    NOON,
    SECONDS_PER_MINUTE,
    TIME_PARTS,
    NotADateError,
    Zone,
    epoch_ms,
    order_day,
    order_time,
)
from offramp.js.date_words import END, KEYWORD_LETTERS, SIGNIFICANT_DIGITS, Word, words_of

MS_DIGITS: Final = 3
YEAR_DIGITS: Final = 4
SIGNED_YEAR_DIGITS: Final = 6
#: Digits of a zone offset written `h` or `hh`, and `hmm` or `hhmm`.
HOUR_LENGTHS: Final = (1, 2)
HOUR_MINUTE_LENGTHS: Final = (3, 4)
#: The factor of the hours in `hhmm`.
HOUR_FACTOR: Final = 100

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_HALVES: Final = {"am": 0, "pm": NOON}
#: Zone name -> hours from UTC.
_ZONES: Final = {
    "ut": 0, "utc": 0, "z": 0, "gmt": 0, "cdt": -5, "cst": -6, "edt": -4, "est": -5, "mdt": -6,
    "mst": -7, "pdt": -7, "pst": -8,
}  # fmt: skip


def parse_js_date(text: str) -> int | None:
    """Milliseconds since 1970 of a text that JavaScript reads as a date, else `None`."""
    try:
        return _Reader(words_of(text)).read()
    except NotADateError:
        return None


def _milliseconds(word: Word) -> int:
    """The milliseconds in the digits after a decimal point; digits after the third are cut off."""
    shift = min(word.length, SIGNIFICANT_DIGITS) - MS_DIGITS
    return word.number // 10**shift if shift > 0 else word.number * int(10**-shift)


class _Reader:
    """One pass over the words of a text, collecting the parts of a date."""

    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self.position = 0
        self.day: list[int] = []
        self.month: int | None = None
        self.is_iso = False
        self.time: list[int] = []
        self.half: int | None = None
        self.zone = Zone()
        self.met_number = False

    def read(self) -> int:
        word = self.read_iso()
        self.met_number = bool(self.day)
        while word is not END:
            self.read_legacy(word)
            word = self.next()
        return self.written()

    def peek(self) -> Word:
        return self.words[self.position] if self.position < len(self.words) else END

    def next(self) -> Word:
        word = self.peek()
        self.position += 1
        return word

    def skip(self, symbol: str) -> bool:
        if self.peek().kind != symbol:
            return False
        self.position += 1
        return True

    def fixed(self, length: int, last: int | None = None, *, first: int = 0) -> int | None:
        """Take the next number if it has `length` digits and is between `first` and `last`."""
        word = self.peek()
        if word.kind != "number" or word.length != length:
            return None
        if last is not None and not first <= word.number <= last:
            return None
        self.position += 1
        return word.number

    def read_iso(self) -> Word:
        """Read as far as ECMAScript's format goes; return the first word that does not fit it."""
        rest = self.read_iso_day()
        if rest is not None:
            return rest
        if self.peek().is_letter("t"):
            self.next()
            self.read_iso_time()
            if self.peek() is not END:
                raise NotADateError
        elif self.peek() is not END:
            return self.next()
        else:
            self.zone.set_hours(0)
        self.is_iso = True
        return END

    def read_iso_day(self) -> Word | None:
        sign = self.next() if self.peek().kind in ("+", "-") else None
        year = self.fixed(YEAR_DIGITS if sign is None else SIGNED_YEAR_DIGITS)
        if sign is not None:
            if year is None or (sign.kind == "-" and year == 0):
                return sign
            year = -year if sign.kind == "-" else year
        if year is None:
            return self.next()
        self.day.append(year)
        for last in (MONTHS_PER_YEAR, LAST_DAY):
            if not self.skip("-"):
                break
            part = self.fixed(2, last, first=1)
            if part is None:
                return self.next()
            self.day.append(part)
        return None

    def read_iso_time(self) -> None:
        hour = self.require(HOURS_PER_DAY)
        last = 0 if hour == HOURS_PER_DAY else SECONDS_PER_MINUTE - 1
        if not self.skip(":"):
            raise NotADateError
        self.time += [hour, self.require(last)]
        if self.skip(":"):
            self.time.append(self.require(last))
            if self.skip("."):
                self.read_iso_fraction(is_midnight=hour == HOURS_PER_DAY)
        self.read_iso_zone()

    def read_iso_fraction(self, *, is_midnight: bool) -> None:
        word = self.next()
        if word.kind != "number" or (is_midnight and word.number):
            raise NotADateError
        self.time.append(_milliseconds(word))

    def read_iso_zone(self) -> None:
        if self.peek().is_letter("z"):
            self.next()
            self.zone.set_hours(0)
        elif self.peek().kind in ("+", "-"):
            self.zone.sign = 1 if self.next().kind == "+" else -1
            both = self.fixed(HOUR_MINUTE_LENGTHS[-1])
            if both is not None:
                self.zone.hour, self.zone.minute = divmod(both, HOUR_FACTOR)
                if self.zone.hour >= HOURS_PER_DAY or self.zone.minute >= MINUTES_PER_HOUR:
                    raise NotADateError
                return
            self.zone.hour = self.require(HOURS_PER_DAY - 1)
            if not self.skip(":"):
                raise NotADateError
            self.zone.minute = self.require(MINUTES_PER_HOUR - 1)

    def require(self, last: int) -> int:
        number = self.fixed(2, last)
        if number is None:
            raise NotADateError
        return number

    def read_legacy(self, word: Word) -> None:
        """Read one word by the second grammar, which allows any order."""
        match word.kind:
            case "number":
                self.met_number = True
                self.read_number(word)
            case "word":
                self.read_name(word)
            case "+" | "-" if self.zone.is_utc or self.time:
                self.read_offset(word)
            case "+" | "-" | ")" if self.met_number:
                raise NotADateError
            case _:
                pass

    def read_number(self, word: Word) -> None:
        number = word.number
        if self.skip(":"):
            self.read_hour_or_minute(number)
        elif self.skip(".") and self.expects_time(number):
            self.time.append(number)
            fraction = self.next()
            if fraction.kind != "number":
                raise NotADateError
            self.end_time(_milliseconds(fraction))
        elif self.zone.expects_minute(number):
            self.zone.minute = number
        elif self.expects_time(number):
            self.end_time(number)
            follower = self.peek()
            may_follow = follower.kind in ("end", "space", "+", "-")
            if not (may_follow or follower.is_letter("z")):
                raise NotADateError
        else:
            if len(self.day) == DAY_PARTS:
                raise NotADateError
            self.day.append(number)
            self.skip("-")

    def read_hour_or_minute(self, number: int) -> None:
        if self.skip(":"):  # "10::" is ten hours and no minutes
            if self.time:
                raise NotADateError
            self.time += [number, 0]
            return
        if len(self.time) == TIME_PARTS:
            raise NotADateError
        self.time.append(number)
        self.skip(".")

    def expects_time(self, number: int) -> bool:
        if len(self.time) in (1, 2):
            return number < SECONDS_PER_MINUTE
        return len(self.time) == TIME_PARTS - 1 and number < MS_PER_SECOND

    def end_time(self, number: int) -> None:
        self.time = [*self.time, number, 0, 0, 0][:TIME_PARTS]

    def read_name(self, word: Word) -> None:
        if word.text in _MONTHS:
            self.month = _MONTHS[word.text]
            self.skip("-")
            return
        keyword = word.text if word.length <= KEYWORD_LETTERS else ""
        if keyword in _HALVES and self.time:
            self.half = _HALVES[keyword]
        elif keyword in _ZONES and self.met_number:
            self.zone.set_hours(_ZONES[keyword])
        elif self.met_number or self.peek().kind == "number":
            raise NotADateError

    def read_offset(self, word: Word) -> None:
        self.zone.sign = 1 if word.kind == "+" else -1
        offset = self.next() if self.peek().kind == "number" else Word("number", length=0, number=0)
        self.met_number = True
        if self.peek().kind == ":":
            self.zone.hour, self.zone.minute = offset.number, None
        elif offset.length in HOUR_LENGTHS:
            self.zone.hour, self.zone.minute = offset.number, 0
        elif offset.length in HOUR_MINUTE_LENGTHS:
            self.zone.hour, self.zone.minute = divmod(offset.number, HOUR_FACTOR)
        else:
            raise NotADateError

    def written(self) -> int:
        year, month, day = order_day(self.day, self.month, is_iso=self.is_iso)
        time = order_time(self.time, self.half)
        ms = epoch_ms(year, month - 1, day, *time) - self.zone.ms
        if abs(ms) > MAX_TIME:
            raise NotADateError
        return ms
