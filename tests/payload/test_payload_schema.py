"""The JSON Schema of payloads."""

from __future__ import annotations

from typing import Any

import pytest

from offramp import _json
from offramp.definition import Choice, Condition, Conditions, Field, when
from offramp.payload import json_schema


def schema_of(**properties: Any) -> Any:
    schema = json_schema({"v": Field(label="", **properties)})
    return schema["properties"]["v"]


@pytest.mark.parametrize(
    ("properties", "schema"),
    [
        ({"type": "string"}, {"type": "string"}),
        ({"type": "text", "read_only": True}, {"type": "string", "readOnly": True}),
        (
            {"type": "password"},
            {"type": "string", "format": "password", "writeOnly": True},
        ),
        ({"type": "datetime"}, {"type": ["string", "number"], "format": "date-time"}),
        (
            {"type": "string", "format": "email", "minimum": 3, "maximum": 0},
            {"type": "string", "format": "email", "minLength": 3},
        ),
        ({"type": "number", "maximum": 3.5}, {"type": "number", "maximum": 3.5}),
        ({"type": "integer", "maximum": 3}, {"type": "integer"}),
        (
            {"type": "number", "choices": [Choice(1, "one")], "allow_null": True},
            {"type": ["number", "null"], "enum": [1, None]},
        ),
        (
            {"type": "string", "multiple": True, "choices": ["a"], "format": "email"},
            {"type": "array", "items": {"type": "string", "enum": ["a"]}},
        ),
        ({"type": "object"}, {"type": "object"}),
        (
            {
                "type": "object",
                "multiple": True,
                "additional_properties": True,
                "properties": {"a": Field(label="A", type="boolean", required=True)},
            },
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"a": {"title": "A", "type": "boolean"}},
                    "additionalProperties": True,
                    "required": ["a"],
                },
            },
        ),
    ],
)
def test_a_field_has_the_schema_of_what_passes_its_check(
    properties: dict[str, Any], schema: dict[str, Any]
) -> None:
    """Types, bounds, choices, formats and properties, as far as the check looks at them."""
    assert schema_of(**properties) == schema


def test_the_whole_schema_names_its_dialect_and_takes_no_other_keys() -> None:
    """Labels and descriptions go along; the schema is JSON."""
    schema = json_schema({"a": Field(label="A", description="The a.", type="string")})
    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"a": {"title": "A", "description": "The a.", "type": "string"}},
        "additionalProperties": False,
    }
    assert _json.dumps(schema)


def test_conditions_are_told_by_the_object_that_they_look_at() -> None:
    """A property required under conditions makes its object forget what is always required."""
    both = Conditions(
        match="any",
        conditions=(
            Condition(field_key="b", operator="is_not", value="x"),
            Condition(field_key="o.c"),
        ),
    )
    schema = json_schema(
        {
            "a": Field(label="", type="string", required=both),
            "b": Field(label="", type="string", required=when("a")),
            "o": Field(
                label="",
                type="object",
                properties={
                    "c": Field(label="", type="string", required=True),
                    "d": Field(label="", type="string", required=when("b", is_=5)),
                },
            ),
        }
    )
    assert schema["allOf"] == [
        {
            "if": {
                "anyOf": [
                    {"required": ["b"], "properties": {"b": {"not": {"const": "x"}}}},
                    {"required": ["o"], "properties": {"o": {"required": ["c"]}}},
                ]
            },
            "then": {"required": ["a"]},
        },
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {
            "if": {"required": ["b"], "properties": {"b": {"const": 5}}},
            "then": {"required": ["o"], "properties": {"o": {"required": ["d"]}}},
        },
    ]
    assert "required" not in schema["properties"]["o"]


def test_no_value_is_the_absence_of_the_key() -> None:
    """As far as a schema can say it."""
    absent = Conditions(conditions=(Condition(field_key="b"),))
    schema = json_schema({"a": Field(label="", type="string", required=absent)})
    assert schema["allOf"] == [{"if": {"not": {"required": ["b"]}}, "then": {"required": ["a"]}}]
