"""@arrayPath: maps a list item by item."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.js.values import UNSET
from offramp.mapping.check import string_or_directive
from offramp.mapping.code import quick
from offramp.mapping.compiler import Directive, directive_name
from offramp.mapping.nodes import NOTHING, Node
from offramp.mapping.path import EACH_ITEM, path_text, split_path
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp._json import Reads
    from offramp.mapping.budget import Meter
    from offramp.mapping.check import Checker
    from offramp.mapping.code import Code
    from offramp.mapping.compiler import Compiler

#: Characters that `@arrayPath` may write into each item without a charge: in the 11,000 items of
#: the largest event they stay within the budget.
FREE_CHARACTERS: Final = 100


@attrs.frozen(eq=False, kw_only=True)
class EachItem(Node):
    """A list in which each item is mapped from an item of another list."""

    items: Node
    shape: Node
    place: str
    #: Characters of the keys and constants in each item, and the meter that is charged for them.
    written: int
    meter: Meter | None

    def run(self, scope: Any) -> Any:
        """The list; for an object a list of one item; any other value as it is."""
        return self._through(self.shape.run, self.items.run(scope))

    def emit(self, code: Code) -> str:
        """A call with the items; the mapping of an item is a separate function."""
        make = quick(self.shape, self.place)
        return code.call(partial(self._through, make), code.value(self.items))

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of the items, if it is written without a directive."""
        return self.items.paths

    @property
    def reads(self) -> Reads:
        """What the list reads; its items are read whole with it."""
        return self.items.reads

    def _through(self, make: Callable[[Any], Any], items: Any) -> Any:
        if type(items) is list:
            if self.meter is not None:
                self.meter.characters(self.written * len(items))
            return [make(item) for item in items]
        return [make(items)] if type(items) is dict else items


def compile_array_path(spec: Any, compiler: Compiler) -> Node:
    """`{"@arrayPath": ["$.products", {"sku": {"@path": "$.sku"}}]}`: maps each item.

    An object counts as a list of one item; any other value stays as it is.
    """
    if type(spec) is not list:
        return compiler.fault("", f"expected a list of a path and an object, got {shown(spec)}")
    path, shape = (*spec, UNSET, UNSET)[:2]
    items = _items(path, compiler)
    if type(shape) is not dict or not shape:
        return items
    each = _item_scope(path, compiler)
    made = compiler.node(shape, "[1]", scope=each, keep=compiler.keep.inside)
    if any(key.startswith("@") for key in shape):
        compiler.leaves_undefined()
    written = _constant_characters(shape)
    meter = compiler.meter() if written > FREE_CHARACTERS else None
    return EachItem(items=items, shape=made, place=compiler.place, written=written, meter=meter)


def _items(path: Any, compiler: Compiler) -> Node:
    if isinstance(path, str):
        return compiler.read(split_path(path))
    return NOTHING if path is UNSET else compiler.node(path, "[0]", keep=compiler.keep)


def _item_scope(path: Any, compiler: Compiler) -> str:
    if directive_name(path) == "@path":
        path = path["@path"]
    if isinstance(path, str):
        return path_text(compiler.scope, split_path(path)) + EACH_ITEM
    return compiler.made_at("[0]") + EACH_ITEM


def _constant_characters(spec: Any) -> int:
    """Characters of the keys and constants in each item, without its directives."""
    if type(spec) is dict:
        if any(key.startswith("@") for key in spec):
            return 0
        return sum(len(key) + _constant_characters(value) for key, value in spec.items())
    if type(spec) is list:
        return sum(map(_constant_characters, spec))
    return len(spec) if type(spec) is str else 1


def check_array_path(checker: Checker, spec: Any, place: str) -> None:
    """Check a list of a path and the mapping of each item."""
    if type(spec) is not list:
        checker.report(place, f"expected a list of a path and an object, got {shown(spec)}")
        return
    path, shape = (*spec, UNSET, UNSET)[:2]
    string_or_directive(checker, path, f"{place}[0]")
    checker.mapping(shape, f"{place}[1]")


ARRAY_PATH: Final = Directive(compile=compile_array_path, check=check_array_path)
