"""The string formats that a field may ask for, judged as ajv-formats judges them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from offramp.js.text import JS_WHITESPACE
from offramp.payload.formats.addresses import (
    is_ipv4,
    is_ipv6,
    is_uri,
    is_uri_reference,
    is_uri_template,
)
from offramp.payload.formats.regexes import is_js_regex

Test: TypeAlias = Callable[[str], bool]

LAST_HOUR: Final = 23
LAST_MINUTE: Final = 59
LEAP_SECOND: Final = 60
#: Longest name of a host, in characters, the final dot aside. Source: RFC 1123, section 2.1.
HOSTNAME_LENGTH: Final = 253
FEBRUARY: Final = 2
_LEAP_FEBRUARY: Final = 29
_DAYS: Final = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_BETWEEN_DATE_AND_TIME: Final = re.compile(f"[tT{JS_WHITESPACE}]")
_UUID: Final = re.compile(
    "(?:urn:uuid:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)
_LETTERS: Final = "[a-zA-Z0-9]"
#: A label of a mail's domain, of any length; a host's has 63 characters at most. Where one part of
#: a text ends, only the next can begin, so that nothing need ever be tried again (`++`).
_MAIL_LABEL: Final = rf"{_LETTERS}++(?:-++{_LETTERS}++)*+"
_HOST_LABEL: Final = rf"{_LETTERS}(?:[a-zA-Z0-9-]{{0,61}}{_LETTERS})?"
_ATOM: Final = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]++"
_EMAIL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+@{_MAIL_LABEL}(?:\.{_MAIL_LABEL})++")
_HOSTNAME: Final = re.compile(rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*\.?")


def is_date(text: str) -> bool:
    """A day that exists, as `2024-02-29`."""
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
    """A time of day, as `23:59:60`, with an offset or without."""
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    hour, minute, second = map(int, match.groups())
    if hour > LAST_HOUR or minute > LAST_MINUTE:
        return False
    return second <= LAST_MINUTE or (hour, minute, second) == (LAST_HOUR, LAST_MINUTE, LEAP_SECOND)


def is_date_time(text: str) -> bool:
    """A day and a time with `T` or one space between; an offset may be missing."""
    day, *time = _BETWEEN_DATE_AND_TIME.split(text)
    return len(time) == 1 and is_date(day) and is_time(time[0])


def is_hostname(text: str) -> bool:
    """The name of a host in ASCII, with or without its final dot."""
    return len(text.removesuffix(".")) <= HOSTNAME_LENGTH and bool(_HOSTNAME.fullmatch(text))


def is_email(text: str) -> bool:
    """An address of mail whose domain has two labels at least."""
    return bool(_EMAIL.fullmatch(text))


def is_uuid(text: str) -> bool:
    """A UUID of any version, in either case, with `urn:uuid:` or without."""
    return bool(_UUID.fullmatch(text))


#: Format -> its test, and what a message says is wanted. Formats without a test are not listed.
FORMATS: Final[dict[str, tuple[Test, str]]] = {
    "date": (is_date, "a date such as 2026-01-31"),
    "time": (is_time, "a time such as 12:30:00Z"),
    "date-time": (is_date_time, "a date and time such as 2026-01-31T12:30:00Z"),
    "uri": (is_uri, "a URI such as https://example.com/a"),
    "uri-reference": (is_uri_reference, "a URI, complete or relative"),
    "uri-template": (is_uri_template, "a URI template such as /users/{id}"),
    "email": (is_email, "a mail address such as ada@example.com"),
    "hostname": (is_hostname, "the name of a host such as api.example.com"),
    "ipv4": (is_ipv4, "an IPv4 address such as 192.0.2.1"),
    "ipv6": (is_ipv6, "an IPv6 address such as 2001:db8::1"),
    "regex": (is_js_regex, "a regular expression of JavaScript"),
    "uuid": (is_uuid, "a UUID"),
}
