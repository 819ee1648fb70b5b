"""Places become JSON pointers, whatever keys they have, and pointers become keys again."""

from __future__ import annotations

import pytest

from offramp.errors import Fault, join_place
from offramp.pointers import describe_errors, keys_of, keys_of_place, pointer_of

POINTERS = [
    ("$", "#"),
    ("$.transaction_id", "#/transaction_id"),
    ("$.mapping.id.@if.then", "#/mapping/id/@if/then"),
    ("instances.a.subscriptions[0].trigger", "#/instances/a/subscriptions/0/trigger"),
    ('instances."a b".settings', "#/instances/a%20b/settings"),
    ('$.properties."a.b~/c"', "#/properties/a.b~0~1c"),
    ("$.$set", "#/$set"),
]


@pytest.mark.parametrize(("place", "pointer"), POINTERS)
def test_a_place_becomes_the_pointer_of_rfc_6901(place: str, pointer: str) -> None:
    """As a URI fragment, which is how RFC 9457 shows it."""
    assert pointer_of(place) == pointer


@pytest.mark.parametrize(
    "key", ["id", "a b", "a.b", "a/b", "~1", "%41", "it's", 'say "x"', "ü", "", "a, column 2"]
)
def test_every_key_comes_back_from_its_place_and_its_pointer(key: str) -> None:
    """Wherever a place begins, both give back the key that it names."""
    for start in ("settings", "$.settings"):
        place = join_place(start, key)
        assert keys_of_place(place) == keys_of(pointer_of(place)) == ["settings", key]


def test_the_keys_of_a_column_are_those_of_its_text() -> None:
    """A column is no key; what is no place at all raises."""
    assert keys_of_place("trigger, column 8") == ["trigger"]
    with pytest.raises(ValueError, match="no place"):
        keys_of_place("a]b")


def test_a_column_and_a_place_in_no_document_stand_in_the_detail() -> None:
    """A pointer names what JSON knows: the text of a trigger, not a column of it."""
    faults = [Fault("column 8", "is cut off").under("trigger"), Fault("a]b", "is odd")]
    assert describe_errors(faults) == [
        {"pointer": "#/trigger", "column": 8, "detail": "column 8: is cut off"},
        {"detail": "a]b: is odd"},
    ]
