"""@merge: merges several objects into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from offramp.js.units import characters
from offramp.mapping.check import (
    OPTIONAL,
    REQUIRED,
    object_or_directive,
    one_of,
    plain_list,
)
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.options import read_options
from offramp.mapping.nodes import NOTHING
from offramp.mapping.values import Keep, numbered, present
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.check import Checker
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node


def compile_merge(spec: Any, compiler: Compiler) -> Node:
    """`{"@merge": {"direction": "right", "objects": […]}}`: merges objects into one.

    The last object wins; with the direction `left`, the first wins. Texts and lists count as
    objects with their indexes as keys; other values are ignored.
    """
    options = read_options(spec, compiler, "direction", "objects")
    if options is None:
        return NOTHING
    objects = options["objects"]
    if type(objects) is not list:
        return compiler.fault("objects", f"expected a list, got {shown(objects)}")
    keep = max(compiler.keep, Keep.TOP)
    direction = compiler.node(options["direction"], "direction")
    parts = [compiler.node(each, f"objects[{at}]", keep=keep) for at, each in enumerate(objects)]

    def merge(direction: Any, *members: Any) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for one in reversed(members) if direction == "left" else members:
            if type(one) is dict:
                merged.update(one)
            else:
                _assign(merged, one)
        return merged if compiler.keep else present(merged)

    return compiler.apply(merge, direction, *parts)


def _assign(merged: dict[str, Any], value: Any) -> None:
    if isinstance(value, (list, str)):
        merged.update(numbered(characters(value) if isinstance(value, str) else value))


def check_merge(checker: Checker, spec: Any, place: str) -> None:
    """Check the options and each of the objects."""
    if checker.options(spec, place, _OPTIONS) and type(spec.get("objects")) is list:
        for at, each in enumerate(spec["objects"]):
            object_or_directive(checker, each, f"{place}.objects[{at}]")


_OPTIONS: Final = {
    "direction": (OPTIONAL, one_of("left", "right")),
    "objects": (REQUIRED, plain_list),
}

MERGE: Final = Directive(compile=compile_merge, check=check_merge)
