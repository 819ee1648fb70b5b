"""@path: the value at a path of the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from offramp.mapping.check import string_or_directive
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.computed import with_computed_text
from offramp.mapping.path import look_up, split_path

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node


def compile_path(spec: Any, compiler: Compiler) -> Node:
    """`{"@path": "$.properties.plan"}`: the value at a path."""
    if isinstance(spec, str):
        return compiler.read(split_path(spec))
    return with_computed_text(spec, compiler, _follow, "a path")


def _follow(path: str, scope: Any) -> Any:
    return look_up(scope, split_path(path))


PATH: Final = Directive(compile=compile_path, check=string_or_directive)
