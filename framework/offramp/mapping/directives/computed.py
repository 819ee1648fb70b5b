"""`@path` and `@template` whose text is computed by another directive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from offramp.mapping.nodes import Apply
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node


def with_computed_text(
    spec: Any, compiler: Compiler, evaluate: Callable[[str, Any], Any], what: str
) -> Node:
    """The node that evaluates in the scope the text of a part; fails if that is not a text."""
    part = compiler.node(spec)

    def checked(text: Any, scope: Any) -> Any:
        if not isinstance(text, str):
            raise compiler.error(f"expected {what} as a string, got {shown(text)}")
        return evaluate(text, scope)

    node = Apply(checked, (part, compiler.read(())))
    # A constant that is not a string fails for every event; a string still needs the event.
    is_fault = part.constant is not None and not isinstance(part.constant.value, str)
    return compiler.fold(node, part) if is_fault else node
