r"""The shapes of a trigger's tree: plain JSON data that a condition builder can edit.

The tree of `type = "track" and properties.plan = "pro"`:

    {"type": "group", "operator": "and", "children": [
        {"type": "event-type", "operator": "=", "value": "track"},
        {"type": "event-property", "name": "plan", "operator": "=", "value": "pro"}]}

Four kinds of node, the first two of which are Segment's own (`@segment/destination-subscriptions`):

- a **group** joins its `children` with `and` or `or`; the root of a tree is a group;
- a **condition** tests the value at one path. Segment's types are `event-type`, `event`,
  `name`, `userId` and, with the rest of the path as `name`, `event-property`, `event-trait` and
  `event-context`; `event-field` (ours) has any other path as its `name`. Segment's operators are
  `=`, `!=`, `<`, `<=`, `>`, `>=`, `number_equals`, `number_not_equals`, `contains`,
  `starts_with`, `ends_with` and their `not_` forms, `exists`, `not_exists`, `is_true`,
  `is_false`; ours are `match` and `not_match` (a glob) and `in` (a list);
- a **not** negates its `child`;
- a **compare** compares two operands, `left` and `right`, for what a condition cannot express:
  two paths, or a function. An operand is `{"path": "properties.a"}`, `{"value": 5}` or
  `{"function": "length", "arguments": [operand, ...]}`.

A number is a JSON number, or `{"decimal": "0.10000000000000000001"}` where a float loses digits.
In `name` and `path` a dot separates keys; a dot or a `\` within a key is escaped with a `\`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict

from offramp.fql.numeric import number_as_json
from offramp.js.numbers import exact_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from typing_extensions import TypeIs

Keys: TypeAlias = tuple[str, ...]
Scalar: TypeAlias = "str | int | float | Decimal | ExactNumber | bool | None"
Value: TypeAlias = "Scalar | list[Scalar]"

Conjunction: TypeAlias = Literal["and", "or"]
ConditionType: TypeAlias = Literal[
    "event-type",
    "event",
    "name",
    "userId",
    "event-property",
    "event-trait",
    "event-context",
    "event-field",
]

#: Each type of condition on one field of the event -> that field.
FIELD_TYPES: dict[str, str] = {
    "event-type": "type",
    "event": "event",
    "name": "name",
    "userId": "userId",
}
#: Each type of condition on a value inside an object of the event -> that object.
OBJECT_TYPES: dict[str, str] = {
    "event-property": "properties",
    "event-trait": "traits",
    "event-context": "context",
}
_TYPE_OF_FIELD = {field: kind for kind, field in FIELD_TYPES.items()}
_TYPE_OF_OBJECT = {field: kind for kind, field in OBJECT_TYPES.items()}

#: Each operator whose negation is an operator too. Both require a text, so that neither holds for
#: a missing path (Segment's validate.ts).
NEGATIONS: dict[str, str] = {
    "contains": "not_contains",
    "starts_with": "not_starts_with",
    "ends_with": "not_ends_with",
    "match": "not_match",
}
AFFIRMATIONS: dict[str, str] = {negative: plain for plain, negative in NEGATIONS.items()}
#: Operators of conditions that have no value.
WITHOUT_VALUE = frozenset({"exists", "not_exists", "is_true", "is_false"})
ORDERS = frozenset({"<", "<=", ">", ">="})

_KEY = re.compile(r"(?:\\.|[^.\\])+", re.DOTALL)
_NAME = re.compile(rf"{_KEY.pattern}(?:\.{_KEY.pattern})*", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"[.\\]")


class ExactNumber(TypedDict):
    """A number as its digits, if a JSON number that Python writes would lose some."""

    decimal: str


class Condition(TypedDict):
    """One path of the event and one test of its value."""

    type: ConditionType
    name: NotRequired[str]
    operator: str
    value: NotRequired[Value]


class Not(TypedDict):
    """The opposite of its child."""

    type: Literal["not"]
    child: Node


class Group(TypedDict):
    """All of its children (`and`), or any of them (`or`)."""

    type: Literal["group"]
    operator: Conjunction
    children: list[Node]


class PathOperand(TypedDict):
    """The event's value at a path."""

    path: str


class ValueOperand(TypedDict):
    """A constant."""

    value: Value


class FunctionOperand(TypedDict):
    """The result of a function for its arguments."""

    function: str
    arguments: list[Operand]


class Compare(TypedDict):
    """One test of two operands, at least one of which reads the event."""

    type: Literal["compare"]
    left: Operand
    operator: str
    right: Operand


Operand: TypeAlias = PathOperand | ValueOperand | FunctionOperand
Node: TypeAlias = Group | Not | Condition | Compare


def is_condition(node: Node) -> TypeIs[Condition]:
    """Whether a node is a condition on one path."""
    return node["type"] not in ("group", "not", "compare")


def is_path(operand: Operand) -> TypeIs[PathOperand]:
    """Whether an operand is a path of the event."""
    return "path" in operand


def is_value(operand: Operand) -> TypeIs[ValueOperand]:
    """Whether an operand is a constant."""
    return "value" in operand


def is_function(operand: Operand) -> TypeIs[FunctionOperand]:
    """Whether an operand is a function with its arguments."""
    return "function" in operand


def walk(node: Node, place: str = "$") -> Iterator[tuple[str, Node]]:
    """Yield a node and all nodes in it with their places, such as `$.children[0]`, outer first."""
    yield place, node
    if node["type"] == "group":
        for index, child in enumerate(node["children"]):
            yield from walk(child, f"{place}.children[{index}]")
    elif node["type"] == "not":
        yield from walk(node["child"], f"{place}.child")


def as_json(tree: Any) -> Any:
    """Copy a tree, or a part of one, with each `Decimal` in it as JSON data."""
    if isinstance(tree, dict):
        return {key: as_json(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [as_json(item) for item in tree]
    number = exact_or_none(tree)
    return tree if number is None else number_as_json(number)


def join_keys(keys: Keys) -> str:
    r"""Write keys as a tree holds them: `("a", "b.c")` is `a.b\.c`."""
    return ".".join(_SPECIAL.sub(r"\\\g<0>", key) for key in keys)


def split_name(name: str) -> Keys:
    r"""Read a `name` or `path`: `a.b\.c` is `("a", "b.c")`; `ValueError` for an empty key."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a path: write keys with one dot between them")
    return tuple(_ESCAPE.sub(r"\1", key) for key in _KEY.findall(name))


def condition(keys: Keys, operator: str, *value: Value) -> Condition:
    """Make the condition on a path, with Segment's type for the path if it has one."""
    first, *rest = keys
    made: dict[str, Any] = {"type": "event-field", "name": join_keys(keys)}
    if not rest and first in _TYPE_OF_FIELD:
        made = {"type": _TYPE_OF_FIELD[first]}
    elif rest and first in _TYPE_OF_OBJECT:
        made = {"type": _TYPE_OF_OBJECT[first], "name": join_keys(tuple(rest))}
    made["operator"] = operator
    if value:
        made["value"] = value[0]
    return made  # type: ignore[return-value]  # the two optional keys are what a TypedDict cannot grow by


def condition_keys(node: Condition) -> Keys:
    """Return the path that a condition reads."""
    kind = node["type"]
    if kind in FIELD_TYPES:
        return (FIELD_TYPES[kind],)
    inside = split_name(node["name"])
    return (OBJECT_TYPES[kind], *inside) if kind in OBJECT_TYPES else inside
