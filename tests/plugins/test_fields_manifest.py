"""Fields as JSON data, in the shape of Segment's metadata, and read back from it."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp import Choice, Field, when
from offramp.definition import (
    UNSET,
    Condition,
    Conditions,
    FieldType,
    fields_from_manifest,
    fields_to_manifest,
    settings_from_manifest,
    settings_to_manifest,
)
from offramp.definition.fields import (
    DisplayMode,
    FieldCategory,
    FieldFormat,
    InputMethod,
    ObjectUI,
)
from offramp.errors import DefinitionError

#: All that Segment's metadata lists for a field, in its order.
PROPERTIES = {
    "label", "description", "type", "required", "multiple", "allowNull", "dynamic", "default",
    "choices", "placeholder", "properties", "category", "depends_on", "readOnly", "hidden",
    "minimum", "maximum", "defaultObjectUI", "disabledInputMethods", "displayMode", "format",
    "additionalProperties",
}  # fmt: skip

texts = st.text(max_size=8)
json_values = st.none() | st.booleans() | st.integers() | texts
comparisons = st.builds(
    Condition,
    field_key=texts,
    operator=st.sampled_from(["is", "is_not"]),
    value=json_values | st.lists(texts, max_size=2) | st.just(UNSET),
    type=st.sampled_from([None, "field"]),
) | st.builds(
    Condition,
    operator=st.sampled_from(["is", "is_not"]),
    value=texts,
    type=st.just("syncMode"),
)
conditions = st.builds(
    Conditions,
    conditions=st.lists(comparisons, min_size=1, max_size=3).map(tuple),
    match=st.sampled_from([None, "all", "any"]),
)


def one_of(alias: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(alias))


def or_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


#: A choice that says no more than its own text is that text.
choices = st.builds(Choice, json_values, texts, or_none(texts)).filter(
    lambda choice: choice.value != choice.label or choice.description is not None
)


def fields(properties: st.SearchStrategy[Any]) -> st.SearchStrategy[Field]:
    return st.builds(
        Field,
        label=texts,
        description=texts,
        type=one_of(FieldType),
        required=st.booleans() | conditions,
        multiple=st.booleans(),
        allow_null=st.booleans(),
        dynamic=st.booleans(),
        default=json_values | st.dictionaries(texts, texts, max_size=2),
        choices=or_none(st.lists(texts | choices, min_size=1, max_size=3)),
        placeholder=or_none(texts),
        properties=properties,
        category=or_none(one_of(FieldCategory)),
        depends_on=or_none(conditions),
        read_only=or_none(st.booleans()),
        hidden=or_none(st.booleans()),
        minimum=or_none(st.integers()),
        maximum=or_none(st.integers()),
        default_object_ui=or_none(one_of(ObjectUI)),
        disabled_input_methods=or_none(st.lists(one_of(InputMethod), max_size=2)),
        display_mode=or_none(one_of(DisplayMode)),
        format=or_none(one_of(FieldFormat)),
        additional_properties=st.booleans(),
    )


@given(fields(or_none(st.dictionaries(texts, fields(st.none()), max_size=2))))
def test_a_field_survives_the_round_trip(declared: Field) -> None:
    """What is written can be read back, whatever a field says."""
    assert fields_from_manifest(fields_to_manifest({"key": declared})) == {"key": declared}


def test_every_property_is_present() -> None:
    """Readers find each key, null where nothing is declared; only a description may be absent."""
    declared = {
        "a": Field(label="A", type="string"),
        "b": Field(label="B", type="string", description="told"),
    }
    found = fields_to_manifest(declared)
    assert found["b"].keys() == PROPERTIES
    assert found["a"].keys() == PROPERTIES - {"description"}
    assert settings_to_manifest(declared)["b"]["description"] == "told"


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        (["a", "b"], [{"label": "a", "value": "a"}, {"label": "b", "value": "b"}]),
        ([Choice(1, "One")], [{"label": "One", "value": 1}]),
        ([Choice("a", "A", "First")], [{"label": "A", "value": "a", "description": "First"}]),
        ([], None),
        (None, None),
    ],
)
def test_choices_are_written_as_segment_writes_them(declared: Any, written: Any) -> None:
    """Each is a label and a value, a plain text too; a list of none is null."""
    field = Field(label="A", type="string", choices=declared)
    for write in (fields_to_manifest, settings_to_manifest):
        assert write({"a": field})["a"]["choices"] == written
    if declared:
        [read] = fields_from_manifest({"a": {"type": "string", "choices": written}}).values()
        assert read.choices == declared


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"type": "string", "default": ""}, True),
        ({"type": "password", "default": ""}, True),
        ({"type": "string"}, False),
        ({"type": "string", "default": "eu"}, False),
        ({"type": "number", "default": ""}, False),
        ({"type": "string", "default": "", "multiple": True}, False),
    ],
)
def test_a_setting_that_is_empty_by_default_may_be_empty(spec: Any, allowed: bool) -> None:
    """At Segment an action gets it as an empty text; a field of an action is left out there."""
    assert settings_from_manifest({"a": spec})["a"].allow_empty is allowed
    assert fields_from_manifest({"a": spec})["a"].allow_empty is False


def test_settings_list_fewer_properties() -> None:
    """A setting has no mapping and no form of its own, and its metadata is shorter."""
    declared = Field(label="A", type="password", required=True, placeholder="not listed")
    assert settings_to_manifest({"a": declared}) == {
        "a": {
            "label": "A",
            "type": "password",
            "required": True,
            "multiple": False,
            "choices": None,
            "default": None,
            "depends_on": None,
        }
    }


def test_conditions_are_written_as_segment_writes_them() -> None:
    """A field key, an operator and a value; no value asks whether there is one."""
    declared = Field(label="A", type="string", required=when("b", is_="x"), depends_on=when("c"))
    data = fields_to_manifest({"a": declared})["a"]
    assert data["required"] == {
        "conditions": [{"operator": "is", "fieldKey": "b", "value": "x"}],
    }
    assert data["depends_on"] == {"conditions": [{"operator": "is_not", "fieldKey": "c"}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": "string"}, Field(label="a", type="string")),
        ({"type": "string", "label": None}, Field(label="a", type="string")),
        ({"type": "text", "unsafe_hidden": True}, Field(label="a", type="text", hidden=True)),
        (
            {"type": "integer", "choices": [{"value": 1}, "two"]},
            Field(label="a", type="integer", choices=[Choice(1, "1"), "two"]),
        ),
        (
            {"type": "string", "required": {"conditions": [{"fieldKey": "b"}]}},
            Field(
                label="a",
                type="string",
                required=Conditions(conditions=(Condition(field_key="b"),)),
            ),
        ),
    ],
)
def test_properties_may_be_left_out(spec: dict[str, Any], expected: Field) -> None:
    """Definitions in TypeScript say only what they need to; the rest takes its usual value."""
    assert fields_from_manifest({"a": spec}) == {"a": expected}


def test_every_faulty_field_is_named() -> None:
    """A manifest with several faults is told all of them, each with its place."""
    with pytest.raises(DefinitionError) as caught:
        fields_from_manifest(
            {
                "a": "string",
                "b": {"type": "blob"},
                "c": {"type": "string", "required": {"match": "all"}},
                "d": {"type": "object", "properties": {"e": {"type": "?"}, "f": {}}},
                "e": {"type": "object", "properties": ["e"]},
                "good": {"type": "string"},
                "g": {"type": "string", "choices": [{"label": "no value"}]},
                "h": {"type": "string", "depends_on": {"conditions": ["x"]}},
            }
        )
    assert [fault.place for fault in caught.value.faults] == [
        "$.a",
        "$.b.type",
        "$.c.required",
        "$.d.properties.e.type",
        "$.d.properties.f.type",
        "$.e.properties",
        "$.g.choices",
        "$.h.depends_on",
    ]
