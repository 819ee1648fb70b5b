"""@literal: the value itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from offramp.mapping.check import any_json
from offramp.mapping.compiler import Directive

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node


def compile_literal(spec: Any, compiler: Compiler) -> Node:
    """`{"@literal": true}`: the value itself; directives inside it work as elsewhere."""
    return compiler.node(spec, keep=compiler.keep)


LITERAL: Final = Directive(compile=compile_literal, check=any_json)
