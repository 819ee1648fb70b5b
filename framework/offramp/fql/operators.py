"""What each operator asks of a value: the meaning of a trigger, value by value.

`=` and `!=` with a text, the numeric operators and the tests of texts answer as Segment's
validate.ts does. What is missing and what is null are the same to every one of them.
"""

from __future__ import annotations

import operator as python
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from offramp.fql.functions import contains
from offramp.fql.glob import compile_glob
from offramp.js.numbers import exact_or_none, parse_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from offramp.fql.tree import Value

    Test = Callable[[Any], bool]
    Comparison = Callable[[Any, Any], bool]


def compile_test(operator: str, value: Value) -> Test:
    """Make the test of a value against a constant, for any operator of a condition."""
    if operator in _NUMBER_TESTS:
        return _number_test(_NUMBER_TESTS[operator], value)
    if operator in _PLAIN_TESTS:
        return _PLAIN_TESTS[operator]
    if operator in _TEXT_TESTS:
        return _TEXT_TESTS[operator](str(value))
    return _VALUE_TESTS[operator](value)


def compile_comparison(operator: str) -> Comparison:
    """Make the test of two values of an event: `=`, `!=`, an order, `in`, `contains` or its not."""
    if operator in _ORDERS:
        return _order(_ORDERS[operator])
    return _COMPARISONS[operator]


def equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same: no text equals a number, and no boolean 0 or 1."""
    pairs = [(left, right)]  # a list and no recursion: an event may be nested as deep as it likes
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            pairs.extend(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            pairs.extend((one[key], other[key]) for key in one)
        elif not _same_scalar(one, other):
            return False
    return True


def _same_scalar(one: Any, other: Any) -> bool:
    if isinstance(one, str | bool) or one is None:
        return type(one) is type(other) and bool(one == other)
    number, another = exact_or_none(one), exact_or_none(other)
    return number is not None and another is not None and number == another


def _number_test(compare: Comparison, value: Value) -> Test:
    expected = parse_number(value) if isinstance(value, str) else exact_or_none(value)
    if expected is None:
        return lambda _: False

    def test(actual: Any) -> bool:
        kind = type(actual)
        if kind is int or (kind is Decimal and actual.is_finite()):
            return compare(actual, expected)
        number = exact_or_none(actual)
        return number is not None and compare(number, expected)

    return test


def _match(pattern: str) -> Test:
    fits = compile_glob(pattern)
    return lambda actual: isinstance(actual, str) and fits(actual)


def _not_match(pattern: str) -> Test:
    fits = compile_glob(pattern)
    return lambda actual: isinstance(actual, str) and not fits(actual)


def _equals(value: Value) -> Test:
    if isinstance(value, str):
        return lambda actual: actual == value
    return lambda actual: equal(actual, value)


def _differs(value: Value) -> Test:
    if isinstance(value, str):
        return lambda actual: actual != value
    return lambda actual: not equal(actual, value)


def _is_in(value: Value) -> Test:
    items = value if isinstance(value, list) else []
    texts = frozenset(item for item in items if isinstance(item, str))
    others = [item for item in items if not isinstance(item, str)]

    def test(actual: Any) -> bool:
        if isinstance(actual, str):
            return actual in texts
        return any(equal(actual, item) for item in others)

    return test


def _is_among(item: Any, items: Any) -> bool:
    return isinstance(items, list) and any(equal(item, each) for each in items)


def _order(compare: Comparison) -> Comparison:
    def test(left: Any, right: Any) -> bool:
        one, other = exact_or_none(left), exact_or_none(right)
        return one is not None and other is not None and compare(one, other)

    return test


def _lacks(text: Any, part: Any) -> bool:
    return isinstance(text, str) and isinstance(part, str) and part not in text


_ORDERS: MappingProxyType[str, Comparison] = MappingProxyType(
    {"<": python.lt, "<=": python.le, ">": python.gt, ">=": python.ge}
)
_NUMBER_TESTS: MappingProxyType[str, Comparison] = MappingProxyType(
    {**_ORDERS, "number_equals": python.eq, "number_not_equals": python.ne}
)
_PLAIN_TESTS: MappingProxyType[str, Test] = MappingProxyType(
    {
        "exists": lambda actual: actual is not None,
        "not_exists": lambda actual: actual is None,
        "is_true": lambda actual: actual is True,
        "is_false": lambda actual: actual is False,
    }
)
# Each test stands by itself, for one call less where it counts.
_TEXT_TESTS: MappingProxyType[str, Callable[[str], Test]] = MappingProxyType(
    {
        "contains": lambda part: lambda actual: isinstance(actual, str) and part in actual,
        "not_contains": lambda part: lambda actual: isinstance(actual, str) and part not in actual,
        "starts_with": lambda start: (
            lambda actual: isinstance(actual, str) and actual.startswith(start)
        ),
        "not_starts_with": lambda start: (
            lambda actual: isinstance(actual, str) and not actual.startswith(start)
        ),
        "ends_with": lambda end: lambda actual: isinstance(actual, str) and actual.endswith(end),
        "not_ends_with": lambda end: (
            lambda actual: isinstance(actual, str) and not actual.endswith(end)
        ),
        "match": _match,
        "not_match": _not_match,
    }
)
_VALUE_TESTS: MappingProxyType[str, Callable[[Value], Test]] = MappingProxyType(
    {"=": _equals, "!=": _differs, "in": _is_in}
)
_COMPARISONS: MappingProxyType[str, Comparison] = MappingProxyType(
    {
        "=": equal,
        "!=": lambda left, right: not equal(left, right),
        "in": _is_among,
        "contains": contains,
        "not_contains": _lacks,
    }
)
