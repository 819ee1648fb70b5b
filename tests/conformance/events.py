"""Generates events and the JSON values in them: mostly plain, often at an edge."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.conformance.source import Source

KEYS = (
    "a",
    "b",
    "email",
    "plan",
    "items",
    "c d",
    "e.f",
    "0",
    "1",
    "10",
    "$g",
    "h-i",
    "Ä",
    "",
    "@j",
    "user.name",
    "length",
    "k[0]",
    'q"r',
    "_metadata",
    "first",
)
TEXTS = (
    "",
    "a",
    "track",
    "Order Completed",
    " pad ",
    "5",
    "05",
    "1e3",
    "-0",
    "0x1F",
    "1.50",
    "true",
    "false",
    "null",
    "undefined",
    "NaN",
    "Infinity",
    '{"a":1}',
    "[1,2]",
    '{"a":',
    '"quoted"',
    "12.",
    "äöü",
    "STRASSE ß",
    "İstanbul",
    "ﬁ",
    "😀 x",
    "line\nbreak",
    "tab\there",
    "a.b",
    "$.a",
    "{{a}}",
    "{{{b}}}",
    "$&",
    "a+b",
    "a-b",
    "(x)",
    "user@example.com",
    "pro",
    "\u2028",
    "\u00a0",
    "\ufeff",
    "a,b",
    "aAa",
    "--",
    "$",
    "\\",
    "'single'",
    "…",
    "ς Σ",
    "<b>&amp;</b>",
)
DATES = (
    "2024-01-31",
    "2024-02-30",
    "2024-1-5",
    "2024-01",
    "2024",
    "20240131",
    "2024-01-31T12:30:00Z",
    "2024-01-31T12:30:00.123Z",
    "2024-01-31T12:30:00.123456Z",
    "2024-01-31T12:30:00+02:00",
    "2024-01-31T12:30:00+0230",
    "2024-01-31 12:30",
    "2024-01-31T12:30",
    "2024/01/31",
    "2024/1/31 5:06:07",
    "31.01.2024",
    "01/31/2024",
    "Jan 31, 2024",
    "31 January 2024 10:00 GMT",
    "Wed, 31 Jan 2024 12:30:00 GMT",
    "Wed Jan 31 2024 12:30:00 GMT+0200 (CEST)",
    "1706704200",
    "1706704200000",
    "17067042000001",
    "0",
    "-1",
    "1706704200.5",
    "today",
    "now",
    "12:30",
    "2024-W05",
    "2024-031",
    "+012024-01-31T00:00:00Z",
    "-000001-01-01T00:00:00Z",
    "9999-12-31",
    "10000-01-01",
    "0000-01-01",
    "2024-01-31T24:00:00Z",
    "2024-01-31T25:00:00Z",
    "2024-13-01",
    "2024-01-31T12:30:60Z",
    "2024-01-31T12",
    "2024-01-31T12:30:00z",
    "2024-01-31t12:30:00Z",
    "2024-01-31T12:30:00 +02:00",
    "2024-01-31T12:30:00.1Z",
    " 2024-01-31",
    "2024-01-31 ",
    "1/2/24",
    "Jan 2024",
    "2024 Jan",
    "Monday",
    "1970-01-01T00:00:00.000Z",
    "99999999999999",
    "2024-01-31T12:30:00,5Z",
    "2024-01-31 12:30:00.5",
    "2024-01-31T12:30:00.25",
    "2024-01-31T12:30:00.123456789+05:45",
    "1e12",
    "1706704200000.5",
)
#: Every one of them is what a double holds, written as JavaScript writes it or simpler.
NUMBERS: tuple[int | Decimal, ...] = (
    0,
    1,
    2,
    3,
    -1,
    5,
    10,
    42,
    100,
    255,
    1000,
    123456789,
    1706704200,
    1706704200000,
    9007199254740991,
    -9007199254740991,
    Decimal("0.5"),
    Decimal("1.5"),
    Decimal("-2.25"),
    Decimal("0.1"),
    Decimal("1.0"),
    Decimal("1e3"),
    Decimal("1e21"),
    Decimal("1e-7"),
    Decimal("123456.789"),
    Decimal("0.000001"),
    Decimal("2.5e-10"),
    Decimal("1.7976931348623157e308"),
    Decimal("5e-324"),
    Decimal("-0.0"),
    100000000000000000000,
    Decimal("3.14"),
    Decimal("99.99"),
)
#: What no double holds: Segment rounds them.
INEXACT: tuple[int | Decimal, ...] = (
    9007199254740993,
    12345678901234567890123,
    Decimal("0.1234567890123456789"),
    Decimal("1e400"),
    Decimal("1e-400"),
    10**30 + 1,
    Decimal("9007199254740993.5"),
)
TYPES = ("track", "identify", "page", "screen", "group", "alias")
EVENTS = ("Order Completed", "Signed Up", "billing_event", "", "A", "B", "5", "true", "null")
FIELDS = ("event", "userId", "name", "anonymousId", "messageId", "timestamp", "traits", "context")


def scalar(source: Source) -> Any:
    """Any value that holds no other."""
    kind = source.below(12)
    if kind < 4:
        return source.pick(TEXTS)
    if kind < 7:
        return source.pick(NUMBERS)
    if kind == 7:
        return source.pick(DATES)
    if kind == 8:
        return source.below(1000) if source.chance(98) else source.pick(INEXACT)
    return source.pick((None, True, False))


def value(source: Source, depth: int = 3) -> Any:
    """Any JSON value."""
    if depth == 0 or source.chance(60):
        return scalar(source)
    if source.chance(40):
        return [value(source, depth - 1) for _ in range(source.below(4))]
    return members(source, depth)


def members(source: Source, depth: int = 3) -> dict[str, Any]:
    """Any JSON object."""
    return {key(source): value(source, depth - 1) for _ in range(source.below(5))}


def key(source: Source) -> str:
    """A key of an object, the first of them far more often."""
    return source.pick(KEYS[:5]) if source.chance(65) else source.pick(KEYS)


def event(source: Source) -> dict[str, Any]:
    """An event: some fields as they should be, some absent, some wrong."""
    made: dict[str, Any] = {"type": source.pick(TYPES), "properties": members(source)}
    if source.chance(4):
        made["properties"] = value(source, 2)
    for name in FIELDS:
        if source.chance(45):
            made[name] = _field(source, name)
    if source.chance(5):
        made["type"] = scalar(source)
    if source.chance(15):
        made[key(source)] = value(source, 2)
    return made


def _field(source: Source, name: str) -> Any:
    if source.chance(10):
        return value(source, 2)
    if name in ("traits", "context"):
        return members(source)
    if name == "timestamp":
        return source.pick(DATES)
    return source.pick(EVENTS if name == "event" else TEXTS)
