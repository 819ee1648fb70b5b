"""Types of the bodies and answers about triggers: trees, words, notes, results for events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypedDict

import msgspec

from offramp.api.operations import MAX_LIMIT
from offramp.fql import Explanation
from offramp.fql.tree import FIELD_TYPES, OBJECT_TYPES, Conjunction, ExactNumber

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = str | int | float | bool | ExactNumber | list[Scalar | ExactNumber] | None


class OperandShape(TypedDict, total=False):
    """One side of a comparison: it has `path`, or `value`, or `function` and `arguments`."""

    path: str
    value: Value
    function: str
    arguments: list[OperandShape]


class GroupNode(msgspec.Struct, tag_field="type", tag="group"):
    """All of its children (`and`), or any of them (`or`); the root of a tree is a group."""

    operator: Conjunction
    children: list[TriggerNode]


class NotNode(msgspec.Struct, tag_field="type", tag="not"):
    """The opposite of its child."""

    child: TriggerNode


class CompareNode(msgspec.Struct, tag_field="type", tag="compare"):
    """A comparison of two operands, at least one of which reads the event."""

    left: OperandShape
    operator: str
    right: OperandShape


def _condition(kind: str) -> Any:
    """The shape of a condition of one type; one on a path has a `name`."""
    title = "".join(word.capitalize() for word in kind.replace("userId", "user-id").split("-"))
    keys: list[Any] = [] if kind in FIELD_TYPES else [("name", str)]
    made = msgspec.defstruct(
        f"{title}Condition",
        [*keys, ("operator", str), ("value", Value, msgspec.UNSET)],
        tag_field="type",
        tag=kind,
        module=__name__,
    )
    made.__doc__ = f"A condition of the type `{kind}`; some operators need no value."
    return made


if TYPE_CHECKING:
    TriggerNode: TypeAlias = Any
else:
    _conditions = tuple(map(_condition, (*FIELD_TYPES, *OBJECT_TYPES, "event-field")))
    TriggerNode = GroupNode | NotNode | CompareNode
    for _each in _conditions:
        TriggerNode = TriggerNode | _each


class TriggerText(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trigger as text."""

    text: str


class TriggerTree(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trigger as a tree, as a condition builder edits it."""

    tree: dict[str, Any]


class TriggerMatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trigger as text or tree, and events to try it on."""

    trigger: str | dict[str, Any]
    events: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_LIMIT)]


class AlternativeShape(TypedDict):
    """A condition that can take the place of another one."""

    #: What it would change.
    label: str
    node: TriggerNode
    #: The node as FQL.
    text: str


class NoteShape(TypedDict):
    """What a person should know about a condition, such as which events it leaves out."""

    text: str
    alternative: AlternativeShape | None


class NodeWordsShape(TypedDict):
    """One node of the tree in words."""

    #: JSON pointer into the tree; `#` is the root.
    pointer: str
    #: The node as FQL.
    text: str
    words: str
    notes: list[NoteShape]


class TriggerAnswer(TypedDict):
    """A trigger in all forms, what it reads, and warnings about it."""

    text: str
    tree: GroupNode
    #: Every node of the tree, outer ones first.
    nodes: list[NodeWordsShape]
    paths: list[str]
    warnings: list[str]
    #: Where Segment would read it differently.
    segment: list[str]


class MatchShape(TypedDict):
    """Whether one event matches; `why` has the result of each condition."""

    message_id: str | None
    matches: bool
    why: Explanation


class Matches(TypedDict):
    """One result for each event, in their order."""

    results: list[MatchShape]
