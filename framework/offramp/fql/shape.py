"""The canonical node for each condition: whatever its spelling, it has one tree."""

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


class Refusal(ValueError):  # noqa: N818  # not an error of the program: a judgement on what was written
    """Something well spelled that has no meaning; the text says what to write instead."""


def join(conjunction: Conjunction, nodes: list[Node]) -> Node:
    """Join conditions; one by itself stays as it is."""
    if len(nodes) == 1:
        return nodes[0]
    return {"type": "group", "operator": conjunction, "children": nodes}


def root(node: Node) -> Group:
    """Make a node the root of a tree, which is always a group."""
    if node["type"] == "group":
        return node
    return {"type": "group", "operator": "and", "children": [node]}


def negate(node: Node) -> Node:
    """Turn a node around, as `!(...)` does: it holds exactly where it did not."""
    return node["child"] if node["type"] == "not" else {"type": "not", "child": node}


def negate_test(node: Node) -> Node:
    """Turn a single test around, as a `!` right before it does.

    `!contains(...)` and `!match(...)` become operators that still ask for a text, as at Segment.
    """
    if node["type"] != "group" and node["type"] != "not":
        opposite = tree.NEGATIONS.get(node["operator"])
        if opposite:
            return {**node, "operator": opposite}  # type: ignore[return-value]  # same node, other operator
    return negate(node)


def truth(operand: Operand) -> Node:
    """Make a condition of an operand that stands by itself: it holds where it is true."""
    if tree.is_path(operand):
        return tree.condition(tree.split_name(operand["path"]), "is_true")
    if not tree.is_function(operand):
        raise Refusal("a constant is no condition: compare it with a path")
    name = operand["function"]
    if name == "contains":
        return containing(*operand["arguments"])
    if name == "match":
        return matching(*operand["arguments"])
    if FUNCTIONS[name].gives != "bool":
        gives = FUNCTIONS[name].gives
        raise Refusal(
            f"{name}(...) gives a {gives} and so is no condition: compare it, for instance "
            + ("length(userId) > 0" if gives == "number" else f'{name}(event) = "order"')
        )
    return compare(operand, "=", {"value": True})


def compare(left: Operand, operator: str, right: Operand) -> Node:
    """Put two operands to a test: `=`, `!=`, `<`, `<=`, `>`, `>=` or `in`."""
    if tree.is_value(left) and tree.is_value(right):
        raise Refusal(
            "two constants are compared, so no event makes a difference: "
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
    """Check what a function is given, before any event comes."""
    if function == "match":
        check_pattern(arguments[1])
    elif function == "contains":
        text, part = arguments
        return [text, {"value": _part(part["value"])} if tree.is_value(part) else part]
    return arguments


def containing(text: Operand, part: Operand) -> Condition | Compare:
    """Make the condition that one text is in another."""
    if not tree.is_value(part):
        return _node(text, "contains", part)
    if tree.is_path(text):
        return tree.condition(tree.split_name(text["path"]), "contains", part["value"])
    _refuse_constant("contains", text)
    return _node(text, "contains", part)


def matching(text: Operand, pattern: Operand) -> Condition | Compare:
    """Make the condition that a text fits a pattern; `text*` and `*text` are Segment's too."""
    written = check_pattern(pattern)
    if not tree.is_path(text):
        _refuse_constant("match", text)
        return _node(text, "match", pattern)
    ends = ends_of(parse_glob(written))
    operator, wanted = ends or ("match", written)
    return tree.condition(tree.split_name(text["path"]), operator, wanted)


def check_pattern(pattern: Operand) -> str:
    """Give the pattern of a `match`, which is checked before any event comes."""
    if not tree.is_value(pattern) or not isinstance(pattern["value"], str):
        raise Refusal('match(...) takes its pattern as a text: write for instance "order*"')
    try:
        parse_glob(pattern["value"])
    except ValueError as problem:
        raise Refusal(str(problem)) from None
    return pattern["value"]


def pattern_of(condition: Condition) -> str:
    """Give the pattern that asks what `starts_with`, `ends_with` or `match` asks."""
    operator, value = condition["operator"].removeprefix("not_"), str(condition.get("value"))
    match operator:
        case "starts_with":
            return escape_glob(value) + "*"
        case "ends_with":
            return "*" + escape_glob(value)
        case _:
            return value


def condition_operator(operator: str, value: Value) -> tuple[str, Value]:
    """Give the operator that a comparison with a constant has in a condition."""
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
    """Give the comparison, as it is written, for an operator such as `exists` or `is_true`."""
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
        raise Refusal("a list is looked for in a list: write the items one by one, joined by `or`")
    if not tree.is_value(right):
        return _node(left, "in", right)
    if not isinstance(right["value"], list) or not right["value"]:
        raise Refusal('`in` looks into a list: write for instance ["track", "page"]')
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
            f"{function}(...) looks at a constant, so no event makes a difference: "
            "write a path, which has no quotes, first"
        )


def _node(left: Operand, operator: str, right: Operand) -> Compare:
    return {"type": "compare", "left": left, "operator": operator, "right": right}
