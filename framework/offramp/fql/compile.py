"""From a tree to closures: one that answers, and one that explains the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypeAlias, TypedDict

import attrs

from offramp.fql import shape, tree
from offramp.fql.functions import FUNCTIONS
from offramp.fql.generate import write_node
from offramp.fql.glob import compile_glob
from offramp.fql.groups import compile_all, compile_any
from offramp.fql.operators import compile_comparison, compile_test
from offramp.fql.paths import compile_at, compile_equality, compile_path, locate

if TYPE_CHECKING:
    from collections.abc import Callable

Event: TypeAlias = dict[str, Any]


class Explanation(TypedDict):
    """Why a trigger, or one part of it, holds of an event or not: JSON data.

    `actual` holds what a condition found, by path; a path that the event lacks is not in it.
    Groups and `not` have `operator` and `children` instead; every child is explained, also those
    that the answer did not need.
    """

    text: str
    result: bool
    actual: NotRequired[dict[str, Any]]
    operator: NotRequired[str]
    children: NotRequired[list[Explanation]]


@attrs.frozen(kw_only=True)
class Compiled:
    """A node as closures, with the paths that it reads."""

    test: Callable[[Event], bool]
    explain: Callable[[Event], Explanation]
    paths: tuple[tree.Keys, ...]


def compile_node(node: tree.Node) -> Compiled:
    """Compile a node of a tree that was parsed."""
    if node["type"] == "group":
        return _compile_group(node)
    if node["type"] == "not":
        return _compile_not(node)
    if node["type"] == "compare":
        return _leaf(node, _compile_compare(node), _paths_of(node))
    return _leaf(node, _compile_condition(node), (tree.condition_keys(node),))


def _compile_group(node: tree.Group) -> Compiled:
    children = [compile_node(child) for child in node["children"]]
    text, operator = write_node(node), node["operator"]
    decide = all if operator == "and" else any
    join = compile_all if operator == "and" else compile_any

    def explain(event: Event) -> Explanation:
        explained = [child.explain(event) for child in children]
        result = decide(child["result"] for child in explained)
        return {"text": text, "result": result, "operator": operator, "children": explained}

    return Compiled(
        test=join([child.test for child in children]),
        explain=explain,
        paths=tuple(path for child in children for path in child.paths),
    )


def _compile_not(node: tree.Not) -> Compiled:
    child = compile_node(node["child"])
    text, test = write_node(node), child.test

    def explain(event: Event) -> Explanation:
        explained = child.explain(event)
        result = not explained["result"]
        return {"text": text, "result": result, "operator": "not", "children": [explained]}

    return Compiled(test=lambda event: not test(event), explain=explain, paths=child.paths)


def _leaf(node: tree.Node, test: Callable[[Event], bool], paths: tuple[tree.Keys, ...]) -> Compiled:
    text = write_node(node)
    named = [(tree.join_keys(keys), keys) for keys in paths]

    def explain(event: Event) -> Explanation:
        actual = {}
        for name, keys in named:
            found, value = locate(event, keys)
            if found:
                actual[name] = value
        return {"text": text, "result": test(event), "actual": actual}

    return Compiled(test=test, explain=explain, paths=paths)


def _compile_condition(node: tree.Condition) -> Callable[[Event], bool]:
    keys, operator, value = tree.condition_keys(node), node["operator"], node.get("value")
    if operator == "=" and isinstance(value, str):
        return compile_equality(keys, value)
    return compile_at(keys, compile_test(operator, value))


def _compile_compare(node: tree.Compare) -> Callable[[Event], bool]:
    read, operator, right = _compile_operand(node["left"]), node["operator"], node["right"]
    if not tree.is_value(right):
        other, compare = _compile_operand(right), compile_comparison(operator)
        return lambda event: compare(read(event), other(event))
    test = compile_test(*shape.condition_operator(operator, right["value"]))
    return lambda event: test(read(event))


def _compile_operand(operand: tree.Operand) -> Callable[[Event], Any]:
    if tree.is_path(operand):
        return compile_path(tree.split_name(operand["path"]))
    if tree.is_value(operand):
        value = operand["value"]
        return lambda _: value
    return _compile_function(operand)


def _compile_function(operand: tree.FunctionOperand) -> Callable[[Event], Any]:
    name, arguments = operand["function"], operand["arguments"]
    run = FUNCTIONS[name].run
    first = _compile_operand(arguments[0])
    if name == "match":
        fits = compile_glob(shape.check_pattern(arguments[1]))
        return lambda event: run(first(event), fits)
    if len(arguments) == 1:
        return lambda event: run(first(event))
    second = _compile_operand(arguments[1])
    return lambda event: run(first(event), second(event))


def _paths_of(node: tree.Compare) -> tuple[tree.Keys, ...]:
    return tuple(dict.fromkeys((*_operand_paths(node["left"]), *_operand_paths(node["right"]))))


def _operand_paths(operand: tree.Operand) -> list[tree.Keys]:
    if tree.is_path(operand):
        return [tree.split_name(operand["path"])]
    if tree.is_function(operand):
        return [keys for argument in operand["arguments"] for keys in _operand_paths(argument)]
    return []
