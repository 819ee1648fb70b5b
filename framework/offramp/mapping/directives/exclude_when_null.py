"""@excludeWhenNull: removes nulls from a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from offramp.js.values import UNSET
from offramp.mapping.check import any_json
from offramp.mapping.compiler import Directive
from offramp.mapping.values import Keep

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node


def compile_exclude_when_null(spec: Any, compiler: Compiler) -> Node:
    """`{"@excludeWhenNull": …}`: the value without nulls, at any depth of its objects."""
    return compiler.apply(_CLEANERS[compiler.keep], compiler.node(spec, keep=compiler.keep))


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

EXCLUDE_WHEN_NULL: Final = Directive(compile=compile_exclude_when_null, check=any_json)
