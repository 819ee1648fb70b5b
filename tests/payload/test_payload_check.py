"""What a check promises beside its tables: exact numbers, told faults, and where it differs."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from offramp import _json
from offramp.definition import Choice, Condition, Conditions, Field, fields_from_manifest, when
from offramp.errors import DefinitionError, PayloadError
from offramp.payload import compile_check

DATE_AND_TIME = "a date and time (2026-01-31T12:30:00Z, or milliseconds since 1970)"
HUGE = 10**400 + 1
PRECISE = Decimal("0.1000000000000000055511151231257827021181583404541015625000")


def field(type_: Any, **properties: Any) -> Field:
    return Field(label="Label", type=type_, **properties)


def faults_of(check: Any, raw: Any) -> list[str]:
    with pytest.raises(PayloadError) as caught:
        check(raw)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("number", [HUGE, -HUGE, 2**63, PRECISE, Decimal("1E+400"), 0, 1.5])
@pytest.mark.parametrize("type_", ["number", "datetime"])
def test_a_number_passes_unchanged(type_: Any, number: Any) -> None:
    """Any size and every digit, the very same object."""
    assert compile_check({"v": field(type_)})({"v": number})["v"] is number


@pytest.mark.parametrize("number", [HUGE, Decimal("1.0"), Decimal("1E+400"), 3.0, -0.0])
def test_a_whole_number_passes_as_integer(number: Any) -> None:
    """1.0 is an integer, as in JavaScript, and stays as it is."""
    assert compile_check({"v": field("integer")})({"v": number})["v"] is number


@pytest.mark.parametrize(
    "value", [Decimal("1.5"), 1.5, "1.5", Decimal("1E-30"), Decimal("NaN"), Decimal("Infinity")]
)
def test_a_fraction_is_no_integer(value: Any) -> None:
    """Nor is what is no number at all."""
    assert (
        "a whole number is wanted"
        in faults_of(compile_check({"v": field("integer")}), {"v": value})[0]
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("sNaN"), "Infinity", "NaN"])
def test_what_json_has_no_number_for_is_none(value: Any) -> None:
    """Segment makes a number of the text "Infinity", which JSON then turns to null."""
    assert faults_of(compile_check({"v": field("number")}), {"v": value})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12345678901234567890", "12345678901234567890"),
        ("0.1000", "0.1000"),
        (" -1.50 ", "-1.50"),
        ("1e3", "1000"),
        ("5.0", "5"),
        ("1e400", "1E+400"),
        ("0xffffffffffffffffff", "4722366482869645213695"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_number_in_a_text_keeps_its_digits(text: str, number: str) -> None:
    """Where a double would round, the digits stay."""
    made = compile_check({"v": field("number")})({"v": text})["v"]
    assert made == Decimal(number)
    assert _json.dumps(made)


def test_an_exponent_beyond_counting_is_no_number() -> None:
    """It is told as a fault, not raised as an overflow."""
    assert faults_of(compile_check({"v": field("number")}), {"v": "1e99999999999999999999"})


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (Decimal("1.50"), "1.5"),
        (Decimal("12345678901234567890.5"), "12345678901234567890.5"),
        (12345678901234567890, "12345678901234567890"),
        (10**21, "1e+21"),
        (Decimal("1E-7"), "1e-7"),
    ],
)
def test_a_number_becomes_the_text_that_javascript_writes(number: Any, text: str) -> None:
    """Except that it loses no digits."""
    assert compile_check({"v": field("string")})({"v": number}) == {"v": text}


@pytest.mark.parametrize("value", [0.1, Decimal("0.1"), "0.1"])
def test_a_bound_is_compared_by_its_digits(value: Any) -> None:
    """0.1 is neither above nor below 0.1, however it came."""
    assert compile_check({"v": field("number", minimum=0.1, maximum=0.1)})({"v": value})


@pytest.mark.parametrize("value", [1, 1.0, Decimal("1.00"), "1"])
def test_a_choice_is_compared_as_a_number(value: Any) -> None:
    """1.00 is the choice 1; true is not, unless it is made a number first."""
    check = compile_check({"v": field("number", choices=[Choice(1, "one")])})
    assert check({"v": value})["v"] == 1
    boolean = compile_check({"v": field("boolean", choices=[Choice(1, "one")])})
    assert faults_of(boolean, {"v": True})


def test_every_fault_is_told_with_its_place() -> None:
    """One error names them all, down to the property of an item."""
    check = compile_check(
        {
            "id": field("string", required=True),
            "at": field("datetime"),
            "items": field(
                "object",
                multiple=True,
                properties={"sku": field("string", required=True), "n": field("integer")},
            ),
        }
    )
    raw = {"id": "", "at": "yesterday", "items": [{"sku": "a"}, {"n": "x"}, 7], "more": 1}
    assert faults_of(check, raw) == [
        '@ $.id: the string "" came, which counts as nothing, but it is required',
        f'@ $.at: the string "yesterday" came, but {DATE_AND_TIME} is wanted',
        "@ $.items[1].sku: nothing came, but it is required",
        '@ $.items[1].n: the string "x" came, but a whole number is wanted',
        "@ $.items[2]: the number 7 came, but an object is wanted",
    ]


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        (field("string", maximum=3), "a long text", "at most 3 characters"),
        (field("string", minimum=3), "a", "3 characters or more"),
        (field("number", minimum=3), 1, "the number 1 came, but 3 or more is wanted"),
        (field("number", maximum=3), 4, "3 or less"),
        (field("string", choices=["a", "b"]), "c", 'but one of "a", "b" is wanted'),
        (
            field("number", choices=[Choice(n, str(n)) for n in range(12)]),
            50,
            "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more is wanted",
        ),
        (field("string", allow_null=True), {}, "an object came, but a string or null is wanted"),
        (field("boolean"), "x" * 100, '"' + "x" * 59 + "… came, but true or false is wanted"),
        (field("integer"), [1, 2], "a list of 2 came"),
        (field("number"), "half \ud800", 'the string "half ?" came'),
        (field("number"), (1, 2), "the tuple (1, 2) came"),
    ],
)
def test_a_fault_says_what_came_and_what_is_wanted(
    declared: Field, value: Any, message: str
) -> None:
    """Type and value, shortened, and the remedy."""
    (answer,) = faults_of(compile_check({"v": declared}), {"v": value})
    assert message in answer
    answer.encode()


@pytest.mark.parametrize("value", [{"hush": 1}, ["hush", "hush"]])
@pytest.mark.parametrize("multiple", [True, False])
def test_a_password_is_never_told(value: Any, *, multiple: bool) -> None:
    """Neither its value nor what was sent in its stead."""
    check = compile_check({"v": field("password", multiple=multiple, choices=["a"])})
    assert "hush" not in "".join(faults_of(check, {"v": value}))
    assert "hush" not in "".join(faults_of(check, {"v": "hush"}))


def test_the_raw_payload_is_left_alone() -> None:
    """Cleaning, coercing and conditions work on a copy."""
    inner = {
        "n": field("number", allow_null=True),
        "tags": field("string", multiple=True),
        "o": field("object", properties={"x": field("string", required=when("n"))}),
    }
    check = compile_check(
        {
            **inner,
            "many": field("object", multiple=True, properties=inner),
            "kind": field("string", required=Conditions(conditions=(Condition(field_key="n"),))),
        }
    )
    raw = {"n": 0, "tags": [1, None], "o": {"x": 5, "y": ""}, "kind": 7}
    raw["many"] = [copy.deepcopy(raw), {"n": "7", "tags": 7, "o": {"x": 1}}]
    before = copy.deepcopy(raw)
    check(raw)
    assert raw == before
    assert repr(raw) == repr(before)


@pytest.mark.parametrize("raw", [None, [], "text", 5])
def test_a_payload_is_an_object(raw: Any) -> None:
    """Anything else is one fault at the root."""
    assert faults_of(compile_check({}), raw)[0].startswith("@ $: ")


def test_several_conditions_ask_for_a_property_itself() -> None:
    """Segment would then ask the root for a key with a dot in it, which nothing can satisfy."""
    conditions = Conditions(
        conditions=(
            Condition(field_key="kind", value="mail"),
            Condition(field_key="o.a", operator="is_not", value="x"),
        )
    )
    properties = {"a": field("string"), "b": field("string", required=conditions)}
    check = compile_check({"kind": field("string"), "o": field("object", properties=properties)})
    whole = {"kind": "mail", "o": {"a": "y", "b": "z"}}
    assert check(whole) == whole
    because = 'kind is the string "mail" and o.a is not the string "x"'
    assert faults_of(check, {"kind": "mail", "o": {"a": "y"}}) == [
        f"@ $.o.b: nothing came, but it is required when {because}"
    ]


def test_keys_that_javascript_objects_inherit_are_missing_like_others() -> None:
    """Segment finds a `constructor` in every object."""
    assert faults_of(compile_check({"constructor": field("string", required=True)}), {})


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"type": "string", "choices": []}, "$.v.choices"),
        ({"type": "string", "format": "postcode"}, "$.v.format"),
        ({"type": "string", "required": {"conditions": []}}, "$.v.required"),
        (
            {"type": "string", "required": {"conditions": [{"type": "syncMode", "value": "add"}]}},
            "$.v.required.conditions[0]",
        ),
        (
            {"type": "string", "required": {"conditions": [{"fieldKey": "a", "operator": "has"}]}},
            "$.v.required.conditions[0]",
        ),
        (
            {"type": "string", "required": {"conditions": [{"value": 5}]}},
            "$.v.required.conditions[0]",
        ),
        (
            {"type": "object", "properties": {"w": {"type": "string", "choices": []}}},
            "$.v.properties.w.choices",
        ),
    ],
)
def test_fields_that_nothing_could_be_checked_by_are_refused(
    spec: dict[str, Any], place: str
) -> None:
    """Compiling them tells where, before any payload comes."""
    fields = fields_from_manifest({"v": spec})
    with pytest.raises(DefinitionError) as caught:
        compile_check(fields)
    assert [fault.place for fault in caught.value.faults] == [place]


def test_keys_keep_the_order_of_the_mapping_and_of_the_event() -> None:
    """Fields may be declared in any order: JSON text that is hashed or signed is as at Segment."""
    item = {"item_id": field("string"), "item_name": field("string", required=True)}
    check = compile_check(
        {
            "a": field("string"),
            "b": field("string"),
            "items": field("object", multiple=True, properties=item),
            "one": field("object", properties=item, additional_properties=True),
        }
    )
    one = {"z": 1, "item_name": "n", "y": 2, "item_id": 3}
    raw = {"one": one, "b": "2", "x": 0, "a": 1, "items": [{"item_name": "n", "item_id": "1"}]}
    assert _json.dumps(check(raw)) == _json.dumps(
        {
            "one": {"z": 1, "item_name": "n", "y": 2, "item_id": "3"},
            "b": "2",
            "a": "1",
            "items": [{"item_name": "n", "item_id": "1"}],
        }
    )
