"""The quick way of a payload makes what the steps make, or leaves the work to them."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.definition import Field, Fields
from offramp.errors import Fault
from offramp.payload.compile import _compile_members
from offramp.payload.quick import MAX_LEVELS, compile_quick


def one(type_: Any, **more: Any) -> Field:
    return Field(label="", type=type_, **more)


def give_up(_: dict[str, Any]) -> None:
    """Stands for the careful way."""


def in_any_order(dicts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The same objects, their keys in any order."""
    return dicts.flatmap(lambda made: st.permutations(list(made.items()))).map(dict)


FIELDS: Fields = {
    "id": one("string", required=True),
    "at": one("datetime"),
    "size": one("number", minimum=1, maximum=9),
    "count": one("integer", allow_null=True),
    "on": one("boolean"),
    "plan": one("string", choices=["a", "b"], allow_null=True),
    "note": one("string", maximum=3, allow_empty=True),
    "any": one("object"),
    "tags": one("string", multiple=True),
    "inner": one(
        "object",
        properties={
            "name": one("string", required=True, maximum=3),
            "deep": one("object", properties={"x": one("integer")}, additional_properties=True),
        },
    ),
}
SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "a", "abcd", "2026-11-23T04:10:11Z", 0, 5, -1, True, False, Decimal("2.5"), 1.0, []]
)
DEEP = st.dictionaries(st.sampled_from(["x", "unknown"]), SCALARS, max_size=2)
INNER = in_any_order(
    st.fixed_dictionaries({}, optional={"name": SCALARS, "deep": SCALARS | DEEP, "no": SCALARS})
)
VALUES = SCALARS | INNER | st.lists(SCALARS, max_size=2)
RAWS = in_any_order(
    st.fixed_dictionaries({}, optional={**dict.fromkeys(FIELDS, VALUES), "unknown": SCALARS})
)


@settings(max_examples=500, deadline=None)
@given(RAWS)
def test_the_quick_way_makes_what_the_steps_make(raw: dict[str, Any]) -> None:
    """Wherever it makes a payload, it is the steps' own, without a fault, and a copy."""
    quick = compile_quick(FIELDS, give_up)
    assert quick is not None
    before = repr(raw)
    made = quick(raw)
    faults: list[Fault] = []
    wanted = _compile_members(FIELDS, cleans=True, at_root=True)(raw, faults)
    assert repr(raw) == before
    if made is not None:
        assert faults == []
        assert repr(made) == repr(wanted)


RIGHT: dict[str, Any] = {
    "id": "a",
    "at": "2026-11-23T04:10:11Z",
    "size": Decimal("2.5"),
    "tags": ["x", "y"],
    "inner": {"name": "abc", "deep": {"x": 1}, "unknown": 1},
    "unknown": 1,
}


def test_a_payload_that_is_right_takes_the_quick_way() -> None:
    """Otherwise it would be of no use."""
    raw = RIGHT
    quick = compile_quick(FIELDS, give_up)
    assert quick is not None
    made = quick(raw)
    assert made == {
        **{key: raw[key] for key in ("id", "at", "size", "tags")},
        "inner": {"name": "abc", "deep": {"x": 1}},
    }
    assert made["tags"] is not raw["tags"]


@settings(max_examples=200, deadline=None)
@given(st.permutations(list(RIGHT.items())), st.permutations(list(RIGHT["inner"].items())))
def test_a_payload_has_the_order_of_its_data(
    raw: list[tuple[str, Any]], inner: list[tuple[str, Any]]
) -> None:
    """At the root that is the order of the mapping, inside an object that of the event."""
    quick = compile_quick(FIELDS, give_up)
    assert quick is not None
    made = quick({**dict(raw), "inner": dict(inner)})
    assert list(made) == [key for key, _ in raw if key in FIELDS]
    assert list(made["inner"]) == [key for key, _ in inner if key != "unknown"]


def nested(levels: int) -> Fields:
    inner: Fields = {"x": one("string")}
    for _ in range(levels):
        inner = {"x": one("object", properties=inner)}
    return inner


@pytest.mark.parametrize(
    "fields",
    [
        nested(MAX_LEVELS),
        {"x": one("string", multiple=True, choices=["a"])},
        {"x": one("object", multiple=True, properties={})},
    ],
)
def test_fields_without_a_usual_case_have_no_quick_way(fields: Fields) -> None:
    """The steps do all the work then."""
    assert compile_quick(fields, give_up) is None


def test_keys_are_only_ever_literals() -> None:
    """No key of a field becomes code."""
    key = "a'] = 1; raise SystemExit #\n"
    quick = compile_quick({key: one("string")}, give_up)
    assert quick is not None
    assert quick({key: "b"}) == {key: "b"}
    assert repr(key) in inspect.getsource(quick)
