"""JavaScript's texts: numbers, JSON, and how long a text is."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.js.text import is_array_index, js_items, js_json, js_string
from offramp.js.units import js_length
from offramp.js.values import UNSET


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (Decimal("-0.0"), "0"),
        (Decimal("1.0"), "1"),
        (Decimal("12.50"), "12.5"),
        (Decimal("-0.25"), "-0.25"),
        (1.0, "1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (Decimal("1E+2"), "100"),
        (Decimal("1e20"), "100000000000000000000"),
        (10**20, "100000000000000000000"),
        (Decimal("1e21"), "1e+21"),
        (10**21, "1e+21"),
        (-(10**21), "-1e+21"),
        (Decimal("1.5e300"), "1.5e+300"),
        (Decimal("0.000001"), "0.000001"),
        (Decimal("0.0000001"), "1e-7"),
        (Decimal("0.00000123"), "0.00000123"),
        (Decimal("1.23e-7"), "1.23e-7"),
        (5e-324, "5e-324"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (2**53 + 1, "9007199254740993"),
        (123456789012345678901234, "123456789012345678901234"),
        (10**400 + 1, "1" + "0" * 399 + "1"),
        (10**400, "1" + "0" * 400),
        (Decimal("0.12345678901234567890"), "0.1234567890123456789"),
    ],
)
def test_a_number_is_written_as_javascript_does_unless_digits_would_be_lost(
    number: float | Decimal, text: str
) -> None:
    """Notation is JavaScript's, precision is the number's own."""
    assert js_string(number) == text


def test_an_integer_beyond_pythons_own_limit_is_written() -> None:
    """Python refuses to write more than 4,300 digits; a mapping must not fail for that."""
    assert js_string(10**5000) == "1" + "0" * 5000


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_double_reads_back_as_that_double(number: float) -> None:
    """As text and as JSON, whichever notation it is in."""
    assert float(js_string(number)) == number
    assert float(js_json(number)) == number


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False))
def test_the_text_of_an_exact_number_reads_back_exactly(number: int | Decimal) -> None:
    """No digit is lost or made up."""
    assert Decimal(js_string(number)) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (UNSET, "undefined"),
        (True, "true"),
        ("x", "x"),
        ([], ""),
        ([1, None, UNSET, [2, [3]], {}, "a"], "1,,,2,3,[object Object],a"),
        ({"a": 1}, "[object Object]"),
    ],
)
def test_other_values_have_javascripts_texts(value: Any, text: str) -> None:
    """A list joins its items, an object says only that it is one."""
    assert js_string(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "1": 2, "0": 3, "a": UNSET}, '{"0":3,"1":2,"b":1}'),
        ([UNSET, math.nan, math.inf, True], "[null,null,null,true]"),
        ('\u2028\x7f\x1f"\\\n\ud800', '"\u2028\x7f\\u001f\\"\\\\\\n\\ud800"'),
        ({}, "{}"),
    ],
)
def test_json_is_written_as_javascript_does(value: Any, text: str) -> None:
    """Order, escapes, and what has no JSON form."""
    assert js_json(value) == text


def test_json_is_indented_as_javascript_does() -> None:
    """One member a line, empty ones without a break."""
    expected = json.dumps({"a": [1, {"b": "x\ny"}], "c": [], "d": {}}, indent=2)
    assert js_json({"a": [1, {"b": "x\ny"}], "c": [], "d": {}}, indent="  ") == expected


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_json_text_reads_back(value: Any) -> None:
    """Whatever is written is JSON and means the same."""
    assert json.loads(js_json(value)) == value


def test_only_canonical_indexes_come_first() -> None:
    """JavaScript moves array indexes to the front, and no other number-like key."""
    keys = ["z", "10", "9", "01", "-1", "1.5", "4294967294", "4294967295", "٣"]
    assert [key for key, _ in js_items(dict.fromkeys(keys))][:3] == ["9", "10", "4294967294"]
    assert [key for key in keys if is_array_index(key)] == ["10", "9", "4294967294"]


@pytest.mark.parametrize(("text", "length"), [("", 0), ("abc", 3), ("é", 1), ("😀", 2), ("a😀", 3)])
def test_a_text_is_as_long_as_its_code_units(text: str, length: int) -> None:
    """Characters beyond the basic plane count twice."""
    assert js_length(text) == length
