"""The words for what a condition builder offers: fields, operators, functions and their values."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from offramp.fql import tree
from offramp.fql.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a value of a condition is; `pattern` is a text with wildcards, `list` holds the others.
ValueKind: TypeAlias = Literal["text", "pattern", "number", "boolean", "list"]

#: The values of `type`. Source: Segment's spec; `delete` from SegmentEvent of its actions-core.
EVENT_TYPES = ("track", "identify", "page", "screen", "group", "alias", "delete")

_EQUALITY = ("=", "!=", "in")
_TEXT_TESTS = tuple(each for pair in tree.NEGATIONS.items() for each in pair)
_PRESENCE = ("exists", "not_exists")
_NUMBER_TESTS = ("number_equals", "number_not_equals", "<", "<=", ">", ">=")
_OF_TEXT = (*_EQUALITY, *_TEXT_TESTS, *_PRESENCE)
_OF_ANY = (*_OF_TEXT, *_NUMBER_TESTS, "is_true", "is_false")


class FieldWords(TypedDict):
    """One type of condition: the part of an event that it is about."""

    type: tree.ConditionType
    label: str
    #: The object of the event in which its `name` is a path; `None` for a path of the event itself.
    inside: str | None
    #: Whether a condition has a `name`.
    named: bool
    #: The operators that make sense for it; every other one is valid too.
    operators: list[str]
    #: The only values that events have there; empty if there may be any.
    choices: list[str]


class OperatorWords(TypedDict):
    """One operator of a condition."""

    operator: str
    label: str
    #: The kinds of value that it takes; empty if a condition with it has no value.
    values: list[ValueKind]
    #: Whether it holds for an event without the value (null counts as none).
    matches_missing: bool


class FunctionWords(TypedDict):
    """One function, for the operands of a `compare`."""

    function: str
    #: With `{0}` and `{1}` where the arguments stand.
    label: str
    arguments: int
    gives: Literal["bool", "number", "string"]


class GroupWords(TypedDict):
    """One way in which a group joins its conditions."""

    operator: tree.Conjunction
    label: str


class Vocabulary(TypedDict):
    """All that conditions are made of, in the order in which a builder offers it."""

    groups: list[GroupWords]
    fields: list[FieldWords]
    operators: list[OperatorWords]
    functions: list[FunctionWords]


#: Type of a condition -> its label, with Segment's words where it has the type.
FIELD_LABELS: Mapping[tree.ConditionType, str] = MappingProxyType(
    {
        "event-type": "Event Type",
        "event": "Event Name",
        "event-property": "Event Property",
        "userId": "User ID",
        "name": "Name",
        "event-trait": "User Trait",
        "event-context": "Event Context",
        "event-field": "Event Field",
    }
)
#: Operator -> its label, with Segment's words where it has the operator; then its kinds of value.
_OPERATORS: Mapping[str, tuple[str, tuple[ValueKind, ...]]] = MappingProxyType(
    {
        "=": ("is", ("text", "list")),
        "!=": ("is not", ("text", "boolean", "list")),
        "in": ("is one of", ("list",)),
        "contains": ("contains", ("text",)),
        "not_contains": ("does not contain", ("text",)),
        "starts_with": ("starts with", ("text",)),
        "not_starts_with": ("does not start with", ("text",)),
        "ends_with": ("ends with", ("text",)),
        "not_ends_with": ("does not end with", ("text",)),
        "match": ("matches the pattern", ("pattern",)),
        "not_match": ("does not match the pattern", ("pattern",)),
        "exists": ("exists", ()),
        "not_exists": ("does not exist", ()),
        "number_equals": ("is equal to", ("number",)),
        "number_not_equals": ("is not equal to", ("number",)),
        "<": ("is less than", ("number",)),
        "<=": ("is less than or equal to", ("number",)),
        ">": ("is greater than", ("number",)),
        ">=": ("is greater than or equal to", ("number",)),
        "is_true": ("is true", ()),
        "is_false": ("is false", ()),
    }
)
OPERATOR_LABELS: Mapping[str, str] = MappingProxyType(
    {operator: label for operator, (label, _) in _OPERATORS.items()}
)
#: The operators that hold for an event without the value.
MATCHES_MISSING = frozenset({"!=", "not_exists"})
FUNCTION_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "contains": "{0} contains {1}",
        "match": "{0} matches the pattern {1}",
        "length": "the length of {0}",
        "lowercase": "{0} in lower case",
        "uppercase": "{0} in upper case",
        "snakecase": "{0} in snake case",
        "kebabcase": "{0} in kebab case",
        "titlecase": "{0} in title case",
        "typeof": "the type of {0}",
        "bool": "{0} as a boolean",
        "string": "{0} as a text",
        "number": "{0} as a number",
    }
)


def vocabulary() -> Vocabulary:
    """List all groups, fields, operators and functions."""
    return {
        "groups": [{"operator": "and", "label": "All of"}, {"operator": "or", "label": "Any of"}],
        "fields": [_field(kind, label) for kind, label in FIELD_LABELS.items()],
        "operators": [
            {
                "operator": operator,
                "label": label,
                "values": [*kinds],
                "matches_missing": operator in MATCHES_MISSING,
            }
            for operator, (label, kinds) in _OPERATORS.items()
        ],
        "functions": [
            {"function": name, "label": label, "arguments": FUNCTIONS[name].arity,
             "gives": FUNCTIONS[name].gives}
            for name, label in FUNCTION_LABELS.items()
        ],
    }  # fmt: skip


def _field(kind: tree.ConditionType, label: str) -> FieldWords:
    named = kind not in tree.FIELD_TYPES
    usual = _EQUALITY if kind == "event-type" else _OF_ANY if named else _OF_TEXT
    return {
        "type": kind,
        "label": label,
        "inside": tree.OBJECT_TYPES.get(kind),
        "named": named,
        "operators": [*usual],
        "choices": [*EVENT_TYPES] if kind == "event-type" else [],
    }
