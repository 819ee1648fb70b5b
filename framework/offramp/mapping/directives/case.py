"""@case: text in upper or lower case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from offramp.js.values import is_truthy
from offramp.mapping.check import OPTIONAL, options_of, string, string_or_directive
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.options import read_options
from offramp.mapping.nodes import NOTHING
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node


def compile_case(spec: Any, compiler: Compiler) -> Node:
    """`{"@case": {"operator": "upper", "value": …}}`: text in upper or lower case."""
    options = read_options(spec, compiler, "operator")
    if options is None or not is_truthy(options.get("value")):
        return NOTHING
    operator = options["operator"]
    change = _CASES.get(operator) if isinstance(operator, str) else None

    def in_case(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if change is None:
            message = f'expected the operator "lower" or "upper", got {shown(operator)}'
            raise compiler.error(message)
        return change(value)

    return compiler.apply(in_case, compiler.node(options["value"], "value", keep=compiler.keep))


_CASES: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper}

CASE: Final = Directive(
    compile=compile_case,
    check=options_of(operator=(OPTIONAL, string), value=(OPTIONAL, string_or_directive)),
)
