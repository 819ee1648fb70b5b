"""`offramp transform`: applies a mapping to events, to try it out."""

from __future__ import annotations

import time
from typing import Any

from offramp.cli.context import Context
from offramp.cli.events import read_events, write_line
from offramp.cli.mappings import read_mapping
from offramp.errors import TransformError
from offramp.mapping import compile_mapping


def transform(
    context: Context,
    mapping: str | None = None,
    *,
    destination: str = "",
    action: str = "",
) -> int:
    """Apply a mapping to events: read one event per line, write one result per line.

    If an event cannot be mapped, its error is written to standard error, and the exit status is 1.

    Parameters
    ----------
    mapping
        The mapping as JSON, or @FILE. With --action it replaces fields of the default mapping.
    destination
        The destination of the action.
    action
        The action whose default mapping is used.
    """
    spec = _defaults(context, destination, action) | read_mapping(mapping)
    compiled = compile_mapping(spec, directives=context.catalog.directives, clock=time.time)
    failed = 0
    for number, event in enumerate(read_events(), start=1):
        try:
            write_line(compiled(event))
        except TransformError as error:
            failed = 1
            context.err.print(f"event {number}: {error}", markup=False, soft_wrap=True)
    return failed


def _defaults(context: Context, destination: str, action: str) -> dict[str, Any]:
    if not destination:
        return {}
    entry = context.catalog[destination]
    return entry.action(action or next(iter(entry.actions))).default_mapping
