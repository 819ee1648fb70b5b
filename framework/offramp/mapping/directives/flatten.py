"""@flatten: joins nested keys into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from offramp.js.text import js_items
from offramp.js.values import is_truthy
from offramp.mapping.check import OPTIONAL, REQUIRED, any_json, options_of, string
from offramp.mapping.compiler import Directive, directive_name
from offramp.mapping.directives.options import read_options
from offramp.mapping.nodes import NOTHING, Apply
from offramp.mapping.values import Keep, numbered, present
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node

#: The types that `@flatten` opens.
_Types: TypeAlias = frozenset[type]
_OBJECTS: Final[_Types] = frozenset({dict})
_OBJECTS_AND_LISTS: Final[_Types] = frozenset({dict, list})


def compile_flatten(spec: Any, compiler: Compiler) -> Node:
    """`{"@flatten": {"separator": "_", "value": …, "omitArrays": true}}`: joins nested keys."""
    options = read_options(spec, compiler, "separator")
    if options is None:
        return NOTHING
    separator = compiler.node(options["separator"], "separator")
    value: Node = NOTHING
    if "value" in options:
        # An absent member replaces an equal flat key before it, so it must be kept until then.
        value = compiler.node(options["value"], "value", keep=Keep.ALL)
    keeps_lists = is_truthy(options.get("omitArrays"))
    opened = _OBJECTS if keeps_lists else _OBJECTS_AND_LISTS

    def separator_of(text: Any) -> str:
        if not isinstance(text, str):
            raise compiler.error(f"expected a separator as a string, got {shown(text)}")
        return text

    def flatten(text: str, nested: Any) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        _flatten(nested, "", text, flat, opened)
        return flat if compiler.keep else present(flat)

    if keeps_lists and directive_name(options.get("value")) != "@path":
        # A list that stays as it is may contain objects with absent members.
        compiler.leaves_undefined()
    checked: Node = separator
    if separator.constant is None or not isinstance(separator.constant.value, str):
        # A separator that is not a text is a fault before the value is evaluated.
        checked = Apply(separator_of, (separator,))
    return compiler.fold(Apply(flatten, (checked, value)), separator, value)


def _flatten(value: Any, prefix: str, separator: str, flat: dict[str, Any], opened: _Types) -> None:
    """Add each part of a value to `flat`, under the joined keys that lead to it."""
    if type(value) not in opened:
        flat[prefix] = value
        return
    members = js_items(value) if type(value) is dict else numbered(value)
    for key, item in members:
        below = f"{prefix}{separator}{key}" if prefix else key
        if type(item) in opened:
            _flatten(item, below, separator, flat, opened)
        else:
            flat[below] = item


FLATTEN: Final = Directive(
    compile=compile_flatten,
    check=options_of(separator=(OPTIONAL, string), value=(REQUIRED, any_json)),
)
