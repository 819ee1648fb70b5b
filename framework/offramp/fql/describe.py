"""Describes a trigger in words, node by node, with notes on events that lack a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict

from offramp.fql import tree
from offramp.fql.generate import write_node, write_value
from offramp.fql.hints import Leaf, leaf_hints, leaves, tested_path
from offramp.fql.vocabulary import FIELD_LABELS, FUNCTION_LABELS, OPERATOR_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offramp.fql.compile import Explanation
    from offramp.fql.tree import Condition, Node, Operand, Value
    from offramp.fql.trigger import Trigger

#: A text that is shown without quotes: nobody takes it for a constant, a list or two conditions.
_PLAIN_TEXT = re.compile(
    r"(?!(?:true|false|null)\Z)(?!.*\b(?:and|or|not)\b)[^\s\d\"',+.\-\[(][^\"',\n]*(?<!\s)"
)
#: Negated tests, which events without the value fail although they do not have it either.
_FAIL_WITHOUT_VALUE = frozenset({*tree.AFFIRMATIONS, "number_not_equals"})


class Alternative(TypedDict):
    """A condition to put in place of another one."""

    #: What it would change, as the words of a button.
    label: str
    node: dict[str, Any]
    #: The node as FQL.
    text: str


class Note(TypedDict):
    """What a person should know about a condition."""

    text: str
    alternative: Alternative | None


class NodeWords(TypedDict):
    """One node of a tree in words."""

    #: Its place in the tree, such as `$.children[0]`.
    place: str
    #: The node as FQL.
    text: str
    words: str
    notes: list[Note]


class FalseCondition(TypedDict):
    """The first condition that keeps a trigger from selecting an event."""

    #: Its place in the tree, such as `$.children[0]`.
    place: str
    #: The condition as FQL.
    text: str
    words: str
    #: What the event has at the paths of the condition; a missing path is left out.
    actual: dict[str, Any]


def why_not(trigger: Trigger, event: dict[str, Any]) -> FalseCondition | None:
    """Find the first condition of a trigger that is false for an event; `None` if all is true.

    If all conditions of an `or` are false, or the child of a `not` is true, it is that node.
    """
    explained = trigger.explain(event)
    if explained["result"]:
        return None
    node: Node = trigger.tree
    place = "$"
    while node["type"] == "group" and (node["operator"] == "and" or len(node["children"]) == 1):
        parts = explained.get("children", [])
        index = next(at for at, part in enumerate(parts) if not part["result"])
        node, explained = node["children"][index], parts[index]
        place += f".children[{index}]"
    return {
        "place": place,
        "text": explained["text"],
        "words": in_words(node),
        "actual": _actual(explained),
    }


def _actual(explained: Explanation) -> dict[str, Any]:
    found = dict(explained.get("actual", {}))
    for child in explained.get("children", []):
        found |= _actual(child)
    return found


def describe(root: Node) -> list[NodeWords]:
    """Describe every node of a tree as `parse` makes it, outer ones first."""
    notes = {leaf.place: list(_notes(leaf)) for leaf in leaves(root)}
    return [
        {
            "place": place,
            "text": write_node(node),
            "words": in_words(node),
            "notes": notes.get(place, []),
        }
        for place, node in tree.walk(root)
    ]


def in_words(node: Node) -> str:
    """Write a node in words: `User ID does not contain @company.com`."""
    if node["type"] == "group":
        return f" {node['operator']} ".join(_child(child) for child in node["children"])
    if node["type"] == "not":
        return f"not ({in_words(node['child'])})"
    if node["type"] == "compare":
        left, right = _operand(node["left"]), _operand(node["right"])
        return f"{left} {OPERATOR_LABELS[node['operator']]} {right}"
    label = OPERATOR_LABELS[node["operator"]]
    subject = path_in_words(tree.condition_keys(node))
    return f"{subject} {label} {_value(node['value'])}" if "value" in node else f"{subject} {label}"


def path_in_words(keys: tree.Keys) -> str:
    """Write a path in words: `User ID`, `Event Property plan`."""
    made = tree.condition(keys, "exists")
    label = FIELD_LABELS[made["type"]]
    return f"{label} {made['name']}" if "name" in made else label


def _child(node: Node) -> str:
    words = in_words(node)
    return f"({words})" if node["type"] == "group" else words


def _operand(operand: Operand) -> str:
    if tree.is_path(operand):
        return path_in_words(tree.split_name(operand["path"]))
    if tree.is_value(operand):
        return _value(operand["value"])
    return FUNCTION_LABELS[operand["function"]].format(*map(_operand, operand["arguments"]))


def _value(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "the empty list"
    if isinstance(value, str) and _PLAIN_TEXT.fullmatch(value):
        return value
    return write_value(value)


def _notes(leaf: Leaf) -> Iterator[Note]:
    for text in leaf_hints(leaf.node):
        yield {"text": text, "alternative": None}
    keys = tested_path(leaf.node)
    if not keys or keys in leaf.present or leaf.negated:
        return
    value, operator = _value_at(keys), leaf.node["operator"]
    absent, present = tree.condition(keys, "not_exists"), tree.condition(keys, "exists")
    if operator in _FAIL_WITHOUT_VALUE:
        wanted = "number" if operator == "number_not_equals" else "text"
        note = f"Events without {value}, or where it is not a {wanted}, do not match."
        yield _note(note, f"Also match events without {value}", "or", absent, leaf.node)
    elif operator == "!=" and tree.is_condition(leaf.node):
        note = f"Events without {value} match too."
        yield _note(note, f"Only match events with {value}", "and", present, leaf.node)


def _value_at(keys: tree.Keys) -> str:
    """Name the value at a path: `a User ID`, `properties.plan`."""
    made = tree.condition(keys, "exists")
    if "name" in made:
        return tree.join_keys(keys)
    label = FIELD_LABELS[made["type"]]
    return f"an {label}" if label[0] in "AEIO" else f"a {label}"


def _note(
    text: str, label: str, conjunction: tree.Conjunction, presence: Condition, node: Any
) -> Note:
    # The condition on presence comes first: Segment reads a function only as the last of a group.
    group: Node = {"type": "group", "operator": conjunction, "children": [presence, node]}
    made: dict[str, Any] = tree.as_json(group)
    return {
        "text": text,
        "alternative": {"label": label, "node": made, "text": write_node(group)},
    }
