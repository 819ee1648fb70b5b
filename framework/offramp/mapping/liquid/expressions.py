"""Turns python-liquid's expressions into functions of a run."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import attrs
from liquid.builtin.expressions import FilteredExpression, KeywordArgument
from liquid.builtin.expressions import logical as tree
from liquid.builtin.expressions import primitive as leaf
from liquid.builtin.expressions.path import Path

from offramp.js.text import js_string
from offramp.mapping.liquid import values
from offramp.mapping.liquid.filters import DISABLED_FILTERS, FILTERS
from offramp.mapping.liquid.run import Run
from offramp.mapping.liquid.values import Special, is_true, plain, read_property

if TYPE_CHECKING:
    from liquid.builtin.expressions.filtered import Filter
    from liquid.expression import Expression

Evaluate = Callable[[Run], Any]

_LOGICAL = (tree.LogicalAndExpression, tree.LogicalOrExpression)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{0,4}|[0-7]{1,3}|.|$)", re.DOTALL)
_NAMED_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEXADECIMAL, _OCTAL = 16, 8
#: The property that counts an object's keys.
_SIZE = "size"


@attrs.define
class Names:
    """The names that a template uses, and the number of its filters."""

    variables: set[str] = attrs.field(factory=set)
    #: The paths that are shown.
    paths: list[tuple[str, ...]] = attrs.field(factory=list)
    #: The paths of the scope that may be read, each with all below it. The name of a variable is
    #: among them: before it is assigned, it is the scope's.
    reads: set[tuple[str, ...]] = attrs.field(factory=set)
    #: Whether a name is computed, so that anything may be read.
    reads_all: bool = False
    filters: int = 0


def compile_expression(expression: Expression, names: Names) -> Evaluate:
    """A function that evaluates an expression; raises `ValueError` if it can never work."""
    return _COMPILERS[type(expression)](expression, names)


def unescape(text: str) -> str:
    """The text of a quoted string, with its backslash escapes replaced."""
    if "\\" not in text:
        return text
    replaced = _ESCAPE.sub(_unescaped, text)
    # Two halves of a surrogate pair, written as two escapes, are one character.
    return replaced.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[:1] == "u":
        return chr(int(code[1:] or "0", _HEXADECIMAL))
    if code[:1] in "01234567" and code:
        return chr(int(code, _OCTAL))
    return _NAMED_ESCAPES.get(code, code)


def _constant(value: Any) -> Callable[[Any, Names], Evaluate]:
    return lambda _, __: lambda _: value


def _literal(expression: leaf.Literal[Any], _: Names) -> Evaluate:
    value = expression.value
    if isinstance(value, str):
        value = unescape(value)
    return lambda _: value


def _path(expression: Path, names: Names) -> Evaluate:
    first, *rest = (
        compile_expression(key, names) if isinstance(key, Path) else _key(key)
        for key in expression.path
    )
    if all(isinstance(key, (str, int)) for key in (first, *rest)):
        return _plain_path(js_string(first), rest, names)
    _note_reads((first, *rest), names)

    def evaluate(run: Run) -> Any:
        value = run.root(js_string(plain(_evaluated(first, run))))
        for key in rest:
            value = read_property(value, _evaluated(key, run))
        return value

    return evaluate


def _plain_path(first: str, rest: list[Any], names: Names) -> Evaluate:
    if first not in names.variables:
        names.paths.append((first, *map(js_string, rest)))
    _note_reads((first, *rest), names)
    if not rest:
        return lambda run: run.root(first)

    def evaluate(run: Run) -> Any:
        value = run.root(first)
        for key in rest:
            value = read_property(value, key)
        return value

    return evaluate


def _note_reads(keys: Iterable[Any], names: Names) -> None:
    """Note what a path reads: all below the keys before one that is computed, and before `size`."""
    known: list[str] = []
    for key in keys:
        if callable(key) or (known and key == _SIZE):
            break
        known.append(js_string(key))
    if known:
        names.reads.add(tuple(known))
    else:
        names.reads_all = True


def _key(key: Any) -> Any:
    return unescape(key) if isinstance(key, str) else key


def _evaluated(key: Any, run: Run) -> Any:
    return run.weighed(key(run)) if callable(key) else key


def _range(expression: leaf.RangeLiteral, names: Names) -> Evaluate:
    start = compile_expression(expression.start, names)
    stop = compile_expression(expression.stop, names)

    def evaluate(run: Run) -> list[float]:
        first, last = values.number(start(run)), values.number(stop(run))
        if not last >= first:
            return []
        run.meter.steps(last - first + 1 if last < math.inf else math.inf)
        items = []
        while first < last + 1:
            items.append(first)
            first += 1
        return items

    return evaluate


def _filtered(expression: FilteredExpression, names: Names) -> Evaluate:
    evaluate = compile_expression(expression.left, names)
    for each in expression.filters or ():
        evaluate = _filter(each, evaluate, names)
    return evaluate


def _filter(each: Filter, evaluate: Evaluate, names: Names) -> Evaluate:
    if each.name in DISABLED_FILTERS:
        raise ValueError(f"the filter {each.name!r} is not available in a mapping")
    known = FILTERS.get(each.name)
    arguments = [_argument(argument, names) for argument in each.args]
    if known is None:
        # An unknown filter changes nothing.
        return evaluate
    if known.exactly is not None and known.exactly != len(arguments):
        raise ValueError(f"the filter {each.name!r} takes {known.exactly} argument")
    function = known.function
    taken = arguments[: known.arity]
    names.filters += 1

    def filtered(run: Run) -> Any:
        value = evaluate(run)
        if type(value) is list:
            run.meter.weigh(value)
        if not taken:
            return function(run, value)
        return function(run, value, *[run.weighed(argument(run)) for argument in taken])

    return filtered


def _argument(argument: Any, names: Names) -> Evaluate:
    evaluate = compile_expression(argument.value, names)
    if not isinstance(argument, KeywordArgument):
        return evaluate
    name = argument.name
    return lambda run: [name, plain(evaluate(run))]


def _boolean(expression: tree.BooleanExpression, names: Names) -> Evaluate:
    return compile_expression(expression.expression, names)


def _not(expression: tree.LogicalNotExpression, names: Names) -> Evaluate:
    inner = expression.right
    if isinstance(inner, _LOGICAL):
        # "not" binds tighter than "and"; in python-liquid's precedence it does not.
        negated = tree.LogicalNotExpression(expression.token, inner.left)
        return compile_expression(type(inner)(inner.token, negated, inner.right), names)
    evaluate = compile_expression(inner, names)
    return lambda run: not is_true(evaluate(run))


def _binary(
    holds: Callable[[Any, Any], bool], *, looks_inside: bool = True
) -> Callable[[Any, Names], Evaluate]:
    def compile_binary(expression: Any, names: Names) -> Evaluate:
        inner = expression.left
        if isinstance(inner, tree.ContainsExpression) and not isinstance(expression, _LOGICAL):
            # "contains" binds no tighter than "=="; in python-liquid's precedence it does.
            right = type(expression)(expression.token, inner.right, expression.right)
            contains = tree.ContainsExpression(inner.token, inner.left, right)
            return compile_expression(contains, names)
        left = compile_expression(expression.left, names)
        right = compile_expression(expression.right, names)
        if not looks_inside:
            return lambda run: holds(left(run), right(run))

        def compare(run: Run) -> bool:
            both = left(run), right(run)
            if type(both[0]) is list or type(both[1]) is list:
                run.meter.weigh(list(both))
            return holds(*both)

        return compare

    return compile_binary


def _ordered(order: Callable[[Any, Any], bool]) -> Callable[[Any, Names], Evaluate]:
    return _binary(lambda left, right: values.compare(left, right, order))


_COMPILERS: dict[type[Expression], Callable[[Any, Names], Evaluate]] = {
    FilteredExpression: _filtered,
    Path: _path,
    leaf.Blank: _constant(Special.BLANK),
    leaf.Empty: _constant(Special.EMPTY),
    leaf.FalseLiteral: _literal,
    leaf.FloatLiteral: _literal,
    leaf.IntegerLiteral: _literal,
    leaf.Nil: _constant(Special.NIL),
    leaf.RangeLiteral: _range,
    leaf.StringLiteral: _literal,
    leaf.TrueLiteral: _literal,
    tree.BooleanExpression: _boolean,
    tree.ContainsExpression: _binary(values.contains),
    tree.EqExpression: _binary(values.equals),
    tree.GeExpression: _ordered(operator.ge),
    tree.GtExpression: _ordered(operator.gt),
    tree.LeExpression: _ordered(operator.le),
    tree.LogicalAndExpression: _binary(
        lambda left, right: is_true(left) and is_true(right), looks_inside=False
    ),
    tree.LogicalNotExpression: _not,
    tree.LogicalOrExpression: _binary(
        lambda left, right: is_true(left) or is_true(right), looks_inside=False
    ),
    tree.LtExpression: _ordered(operator.lt),
    tree.NeExpression: _binary(lambda left, right: not values.equals(left, right)),
}
