"""Check and structure in one: the checked payload, and the instance that is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from offramp.definition import Fields
from offramp.payload.check import Check
from offramp.payload.quick import compile_quick

P = TypeVar("P")


def compile_pair(
    fields: Fields, payload_type: type[P], check: Check, structure: Callable[[dict[str, Any]], P]
) -> Callable[[dict[str, Any]], tuple[dict[str, Any], P]]:
    """Compile what answers as `check` and then `structure` do, sooner where all is as usual.

    `check` is of the fields, `structure` of the class; both do the work where something is not as
    usual, and find the faults.
    """

    def careful(raw: dict[str, Any]) -> tuple[dict[str, Any], P]:
        checked = check(raw)
        return checked, structure(checked)

    return (
        compile_quick(fields, careful, payload_type) if attrs.has(payload_type) else None
    ) or careful
