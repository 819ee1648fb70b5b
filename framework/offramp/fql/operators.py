"""The test of each operator on a value.

Each test is written as a function (`run`) and as code (`emit`) side by side. `=` and `!=` with a
text, the numeric operators and the tests of texts give the results of Segment's validate.ts. For
all of them a missing value is the same as null.
"""

from __future__ import annotations

import operator as python
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from offramp.fql.functions import contains
from offramp.fql.glob import compile_glob
from offramp.fql.tree import ORDERS
from offramp.js.numbers import exact_or_none, parse_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from offramp.codegen import Source
    from offramp.fql.tree import Value

    Comparison = Callable[[Any, Any], bool]


@attrs.frozen
class Test:
    """A test of one value."""

    run: Callable[[Any], bool]
    #: The test as an expression, given the value's expression; it is valid beside `and`.
    emit: Callable[[Source, str], str]


def compile_test(operator: str, value: Value) -> Test:
    """Make the test of a value against a constant, for any operator of a condition."""
    if operator in _NUMBER_TESTS:
        return _number_test(_NUMBER_TESTS[operator], value)
    if operator in _PLAIN_TESTS:
        return _PLAIN_TESTS[operator]
    if operator in _TEXT_TESTS:
        return _text_test(_TEXT_TESTS[operator](str(value)))
    return _VALUE_TESTS[operator](value)


def compile_comparison(operator: str) -> Comparison:
    """Make the test of two values: `=`, `!=`, an order, `in`, `contains` or `not_contains`."""
    if operator in ORDERS:
        return _order(_NUMBER_TESTS[operator].run)
    return _COMPARISONS[operator]


def equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; a text never equals a number, nor a boolean 0 or 1."""
    pairs = [(left, right)]  # a list, not recursion: an event may be nested to any depth
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


@attrs.frozen
class _Compare:
    """A comparison of two numbers, and its code."""

    run: Comparison
    symbol: str


def _called(run: Callable[[Any], bool]) -> Test:
    """A test whose code is a call of its function."""
    return Test(run, lambda source, found: f"{source.name('test', run)}({found})")


def _number_test(compare: _Compare, value: Value) -> Test:
    expected = parse_number(value) if isinstance(value, str) else exact_or_none(value)
    if expected is None:
        return Test(lambda _: False, lambda _, __: "False")

    def run(actual: Any) -> bool:
        number = exact_or_none(actual)
        return number is not None and compare.run(number, expected)

    def emit(source: Source, found: str) -> str:
        name, test = source.name("number"), source.name("test", run)
        whole = f"{name} {compare.symbol} {source.name('expected', expected)}"
        return f"({whole} if type({name} := {found}) is int else {test}({name}))"

    return Test(run, emit)


def _text_test(test: Test) -> Test:
    """The test of a text; any other value fails it."""

    def emit(source: Source, found: str) -> str:
        name = source.name("text")
        return f"(isinstance({name} := {found}, str) and {test.emit(source, name)})"

    return Test(lambda actual: isinstance(actual, str) and test.run(actual), emit)


def _matches(pattern: str) -> Test:
    return _called(compile_glob(pattern))


def _matches_not(pattern: str) -> Test:
    fits = compile_glob(pattern)
    return _called(lambda text: not fits(text))


def _equals(value: Value) -> Test:
    if isinstance(value, str):
        return Test(lambda actual: actual == value, lambda _, found: f"{found} == {value!r}")
    return _called(lambda actual: equal(actual, value))


def _differs(value: Value) -> Test:
    if isinstance(value, str):
        return Test(lambda actual: actual != value, lambda _, found: f"{found} != {value!r}")
    return _called(lambda actual: not equal(actual, value))


def _is_in(value: Value) -> Test:
    items = value if isinstance(value, list) else []
    texts = frozenset(item for item in items if isinstance(item, str))
    others = [item for item in items if not isinstance(item, str)]

    def run(actual: Any) -> bool:
        if isinstance(actual, str):
            return actual in texts
        return any(equal(actual, item) for item in others)

    return _called(run)


def _is_among(item: Any, items: Any) -> bool:
    return isinstance(items, list) and any(equal(item, each) for each in items)


def _order(compare: Comparison) -> Comparison:
    def test(left: Any, right: Any) -> bool:
        one, other = exact_or_none(left), exact_or_none(right)
        return one is not None and other is not None and compare(one, other)

    return test


def _lacks(text: Any, part: Any) -> bool:
    return isinstance(text, str) and isinstance(part, str) and part not in text


_NUMBER_TESTS: MappingProxyType[str, _Compare] = MappingProxyType(
    {
        "<": _Compare(python.lt, "<"),
        "<=": _Compare(python.le, "<="),
        ">": _Compare(python.gt, ">"),
        ">=": _Compare(python.ge, ">="),
        "number_equals": _Compare(python.eq, "=="),
        "number_not_equals": _Compare(python.ne, "!="),
    }
)
_PLAIN_TESTS: MappingProxyType[str, Test] = MappingProxyType(
    {
        "exists": Test(lambda actual: actual is not None, lambda _, found: f"{found} is not None"),
        "not_exists": Test(lambda actual: actual is None, lambda _, found: f"{found} is None"),
        "is_true": Test(lambda actual: actual is True, lambda _, found: f"{found} is True"),
        "is_false": Test(lambda actual: actual is False, lambda _, found: f"{found} is False"),
    }
)
#: The tests of a text.
_TEXT_TESTS: MappingProxyType[str, Callable[[str], Test]] = MappingProxyType(
    {
        "contains": lambda part: Test(
            lambda text: part in text, lambda _, text: f"{part!r} in {text}"
        ),
        "not_contains": lambda part: Test(
            lambda text: part not in text, lambda _, text: f"{part!r} not in {text}"
        ),
        "starts_with": lambda start: Test(
            lambda text: text.startswith(start), lambda _, text: f"{text}.startswith({start!r})"
        ),
        "not_starts_with": lambda start: Test(
            lambda text: not text.startswith(start),
            lambda _, text: f"not {text}.startswith({start!r})",
        ),
        "ends_with": lambda end: Test(
            lambda text: text.endswith(end), lambda _, text: f"{text}.endswith({end!r})"
        ),
        "not_ends_with": lambda end: Test(
            lambda text: not text.endswith(end), lambda _, text: f"not {text}.endswith({end!r})"
        ),
        "match": _matches,
        "not_match": _matches_not,
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
