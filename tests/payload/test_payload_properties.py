"""What holds for every payload and every declaration, tried at random."""

from __future__ import annotations

import copy
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from offramp import _json
from offramp.definition import Choice, Condition, Conditions, Field
from offramp.errors import Fault, PayloadError
from offramp.payload import Check, compile_check, is_date_like, json_schema, parse_date_like
from offramp.payload.formats import FORMATS
from offramp.payload.values import read_number

KEYS = st.sampled_from(["a", "b", "c", "d", "dynamicAuthSettings"])
NUMBERS = (
    st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 1, 10**400, Decimal("1E+400"), Decimal("1.0"), 1590000000000])
)
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", "5", " 5 ", "1.5", "0x10", "1e400", "true", "2020-01-01", "Jan 2 2020", "a@b.co"]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
RAWS = st.dictionaries(KEYS, VALUES, max_size=5)
CONDITIONS = st.builds(
    Conditions,
    match=st.sampled_from([None, "all", "any"]),
    conditions=st.lists(
        st.builds(
            Condition,
            field_key=st.sampled_from(["a", "b", "c", "a.b", "b.c"]),
            operator=st.sampled_from(["is", "is_not"]),
            value=SCALARS | st.lists(SCALARS, max_size=2),
        )
        | st.builds(
            Condition,
            field_key=st.sampled_from(["a", "b", "c", "a.b", "b.c"]),
            operator=st.sampled_from(["is", "is_not"]),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


def fields_with(required: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Field]]:
    """Fields of every type and property, two levels of objects deep."""

    def fields(properties: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Field]]:
        one = st.builds(
            Field,
            label=st.just("Label"),
            type=st.sampled_from(
                ["string", "text", "password", "number", "integer", "datetime", "boolean"]
            )
            | st.just("object"),
            required=required,
            multiple=st.booleans(),
            allow_null=st.booleans(),
            choices=st.none()
            | st.lists(st.builds(Choice, value=SCALARS, label=st.just("")), min_size=1, max_size=3),
            minimum=st.none() | st.integers(-3, 3),
            maximum=st.none() | st.integers(-3, 9),
            format=st.none() | st.sampled_from(sorted(FORMATS)),
            properties=properties,
            additional_properties=st.booleans(),
        )
        return st.dictionaries(KEYS, one, max_size=3)

    return fields(st.none() | fields(st.none() | fields(st.none())))


PLAIN_FIELDS = fields_with(st.booleans())
ALL_FIELDS = fields_with(st.booleans() | CONDITIONS)


@settings(max_examples=300, deadline=None)
@given(ALL_FIELDS, RAWS)
def test_a_check_answers_or_names_faults_and_leaves_the_raw_payload_alone(
    fields: dict[str, Field], raw: dict[str, Any]
) -> None:
    """Whatever comes, it raises nothing but `PayloadError`, whose text can be written."""
    check = compile_check(fields)
    before = copy.deepcopy(raw)
    payload, faults = outcome(check, raw)
    assert (payload is None) is bool(faults)
    assert all(fault.place.startswith("$") for fault in faults)
    "".join(map(str, faults)).encode()
    assert (payload or {}).keys() <= {*fields, "dynamicAuthSettings"}
    _json.dumps(payload)
    assert repr(raw) == repr(before)
    _json.dumps(json_schema(fields))


@settings(max_examples=200, deadline=None)
@given(PLAIN_FIELDS, RAWS)
def test_a_checked_payload_passes_again_unchanged(
    fields: dict[str, Field], raw: dict[str, Any]
) -> None:
    """Without conditions, and where nothing came out empty, checking twice is checking once."""
    check = compile_check(fields)
    payload, _ = outcome(check, raw)
    if payload is not None and not has_nothing(payload):
        assert repr(check(payload)) == repr(payload)


def outcome(check: Check, raw: dict[str, Any]) -> tuple[dict[str, Any] | None, tuple[Fault, ...]]:
    """The payload, or the faults."""
    try:
        return check(raw), ()
    except PayloadError as error:
        return None, error.faults


def has_nothing(value: Any) -> bool:
    """Whether null or an empty text stands anywhere in a value."""
    if isinstance(value, dict):
        return any(map(has_nothing, value.values()))
    if isinstance(value, list):
        return any(map(has_nothing, value))
    return value is None or value == ""


@given(st.text(max_size=30) | st.from_regex(r"[0-9TZ:. +/-]{1,25}|[A-Za-z0-9 ,:]{1,25}"))
def test_no_text_breaks_a_format(text: str) -> None:
    """Every test answers, and a date that passes is a moment or lies outside the calendar."""
    for test, _ in FORMATS.values():
        assert test(text) in (True, False)
    read_number(text)
    if is_date_like(text):
        try:
            assert isinstance(parse_date_like(text), datetime)
        except ValueError as error:
            assert "outside the years" in str(error)  # noqa: PT017 - either way is right
