"""@path, @template, @literal and @case: one value of the event, as it is or as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offramp.js.values import is_truthy
from offramp.mapping.code import Join
from offramp.mapping.directives.options import read_options
from offramp.mapping.path import look_up, path_text, split_path
from offramp.mapping.template import (
    compile_template,
    references,
    render_template,
    texts_around,
)
from offramp.mapping.values import NOTHING, Constant, Resolver
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from offramp.mapping.compiler import Compiler


def compile_path_directive(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@path": "$.properties.plan"}`: the value at a path."""
    if isinstance(spec, str):
        return compiler.read(split_path(spec))
    return _of_computed_text(
        spec, compiler, lambda path, scope: look_up(scope, split_path(path)), "a path"
    )


def compile_template_directive(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@template": "Hello {{traits.name}}"}`: text with placeholders."""
    if not isinstance(spec, str):
        meter = compiler.meter()
        return _of_computed_text(
            spec, compiler, lambda text, scope: render_template(text, scope, meter), "a template"
        )
    placeholders = references(spec)
    for keys in placeholders:
        compiler.reads(path_text(compiler.scope, keys))
    if not placeholders:
        return Constant(spec)
    texts = texts_around(spec)
    if texts is None:
        meter = compiler.meter()
        return lambda scope: render_template(spec, scope, meter)
    if not compiler.reads_free(len(placeholders), sum(map(len, texts))):
        return compile_template(spec, compiler.meter())
    resolver = compile_template(spec, None)
    if () in placeholders:
        return resolver
    return compiler.written(resolver, Join(texts, tuple(placeholders)))


def compile_literal(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@literal": true}`: the value itself; directives inside it work as elsewhere."""
    return compiler.compile(spec, keep=compiler.keep)


def compile_case(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@case": {"operator": "upper", "value": …}}`: text in upper or lower case."""
    options = read_options(spec, compiler, "operator")
    if options is None or not is_truthy(options.get("value")):
        return NOTHING
    operator = options["operator"]
    change = _CASES.get(operator) if isinstance(operator, str) else None
    get = compiler.compile(options["value"], "value", keep=compiler.keep)

    def in_case(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if change is None:
            message = f'expected the operator "lower" or "upper", got {shown(operator)}'
            raise compiler.error(message)
        return change(value)

    return compiler.apply(in_case, get)


_CASES: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper}


def _of_computed_text(
    spec: Any, compiler: Compiler, evaluate: Callable[[str, Any], Any], what: str
) -> Resolver:
    get = compiler.compile(spec)

    def resolve(scope: Any) -> Any:
        text = get(scope)
        if not isinstance(text, str):
            raise compiler.error(f"expected {what} as a string, got {shown(text)}")
        return evaluate(text, scope)

    # A constant that is no string fails for every event; a string needs the event all the same.
    if isinstance(get, Constant) and not isinstance(get.value, str):
        return compiler.fold(resolve, get)
    return resolve
