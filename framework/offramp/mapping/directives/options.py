"""Reads the options of a directive when it is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from offramp.js.values import is_truthy
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler


def read_options(spec: Any, compiler: Compiler, *required: str) -> dict[str, Any] | None:
    """The options of a directive, or None, with the fault reported, if it cannot run with them."""
    if type(spec) is not dict:
        wanted = " and ".join(repr(name) for name in required)
        compiler.fault("", f"expected an object with {wanted}, got {shown(spec)}")
        return None
    missing = [name for name in required if not is_truthy(spec.get(name))]
    for name in missing:
        compiler.fault(
            name if name in spec else "",
            f"{name!r} must not be empty; write it instead of {shown(spec[name])}"
            if name in spec
            else f"{name!r} is missing; add it to {shown(spec)}",
        )
    return None if missing else spec
