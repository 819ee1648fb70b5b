"""Generates the fields of an action, and raw payloads for them of every wrong type."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.conformance.events import DATES, scalar, value
from tests.conformance.source import Source

KEYS = ("a", "b", "c", "d", "when", "items")
TYPES = ("string", "text", "number", "integer", "datetime", "boolean", "password", "object")
FORMATS = (
    "date",
    "time",
    "date-time",
    "uri",
    "uri-reference",
    "uri-template",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "regex",
    "uuid",
    "password",
    "text",
)
#: As definitions have them: each a text, or a value with its label.
CHOICES: tuple[Any, ...] = (
    "a",
    "b",
    "pro",
    "5",
    "true",
    "",
    {"value": "x", "label": "X"},
    {"value": 5, "label": "Five"},
    {"value": 0, "label": "None"},
    {"value": Decimal("1.5"), "label": "More"},
)
#: Texts that are of some format, or nearly.
FORMATTED = (
    "2024-02-29",
    "2023-02-29",
    "12:30:00Z",
    "12:30:00",
    "24:00:00Z",
    "23:59:60Z",
    "12:30:00+02:00",
    "12:30:00.5Z",
    "2024-01-31T12:30:00Z",
    "2024-01-31 12:30:00Z",
    "2024-01-31T12:30:00",
    "a@b.co",
    "a@b",
    "a.b@c-d.example",
    "@b.co",
    "a b@c.de",
    "https://example.com/a?b#c",
    "http://",
    "//x/y",
    "/a/b",
    "a b",
    "mailto:a@b.co",
    "urn:a:b",
    "http://[::1]/",
    "http://exa mple",
    "/users/{id}",
    "{",
    "{a,b*}",
    "example.com",
    "example.com.",
    "-a.com",
    "a_b.com",
    "192.0.2.1",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3",
    "::1",
    "2001:db8::1",
    "1::2::3",
    "::ffff:192.0.2.1",
    ":::",
    "fe80::1%eth0",
    "^a+$",
    "(",
    "[a-",
    "a{2,1}",
    "(?<n>a)",
    "\\",
    "(?<=a)b",
    "\\p{L}",
    "\\u{1F600}",
    "a{,5}",
    "*",
    "123e4567-e89b-12d3-a456-426614174000",
    "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
    "123e4567e89b12d3a456426614174000",
    "123E4567-E89B-12D3-A456-426614174000",
    "xn--a.de",
    "http://a/%zz",
    "http://a/%20",
    "a" * 64 + ".com",
)
TEXTS: tuple[Any, ...] = ("a", "pro", "", "abcdef", 5, "😀", True)
_NUMBERS: tuple[Any, ...] = (
    5,
    1,
    0,
    -1,
    Decimal("1.5"),
    "5",
    "1.0",
    "x",
    "",
    " 5 ",
    "1e3",
    "0x10",
    "5.",
    ".5",
    True,
)
#: What comes for a field of some type, in the right form or nearly.
VALUES: dict[str, tuple[Any, ...]] = {
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "boolean": (True, False, "true", "false", 1, 0, "1", "yes", None, 2),
    "datetime": (1706704200, 0, Decimal("1.5")),
}
BOUNDS: tuple[Any, ...] = (0, 1, 2, 5, 10, Decimal("0.5"), 100, -1)


def fields(source: Source, *, conditions: bool = True) -> dict[str, Any]:
    """Fields in Segment's JSON form."""
    keys = KEYS[: 1 + source.below(4)]
    made = {key: field(source) for key in keys}
    for key in keys:
        if conditions and source.chance(18):
            made[key]["required"] = _conditions(source, made, key)
        for child, inner in (made[key].get("properties") or {}).items():
            if conditions and source.chance(12) and not made[key].get("multiple"):
                inner["required"] = _conditions(source, made, f"{key}.{child}")
    if source.chance(3):
        made["dynamicAuthSettings"] = field(source)
    return made


def field(source: Source, depth: int = 2) -> dict[str, Any]:
    """One field; an object may have fields of its own."""
    kind = source.pick(TYPES)
    made: dict[str, Any] = {"label": "L", "description": "D", "type": kind}
    if source.chance(35):
        made["required"] = True
    if source.chance(20):
        made["multiple"] = True
    if source.chance(20):
        made["allowNull"] = True
    if source.chance(12):
        first = source.below(len(CHOICES) - 2)
        made["choices"] = list(CHOICES[first : first + 1 + source.below(3)])
    if kind == "string" and source.chance(35):
        made["format"] = source.pick(FORMATS)
    if source.chance(30) and kind in ("string", "number", "integer", "text"):
        made["minimum"] = _bound(source, kind)
    if source.chance(30) and kind in ("string", "number", "integer", "text"):
        made["maximum"] = _bound(source, kind)
    if kind == "object" and depth and source.chance(70):
        keys = KEYS[: source.below(4)]
        made["properties"] = {key: field(source, depth - 1) for key in keys}
        if source.chance(35):
            made["additionalProperties"] = source.chance(60)
    return made


def _bound(source: Source, kind: str) -> Any:
    return source.pick(BOUNDS[:5] if kind == "string" else BOUNDS)


def _conditions(source: Source, fields: dict[str, Any], own: str) -> dict[str, Any]:
    keys = [key for key in fields if key != own.partition(".")[0]] or list(fields)
    made = [_condition(source, fields, keys) for _ in range(1 + source.below(3))]
    found: dict[str, Any] = {"conditions": made}
    if source.chance(70):
        found["match"] = source.pick(("all", "any"))
    return found


def _condition(source: Source, fields: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    key = source.pick(keys)
    children = list(fields[key].get("properties") or {})
    if children and source.chance(60):
        key = f"{key}.{source.pick(children)}"
    elif source.chance(4):
        key = "missing"
    made: dict[str, Any] = {"fieldKey": key, "operator": source.pick(("is", "is_not"))}
    if source.chance(75):
        made["value"] = source.pick(("a", "pro", 5, True, False, None, "", "5", ["a"], {"a": 1}))
    return made


def raw(source: Source, fields: dict[str, Any]) -> dict[str, Any]:
    """A payload as a mapping may make it: often right, often of some wrong type."""
    made = {key: _raw(source, spec) for key, spec in fields.items() if source.chance(82)}
    if source.chance(12):
        made[source.pick(("other", "z", ""))] = value(source, 1)
    return made


def _raw(source: Source, spec: dict[str, Any]) -> Any:
    if source.chance(22):
        return value(source, 2)
    if spec.get("multiple") and source.chance(75):
        return [_one(source, spec) for _ in range(source.below(4))]
    return _one(source, spec)


def _one(source: Source, spec: dict[str, Any]) -> Any:
    if source.chance(18):
        return scalar(source)
    if spec.get("choices") and source.chance(70):
        choice = source.pick(spec["choices"])
        return choice["value"] if isinstance(choice, dict) else choice
    if spec["type"] == "object":
        return raw(source, spec.get("properties") or {})
    if spec["type"] == "datetime" and source.chance(80):
        return source.pick(DATES)
    return source.pick(FORMATTED if spec.get("format") else VALUES.get(spec["type"], TEXTS))
