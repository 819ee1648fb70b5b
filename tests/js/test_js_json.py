"""The encoder writes JavaScript's JSON wherever it is let, and is let for nearly all."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offramp.js import text as module
from offramp.js.text import js_json, json_text
from offramp.js.values import UNSET

TEXTS = st.text() | st.text(st.characters()) | st.sampled_from(["\ud800", "\x7f\b\f", "\u2028"])
KEYS = st.sampled_from(["0", "7", "07", "-1", "4294967295", "", "$a", "a1", "1a", "٣"]) | TEXTS
NUMBERS = (
    st.integers()
    | st.integers(10**20, 10**22)
    | st.floats()
    | st.decimals()
    | st.builds(
        Decimal, st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{0,3})?([eE]-?[0-9]{1,2})?", fullmatch=True)
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.just(UNSET) | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=1_000, deadline=None)
@given(VALUES)
@example({"a": 1, "1": 2})
@example([10**21, -(10**21), 10**21 - 1])
@example([Decimal("-0"), Decimal(0), Decimal(12), Decimal("1.50"), Decimal("1E+2")])
def test_it_is_what_js_json_writes(value: Any) -> None:
    """For every value, whichever way it takes."""
    assert json_text(value) == js_json(value)


def test_every_character_is_written_alike() -> None:
    """All escapes are JavaScript's own, and lone surrogates too."""
    characters = "".join(map(chr, range(sys.maxunicode + 1)))
    halves = range(0xD800, 0xE000)
    assert json_text({characters[:0xD800]: characters[0xE000:]}) == js_json(
        {characters[:0xD800]: characters[0xE000:]}
    )
    assert all(json_text(chr(half)) == js_json(chr(half)) for half in halves)


@pytest.mark.parametrize(
    ("value", "is_quick"),
    [
        ({"a": [{"b": "x", "c": 5, "$d": Decimal("-12.5"), "e": None, "f": True}], "": {}}, True),
        ([UNSET], False),
        ({"a": {"1": 0}}, False),
        ([math.nan], False),
        ([0.5], False),
    ],
)
def test_what_is_plain_takes_the_quick_way(
    value: Any, is_quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would be of no use; and nothing else takes it."""
    slow: list[Any] = []
    monkeypatch.setattr(module, "js_json", slow.append)
    json_text(value)
    assert slow == ([] if is_quick else [value])
