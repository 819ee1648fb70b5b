"""Numbers in texts, read as JavaScript reads them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.js.numbers import exact_or_none, parse_number
from offramp.js.text import number_text
from offramp.js.units import characters, join_units, js_length, js_units


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        (" \t\n\ufeff\xa0\u2028 ", 0),
        (" 5 ", 5),
        ("-0", 0),
        (".5", Decimal("0.5")),
        ("5.", 5),
        ("1e3", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b101", 5),
        ("-0x1F", None),
        ("0x", None),
        ("1_000", None),
        ("1,5", None),
        ("٣", None),
        ("infinity", None),
        ("NaN", None),
        ("Infinity", Decimal("Infinity")),
        ("-Infinity", Decimal("-Infinity")),
        ("1e9999999999999999999", Decimal("Infinity")),
        ("-1e9999999999999999999", Decimal("-Infinity")),
        ("1e-9999999999999999999", 0),
        ("0.10000000000000000001", Decimal("0.10000000000000000001")),
        ("\x1c5", None),
    ],
)
def test_a_text_is_the_number_that_javascript_reads(text: str, number: Any) -> None:
    """Number(text), except that digits beyond a double's are kept."""
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("Infinity"), "Infinity"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("NaN"), "NaN"),
        (10**21, "1e+21"),
        (123456789012345678901234, "123456789012345678901234"),
    ],
)
def test_a_number_is_written_as_javascript_writes_it(value: Any, text: str) -> None:
    """String(number), where no digit of an integer is lost to a double."""
    assert number_text(value) == text


@pytest.mark.parametrize("value", [True, None, "1", [], float("nan"), float("inf")])
def test_only_a_number_of_json_is_one(value: Any) -> None:
    """Booleans, texts and what JSON cannot write are no numbers."""
    assert exact_or_none(value) is None


@given(st.text(st.characters(exclude_categories=[])))
def test_units_are_what_javascript_counts(text: str) -> None:
    """A text has as many units as JavaScript says, and they make the text again."""
    units = js_units(text)
    assert len(units) == js_length(text) == len(characters(text))
    assert join_units(units) == join_units(js_units(join_units(units)))
    assert max(units, default="") <= "\uffff"
