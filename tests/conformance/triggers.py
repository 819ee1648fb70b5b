"""Generates triggers: as editors write them, as people do, and as neither should."""

from __future__ import annotations

from typing import Any

from tests.conformance.source import Source

PATHS = (
    "type",
    "event",
    "properties.a",
    "properties.plan",
    "userId",
    "traits.email",
    "name",
    "properties.b.a",
    "context.a",
    "properties.items",
    "properties.items.0",
    r"properties.c\ d",
    r"properties.e\.f",
    "properties",
    "traits",
    "properties.length",
    r"properties.user\.name",
    "properties.h-i",
    "properties.or",
    "properties.a1",
    "properties.k[0]",
    "properties.0",
    r"properties.\@j",
    r"properties.Ä",
    "context.b.plan",
    "traits.first",
    "properties.and",
    "properties.in",
)
OTHER_PATHS = (
    "anonymousId",
    "messageId",
    "integrations.All",
    "timestamp",
    "groupId",
    "foo",
    "a.b",
    "toString",
    "constructor",
    "propertiesx",
    "userIdx",
    "$.type",
    "null",
    "true",
    "properties.$g",
)
STRINGS = (
    '"track"',
    '"Order Completed"',
    '"a"',
    '""',
    '"5"',
    '"true"',
    '"null"',
    '"pro"',
    '"A"',
    '"äöü"',
    '" "',
    '"user@example.com"',
    '"billing_event"',
    '"B"',
    '"a b"',
    '"and"',
    '"(x)"',
    '"a\'b"',
    '"*"',
)
OTHER_STRINGS = (
    "'track'",
    "'a'",
    "track",
    "page",
    "a.b",
    '"say \\"hi\\""',
    '"back\\\\slash"',
    "''",
    '"a',
    "foo-bar",
)
NUMBERS = (
    "5",
    "0",
    "-1",
    "1.5",
    "42",
    "100",
    "0.1",
    "1e3",
    "05",
    "5.",
    ".5",
    "1.0",
    "-0",
    "99.99",
    "123456789",
)
WORDS = ("true", "false", "null")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
PATTERNS = (
    '"a*"',
    '"*a"',
    '"*"',
    '"a"',
    '"Order*"',
    '"*Completed"',
    '"*a*"',
    '"a*b"',
    '"a?"',
    '"[ab]*"',
    '"\\*a"',
    '""',
    '"**"',
    "'a*'",
    "5",
)
#: Between conditions, as people write it; the first are read as `and` or `or` in both languages.
BETWEEN = (" and ", " or ", ", ", " AND ", " ", "\n and ", " or  ", " !")
JUNK = (
    "(",
    ")",
    "and",
    "or",
    "!",
    "=",
    "in",
    ",",
    "[",
    "]",
    "AND",
    "not",
    '"',
    "length(event) > 3",
    'event in ["A", "B"]',
    "properties.enabled",
    '!(type = "track")',
    '"track" = type',
)


def trigger(source: Source) -> str:
    """A trigger."""
    match source.below(10):
        case 0 | 1 | 2 | 3 | 4:
            return flat(source)
        case 5 | 6 | 7:
            return nested(source)
        case 8:
            return _mixed(source)
        case _:
            return _junk(source)


def flat(source: Source) -> str:
    """Conditions with one word between them, as every editor writes them."""
    word = source.pick((" and ", " or "))
    return word.join(condition(source) for _ in range(1 + source.below(3)))


def nested(source: Source, depth: int = 2) -> str:
    """Conditions and groups of them."""
    word = source.pick((" and ", " or "))
    parts = []
    for _ in range(1 + source.below(3)):
        if depth and source.chance(35):
            parts.append(f"{_bang(source)}({nested(source, depth - 1)})")
        else:
            parts.append(condition(source))
    return word.join(parts)


def _mixed(source: Source) -> str:
    made = condition(source)
    for _ in range(1 + source.below(3)):
        made += source.pick(BETWEEN) + condition(source)
    return made


def _junk(source: Source) -> str:
    pieces = [
        source.pick(JUNK) if source.chance(50) else condition(source)
        for _ in range(1 + source.below(4))
    ]
    return source.pick((" ", "", " and ")).join(pieces)


def condition(source: Source) -> str:
    """One condition."""
    match source.below(8):
        case 0 | 1 | 2 | 3:
            space = source.pick((" ", " ", " ", " ", " ", " ", " ", " ", "", "  "))
            operator = "==" if source.chance(2) else source.pick(COMPARISONS)
            return f"{_path(source)}{space}{operator}{space}{_constant(source)}"
        case 4:
            return f"type {source.pick(('=', '!='))} {source.pick(STRINGS[:2])}"
        case 5:
            return f"{_negation(source)}contains({_path(source)}, {_constant(source)})"
        case 6:
            return f"{_negation(source)}match({_path(source)}, {source.pick(PATTERNS)})"
        case _:
            return f"{_path(source)} {source.pick(('=', '!='))} {source.pick(WORDS)}"


def _bang(source: Source) -> str:
    return "!" if source.chance(10) else ""


def _negation(source: Source) -> str:
    return source.pick(("", "", "!", "! "))


def _path(source: Source) -> str:
    if source.chance(4):
        return source.pick(OTHER_PATHS)
    return source.pick(PATHS[:5]) if source.chance(60) else source.pick(PATHS)


def _constant(source: Source) -> str:
    match source.below(10):
        case 0 | 1 | 2 | 3 | 4:
            return source.pick(STRINGS)
        case 5:
            return source.pick(OTHER_STRINGS)
        case 6 | 7 | 8:
            return source.pick(NUMBERS)
        case _:
            return source.pick(WORDS)


OPERATORS = (
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "number_equals",
    "number_not_equals",
    "contains",
    "not_contains",
    "starts_with",
    "not_starts_with",
    "ends_with",
    "not_ends_with",
)
BARE_OPERATORS = ("exists", "not_exists", "is_true", "is_false")
NAMES = ("a", "plan", "b.a", "c d", "items.0", "h-i", "Ä", "user.name", "or", "0", "$g", "email")
VALUES: tuple[Any, ...] = ("track", "a", "", "5", "true", "a b", "Order", "äöü", "*", "a*b", "x y")
NUMBER_VALUES: tuple[Any, ...] = (5, 0, -1, 42, 100, 1.5, 99.99, 456.0, "456.0", "1.50", "7")
#: What a builder may put beside `=` where it means no text.
OTHER_VALUES: tuple[Any, ...] = (5, 42, 1.5, True, False)
OBJECTS = {"event-property": "properties", "event-trait": "traits", "event-context": "context"}
FIELDS = {"event-type": "type", "event": "event", "name": "name", "userId": "userId"}


def tree(source: Source, depth: int = 2) -> dict[str, Any]:
    """A tree as condition builders make it."""
    children = [
        tree(source, depth - 1) if depth and source.chance(15) else _leaf(source)
        for _ in range(1 + source.below(3))
    ]
    return {"type": "group", "operator": source.pick(("and", "or")), "children": children}


def _leaf(source: Source) -> dict[str, Any]:
    kind = source.pick(
        ("event-type", "event", "event-property", "userId", "name", "event-trait", "event-context")
    )
    if kind == "event-type":
        return {"type": kind, "operator": source.pick(("=", "!=")), "value": source.pick(VALUES)}
    made: dict[str, Any] = {"type": kind}
    if kind.startswith("event-"):
        made["name"] = source.pick(NAMES)
    texts_only = kind in ("event", "name", "userId")
    if not texts_only and source.chance(25):
        return {**made, "operator": source.pick(BARE_OPERATORS)}
    made["operator"] = source.pick(OPERATORS)
    if made["operator"] in ("number_equals", "number_not_equals", "<", "<=", ">", ">="):
        return {**made, "value": source.pick(NUMBER_VALUES)}
    if made["operator"] in ("=", "!=") and not texts_only and source.chance(10):
        return {**made, "value": source.pick(OTHER_VALUES)}
    return {**made, "value": source.pick(VALUES)}


def near(source: Source, node: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """The event with what a tree asks for, or something like it, put where the tree looks."""
    for child in node.get("children", []):
        event = near(source, child, event)
    if node["type"] == "group" or not source.chance(60):
        return event
    value = node.get("value", source.pick((True, False, None, "a")))
    found = source.pick((value, str(value), f"{value}z", _number_like(value)))
    if node["type"] in FIELDS:
        return {**event, FIELDS[node["type"]]: found}
    *outer, last = node["name"].split(".")
    made = {last: found}
    for key in reversed(outer):
        made = {key: made}
    inside = event.get(OBJECTS[node["type"]])
    inside = inside if isinstance(inside, dict) else {}
    return {**event, OBJECTS[node["type"]]: {**inside, **made}}


def _number_like(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
