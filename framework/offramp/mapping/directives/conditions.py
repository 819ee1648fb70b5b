"""@if and @excludeWhenNull: a value that depends on whether there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from offramp.js.text import js_string
from offramp.js.values import UNSET, is_truthy
from offramp.mapping.code import Choose
from offramp.mapping.directives.options import read_options
from offramp.mapping.values import NOTHING, Constant, Keep, Resolver
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler

#: What `_exists` asks, as code.
_EXISTS: Final = "{value} is not None and {value} is not absent"


def compile_if(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@if": {"exists": …, "then": …, "else": …}}`, or `blank` in the place of `exists`.

    `exists` holds for all but null and nothing; `blank`, in spite of its name, for what is not
    blank: neither of these, nor "", 0, false or [].
    """
    options = read_options(spec, compiler)
    if options is None:
        return NOTHING
    if not is_truthy(options.get("exists")) and not is_truthy(options.get("blank")):
        return compiler.fault("", f"'exists' or 'blank' is missing in {shown(spec)}; add one")
    # "else" counts if it is truthy, "then" if it is there: `"else": 0` gives nothing.
    then = _branch(options, "then", compiler, present="then" in options)
    otherwise = _branch(options, "else", compiler, present=is_truthy(options.get("else")))
    name = "exists" if "exists" in options else "blank"
    get = compiler.compile(options[name], name)
    holds = _exists if name == "exists" else _has_content
    if isinstance(get, Constant):
        return then if holds(get.value) else otherwise
    return compiler.written(
        lambda scope: then(scope) if holds(get(scope)) else otherwise(scope),
        Choose(get, holds, then, otherwise, _EXISTS if name == "exists" else None),
    )


def compile_exclude_when_null(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@excludeWhenNull": …}`: the value without nulls, at any depth of its objects."""
    get = compiler.compile(spec, keep=compiler.keep)
    return compiler.apply(_CLEANERS[compiler.keep], get)


def _branch(options: dict[str, Any], name: str, compiler: Compiler, *, present: bool) -> Resolver:
    return compiler.compile(options[name], name, keep=compiler.keep) if present else NOTHING


def _exists(value: Any) -> bool:
    return value is not None and value is not UNSET


def _has_content(value: Any) -> bool:
    if value is None or value is UNSET:
        return False
    match value:
        case dict():
            return True
        case list():
            # JavaScript compares a list with "" by the text that its items make.
            return bool(js_string(value))
        case _:
            return bool(value)


def _without_nulls(value: Any) -> Any:
    if value is None:
        return UNSET
    if type(value) is not dict:
        return value
    return {key: _without_nulls(item) for key, item in value.items() if item is not None}


def _top_nulls_absent(value: Any) -> Any:
    if type(value) is not dict:
        return _without_nulls(value)
    return {key: _without_nulls(item) for key, item in value.items()}


def _nulls_absent(value: Any) -> Any:
    if type(value) is not dict:
        return _without_nulls(value)
    return {key: _nulls_absent(item) for key, item in value.items()}


_CLEANERS = {
    Keep.NONE: _without_nulls,
    Keep.TOP: _top_nulls_absent,
    Keep.ALL: _nulls_absent,
}
