"""Compiles a tree into nodes, which explain a result, and into code, which computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, Protocol, TypeAlias, TypedDict

import attrs

from offramp.fql import shape, tree
from offramp.fql.functions import FUNCTIONS
from offramp.fql.generate import write_node
from offramp.fql.glob import compile_glob
from offramp.fql.operators import Test, compile_comparison, compile_test
from offramp.fql.paths import EventSource, compile_path, emit_path, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Event: TypeAlias = dict[str, Any]


class Explanation(TypedDict):
    """Why a trigger, or a part of it, holds for an event or not, as JSON data.

    `actual` holds the values that a condition found, by path, without missing paths. Groups and
    `not` have `operator` and `children` instead; every child is explained, even if the result
    does not depend on it.
    """

    text: str
    result: bool
    actual: NotRequired[dict[str, Any]]
    operator: NotRequired[str]
    children: NotRequired[list[Explanation]]


class Compiled(Protocol):
    """A node of a tree, ready to run."""

    def explain(self, event: Event) -> Explanation:
        """Whether it holds for an event, and why."""

    def emit(self, source: EventSource) -> str:
        """Whether it holds, as an expression of `event` that is valid beside `and` and `not`."""

    def paths(self) -> Iterator[tree.Keys]:
        """The paths that it reads, in order of appearance."""


def compile_node(node: tree.Node) -> Compiled:
    """Compile a node of a tree that was parsed."""
    if node["type"] == "group":
        children = [compile_node(child) for child in node["children"]]
        return _Group(text=write_node(node), operator=node["operator"], children=children)
    if node["type"] == "not":
        return _Not(text=write_node(node), child=compile_node(node["child"]))
    if node["type"] == "compare":
        return _compile_compare(node)
    found = _path(tree.condition_keys(node))
    return _tested(node, found, compile_test(node["operator"], node.get("value")))


def compile_matches(node: Compiled, *, of_struct: bool = False) -> Callable[[Any], bool]:
    """Generate the function of a node, with the same result as `explain`.

    It takes an event, or what a `StructReader` read of one.
    """
    source = EventSource("trigger", of_struct=of_struct)
    with source.block("def matches(event):"):
        source.write(f"return {node.emit(source)}")
    return source.function("matches")


@attrs.frozen(kw_only=True)
class _Group:
    text: str
    operator: tree.Conjunction
    children: list[Compiled]

    def emit(self, source: EventSource) -> str:
        written = f" {self.operator} ".join(child.emit(source) for child in self.children)
        return f"({written})"

    def explain(self, event: Event) -> Explanation:
        children = [child.explain(event) for child in self.children]
        results = [child["result"] for child in children]
        result = all(results) if self.operator == "and" else any(results)
        return {
            "text": self.text,
            "result": result,
            "operator": self.operator,
            "children": children,
        }

    def paths(self) -> Iterator[tree.Keys]:
        for child in self.children:
            yield from child.paths()


@attrs.frozen(kw_only=True)
class _Not:
    text: str
    child: Compiled

    def emit(self, source: EventSource) -> str:
        return f"(not {self.child.emit(source)})"

    def explain(self, event: Event) -> Explanation:
        child = self.child.explain(event)
        return {
            "text": self.text,
            "result": not child["result"],
            "operator": "not",
            "children": [child],
        }

    def paths(self) -> Iterator[tree.Keys]:
        return self.child.paths()


@attrs.frozen(kw_only=True)
class _Operand:
    """A value that is read from an event: by a function, and as code."""

    run: Callable[[Event], Any]
    emit: Callable[[EventSource], str]
    paths: tuple[tree.Keys, ...] = ()


@attrs.frozen(kw_only=True)
class _Leaf:
    """A condition or a compare, which is a single test."""

    text: str
    run: Callable[[Event], bool]
    emit: Callable[[EventSource], str]
    keys: tuple[tree.Keys, ...]

    def explain(self, event: Event) -> Explanation:
        actual = {}
        for keys in self.keys:
            found, value = locate(event, keys)
            if found:
                actual[tree.join_keys(keys)] = value
        return {"text": self.text, "result": self.run(event), "actual": actual}

    def paths(self) -> Iterator[tree.Keys]:
        return iter(self.keys)


def _tested(node: tree.Node, found: _Operand, test: Test) -> _Leaf:
    return _Leaf(
        text=write_node(node),
        run=lambda event: test.run(found.run(event)),
        emit=lambda source: test.emit(source, found.emit(source)),
        keys=found.paths,
    )


def _compile_compare(node: tree.Compare) -> _Leaf:
    left, operator, constant = _operand(node["left"]), node["operator"], node["right"]
    if tree.is_value(constant):
        test = compile_test(*shape.condition_operator(operator, constant["value"]))
        return _tested(node, left, test)
    right, compare = _operand(constant), compile_comparison(operator)
    both = _call(compare, left, right)
    return _Leaf(text=write_node(node), run=both.run, emit=both.emit, keys=both.paths)


def _operand(operand: tree.Operand) -> _Operand:
    if tree.is_path(operand):
        return _path(tree.split_name(operand["path"]))
    if tree.is_value(operand):
        return _constant(operand["value"])
    name, arguments = operand["function"], operand["arguments"]
    first, *rest = map(_operand, arguments)
    if name == "match":
        rest = [_constant(compile_glob(shape.check_pattern(arguments[1])))]
    return _call(FUNCTIONS[name].run, first, *rest)


def _path(keys: tree.Keys) -> _Operand:
    return _Operand(
        run=compile_path(keys), emit=lambda source: emit_path(source, keys), paths=(keys,)
    )


def _constant(value: Any) -> _Operand:
    return _Operand(
        run=lambda _: value,
        emit=lambda source: "None" if value is None else source.name("constant", value),
    )


def _call(function: Callable[..., Any], *arguments: _Operand) -> _Operand:
    paths = (keys for argument in arguments for keys in argument.paths)

    def emit(source: EventSource) -> str:
        written = ", ".join(argument.emit(source) for argument in arguments)
        return f"{source.name('call', function)}({written})"

    return _Operand(
        run=lambda event: function(*(argument.run(event) for argument in arguments)),
        emit=emit,
        paths=tuple(dict.fromkeys(paths)),
    )
