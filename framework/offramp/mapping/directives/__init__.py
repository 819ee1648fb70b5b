"""The thirteen directives of Segment, each by its name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from offramp.mapping.directives.array_path import ARRAY_PATH
from offramp.mapping.directives.case import CASE
from offramp.mapping.directives.exclude_when_null import EXCLUDE_WHEN_NULL
from offramp.mapping.directives.flatten import FLATTEN
from offramp.mapping.directives.if_ import IF
from offramp.mapping.directives.json_text import JSON
from offramp.mapping.directives.liquid import LIQUID
from offramp.mapping.directives.literal import LITERAL
from offramp.mapping.directives.merge import MERGE
from offramp.mapping.directives.path import PATH
from offramp.mapping.directives.replace import REPLACE
from offramp.mapping.directives.template import TEMPLATE
from offramp.mapping.directives.transform import TRANSFORM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offramp.mapping.compiler import Directive

#: Directive by name; plugins add to a copy of it.
BUILTIN_DIRECTIVES: Final[Mapping[str, Directive]] = MappingProxyType(
    {
        "@arrayPath": ARRAY_PATH,
        "@case": CASE,
        "@excludeWhenNull": EXCLUDE_WHEN_NULL,
        "@flatten": FLATTEN,
        "@if": IF,
        "@json": JSON,
        "@liquid": LIQUID,
        "@literal": LITERAL,
        "@merge": MERGE,
        "@path": PATH,
        "@replace": REPLACE,
        "@template": TEMPLATE,
        "@transform": TRANSFORM,
    }
)
