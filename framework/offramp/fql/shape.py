"""The canonical node for each condition: all spellings of a condition have the same tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offramp.fql import tree
from offramp.fql.functions import FUNCTIONS
from offramp.fql.glob import ends_of, escape_glob, parse_glob
from offramp.js.numbers import exact_or_none
from offramp.js.text import number_text

if TYPE_CHECKING:
    from decimal import Decimal

    from offramp.fql.tree import Compare, Condition, Conjunction, Group, Node, Operand, Value

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PLAIN = {"exists": "!=", "not_exists": "="}


class Refusal(ValueError):  # noqa: N818  # not a bug, but a fault in the trigger
    """A well-formed trigger without a meaning; the message says what to write instead."""


def join(conjunction: Conjunction, nodes: list[Node]) -> Node:
    """Join conditions; a single one stays as it is."""
    if len(nodes) == 1:
        return nodes[0]
    return {"type": "group", "operator": conjunction, "children": nodes}


def root(node: Node) -> Group:
    """Make a node the root of a tree, which is always a group."""
    if node["type"] == "group":
        return node
    return {"type": "group", "operator": "and", "children": [node]}


def negate(node: Node) -> Node:
    """Negate a node, as `!(...)` does: it holds exactly if the node does not."""
    return node["child"] if node["type"] == "not" else {"type": "not", "child": node}


def negate_test(node: Node) -> Node:
    """Negate a single test, as a `!` directly before it does.

    `!contains(...)` and `!match(...)` become operators that still require a text, as at Segment.
    """
    if node["type"] != "group" and node["type"] != "not":
        opposite = tree.NEGATIONS.get(node["operator"])
        if opposite:
            return {**node, "operator": opposite}  # type: ignore[return-value]  # same node, other operator
    return negate(node)


def truth(operand: Operand) -> Node:
    """Make the condition for an operand without an operator: it holds if the operand is true."""
    if tree.is_path(operand):
        return tree.condition(tree.split_name(operand["path"]), "is_true")
    if not tree.is_function(operand):
        raise Refusal("a constant is not a condition: compare it with a path")
    name = operand["function"]
    if name == "contains":
        return containing(*operand["arguments"])
    if name == "match":
        return matching(*operand["arguments"])
    if FUNCTIONS[name].gives != "bool":
        gives = FUNCTIONS[name].gives
        raise Refusal(
            f"{name}(...) returns a {gives} and so is not a condition: compare it, for instance "
            + ("length(userId) > 0" if gives == "number" else f'{name}(event) = "order"')
        )
    return compare(operand, "=", {"value": True})


def compare(left: Operand, operator: str, right: Operand) -> Node:
    """Make the comparison of two operands with `=`, `!=`, `<`, `<=`, `>`, `>=` or `in`."""
    if tree.is_value(left) and tree.is_value(right):
        raise Refusal(
            "two constants are compared, so the result is the same for every event: "
            "write a path, which has no quotes, on one side"
        )
    if operator == "in":
        return _in(left, right)
    if tree.is_value(left):
        left, operator, right = right, _MIRRORED.get(operator, operator), left
    if operator in tree.ORDERS and tree.is_value(right):
        _check_order(operator, right["value"])
    if tree.is_path(left) and tree.is_value(right):
        named, value = condition_operator(operator, right["value"])
        values = () if named in tree.WITHOUT_VALUE else (value,)
        return tree.condition(tree.split_name(left["path"]), named, *values)
    return _node(left, operator, right)


def arguments_of(function: str, arguments: list[Operand]) -> list[Operand]:
    """Check the arguments of a function when the trigger is parsed."""
    if function == "match":
        check_pattern(arguments[1])
    elif function == "contains":
        text, part = arguments
        return [text, {"value": _part(part["value"])} if tree.is_value(part) else part]
    return arguments


def containing(text: Operand, part: Operand) -> Condition | Compare:
    """Make the condition that a text contains another."""
    if not tree.is_value(part):
        return _node(text, "contains", part)
    if tree.is_path(text):
        return tree.condition(tree.split_name(text["path"]), "contains", part["value"])
    _refuse_constant("contains", text)
    return _node(text, "contains", part)


def matching(text: Operand, pattern: Operand) -> Condition | Compare:
    """Make the condition that a text matches a pattern; Segment has `text*` and `*text` too."""
    written = check_pattern(pattern)
    if not tree.is_path(text):
        _refuse_constant("match", text)
        return _node(text, "match", pattern)
    ends = ends_of(parse_glob(written))
    operator, wanted = ends or ("match", written)
    return tree.condition(tree.split_name(text["path"]), operator, wanted)


def check_pattern(pattern: Operand) -> str:
    """Return the pattern of a `match`, checked when the trigger is parsed."""
    if not tree.is_value(pattern) or not isinstance(pattern["value"], str):
        raise Refusal('match(...) takes its pattern as a text: write for instance "order*"')
    try:
        parse_glob(pattern["value"])
    except ValueError as problem:
        raise Refusal(str(problem)) from None
    return pattern["value"]


def pattern_of(condition: Condition) -> str:
    """Return the pattern that is equivalent to a `starts_with`, `ends_with` or `match`."""
    operator, value = condition["operator"].removeprefix("not_"), str(condition.get("value"))
    match operator:
        case "starts_with":
            return escape_glob(value) + "*"
        case "ends_with":
            return "*" + escape_glob(value)
        case _:
            return value


def condition_operator(operator: str, value: Value) -> tuple[str, Value]:
    """Return the operator and value of a condition for a comparison with a constant."""
    if operator not in ("=", "!="):
        return operator, value
    equal = operator == "="
    if value is None:
        return ("not_exists" if equal else "exists"), None
    if isinstance(value, bool) and equal:
        return ("is_true" if value else "is_false"), None
    if exact_or_none(value) is not None:
        return ("number_equals" if equal else "number_not_equals"), value
    return operator, value


def plain_operator(condition: Condition) -> tuple[str, Value]:
    """Return the comparison, as it is written, for an operator such as `exists` or `is_true`."""
    match condition["operator"]:
        case "exists" | "not_exists" as operator:
            return _PLAIN[operator], None
        case "is_true" | "is_false" as operator:
            return "=", operator == "is_true"
        case "number_equals" | "number_not_equals" as operator:
            return "=" if operator == "number_equals" else "!=", condition["value"]
        case operator:
            return operator, condition["value"]


def _in(left: Operand, right: Operand) -> Node:
    if tree.is_value(left) and isinstance(left["value"], list):
        raise Refusal("`in` needs one value on its left: write a condition for each with `or`")
    if not tree.is_value(right):
        return _node(left, "in", right)
    if not isinstance(right["value"], list) or not right["value"]:
        raise Refusal('`in` needs a list on its right: write for instance ["track", "page"]')
    if tree.is_path(left):
        return tree.condition(tree.split_name(left["path"]), "in", right["value"])
    return _node(left, "in", right)


def _check_order(operator: str, value: Value) -> None:
    if isinstance(value, bool | None | list):
        raise Refusal(f"`{operator}` compares numbers: write a number beside it")


def _part(value: Value) -> str:
    number: int | Decimal | None = exact_or_none(value)
    if number is not None:
        return number_text(number)
    if not isinstance(value, str):
        raise Refusal('contains(...) looks for a text: write it in quotes, for instance "order"')
    return value


def _refuse_constant(function: str, operand: Operand) -> None:
    if tree.is_value(operand):
        raise Refusal(
            f"{function}(...) tests a constant, so the result is the same for every event: "
            "write a path, which has no quotes, first"
        )


def _node(left: Operand, operator: str, right: Operand) -> Compare:
    return {"type": "compare", "left": left, "operator": operator, "right": right}
