"""The thirteen directives of Segment, each by its name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from offramp.mapping.directives.conditions import compile_exclude_when_null, compile_if
from offramp.mapping.directives.json_text import compile_json
from offramp.mapping.directives.liquid import compile_liquid
from offramp.mapping.directives.replace import compile_replace
from offramp.mapping.directives.shapes import (
    compile_array_path,
    compile_flatten,
    compile_merge,
    compile_transform,
)
from offramp.mapping.directives.texts import (
    compile_case,
    compile_literal,
    compile_path_directive,
    compile_template_directive,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offramp.mapping.compiler import CompileDirective

#: Directive name -> its compile function; plugins add to a copy of it.
BUILTIN_DIRECTIVES: Final[Mapping[str, CompileDirective]] = MappingProxyType(
    {
        "@arrayPath": compile_array_path,
        "@case": compile_case,
        "@excludeWhenNull": compile_exclude_when_null,
        "@flatten": compile_flatten,
        "@if": compile_if,
        "@json": compile_json,
        "@liquid": compile_liquid,
        "@literal": compile_literal,
        "@merge": compile_merge,
        "@path": compile_path_directive,
        "@replace": compile_replace,
        "@template": compile_template_directive,
        "@transform": compile_transform,
    }
)
