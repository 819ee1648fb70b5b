"""Turns python-liquid's tree of a template into functions that write the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
from liquid.ast import BlockNode
from liquid.builtin.content import ContentNode
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.cycle_tag import CycleNode
from liquid.builtin.tags.decrement_tag import DecrementNode
from liquid.builtin.tags.echo_tag import EchoNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.increment_tag import IncrementNode
from liquid.builtin.tags.inline_comment_tag import InlineCommentNode
from liquid.builtin.tags.liquid_tag import LiquidNode
from liquid.builtin.tags.unless_tag import UnlessNode

from offramp.js.text import js_string
from offramp.js.values import is_truthy
from offramp.mapping.liquid.expressions import Evaluate, Names, compile_expression
from offramp.mapping.liquid.parse import parse_template
from offramp.mapping.liquid.run import Run, Stop
from offramp.mapping.liquid.values import is_true, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from liquid.ast import Node

    from offramp._json import Reads

_Statement = Callable[[Run], None]


@attrs.frozen(kw_only=True)
class LiquidTemplate:
    """A compiled template."""

    #: The keys of each path of the scope that it reads.
    paths: tuple[tuple[str, ...], ...]
    #: All that it may read of the scope; `None` for the whole scope.
    reads: Reads
    #: The number of its filters, each charged as a step.
    _filters: int
    _statements: tuple[_Statement, ...]

    def render(self, run: Run) -> str:
        """The output of one run; raises the run's error if the scope is at fault."""
        run.meter.steps(self._filters)
        try:
            for statement in self._statements:
                statement(run)
        except Stop:
            pass
        return "".join(run.out)


def compile_template(source: str) -> LiquidTemplate:
    """Compile a template; raises `ValueError` that says what is wrong with it."""
    names = Names()
    statements = _statements(parse_template(source), names)
    return LiquidTemplate(
        paths=tuple(names.paths),
        reads=None if names.reads_all else frozenset(names.reads),
        filters=names.filters,
        statements=statements,
    )


def _statements(nodes: Iterable[Node], names: Names) -> tuple[_Statement, ...]:
    return tuple(_COMPILERS[type(node)](node, names) for node in nodes)


def _block(node: BlockNode | None, names: Names) -> _Statement:
    statements = () if node is None else _statements(node.nodes, names)

    def run_all(run: Run) -> None:
        for statement in statements:
            statement(run)

    return run_all


def _nothing(_: Node, __: Names) -> _Statement:
    return lambda _: None


def _content(node: ContentNode, _: Names) -> _Statement:
    text = node.text
    return lambda run: run.out.append(text)


def _output(node: OutputNode, names: Names) -> _Statement:
    evaluate = compile_expression(node.expression, names)
    return lambda run: run.out.append(run.text(evaluate(run)))


def _assign(node: AssignNode, names: Names) -> _Statement:
    name = str(node.name)
    evaluate = compile_expression(node.expression, names)
    names.variables.add(name)

    def assign(run: Run) -> None:
        run.variables[name] = evaluate(run)

    return assign


def _capture(node: CaptureNode, names: Names) -> _Statement:
    name = str(node.name)
    block = _block(node.block, names)
    names.variables.add(name)

    def capture(run: Run) -> None:
        outside, run.out = run.out, []
        try:
            block(run)
        finally:
            run.variables[name] = "".join(run.out)
            run.out = outside

    return capture


def _if(node: IfNode | UnlessNode, names: Names) -> _Statement:
    wanted = not isinstance(node, UnlessNode)
    first = compile_expression(node.condition, names)
    branches: list[tuple[Evaluate, bool, _Statement]] = [
        (first, wanted, _block(node.consequence, names))
    ]
    for other in node.alternatives:
        condition = compile_expression(other.expression, names)
        branches.append((condition, True, _block(other.block, names)))
    default = _block(node.default, names)

    def choose(run: Run) -> None:
        for condition, holds, block in branches:
            if is_true(condition(run)) is holds:
                block(run)
                return
        default(run)

    return choose


def _cycle(node: CycleNode, names: Names) -> _Statement:
    group = compile_expression(node.group, names) if node.group else None
    values = [compile_expression(value, names) for value in node.args]
    written = tuple(map(str, node.args))

    def cycle(run: Run) -> None:
        key = (js_string(plain(run.weighed(group(run)))) if group else None, written)
        at = run.cycles.get(key, 0)
        run.cycles[key] = (at + 1) % len(values)
        value = values[at](run)
        if is_truthy(plain(value)):
            run.out.append(run.text(value))

    return cycle


def _increment(node: IncrementNode, names: Names) -> _Statement:
    name = str(node.name)
    names.reads.add((name,))
    return lambda run: run.out.append(run.text(run.count(name, 1)[0]))


def _decrement(node: DecrementNode, names: Names) -> _Statement:
    name = str(node.name)
    names.reads.add((name,))
    return lambda run: run.out.append(run.text(run.count(name, -1)[1]))


def _stop(_: Node, __: Names) -> _Statement:
    def stop(_: Run) -> None:
        raise Stop

    return stop


_COMPILERS: dict[type[Node], Callable[[Any, Names], _Statement]] = {
    AssignNode: _assign,
    BreakNode: _stop,
    CaptureNode: _capture,
    CommentNode: _nothing,
    ContentNode: _content,
    ContinueNode: _stop,
    CycleNode: _cycle,
    DecrementNode: _decrement,
    EchoNode: _output,
    IfNode: _if,
    IncrementNode: _increment,
    InlineCommentNode: _nothing,
    LiquidNode: lambda node, names: _block(node.block, names),
    OutputNode: _output,
    UnlessNode: _if,
}
