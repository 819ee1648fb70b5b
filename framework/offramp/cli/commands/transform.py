"""Commands for writing mappings and triggers: `transform` and `match`, a filter each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter

from offramp.cli.context import Context
from offramp.cli.events import read_events, write_line
from offramp.cli.mappings import read_mapping
from offramp.errors import TransformError
from offramp.fql import compile_trigger
from offramp.hooks import Command
from offramp.mapping import compile_mapping


class Authoring:
    """Filters for writing mappings and triggers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [self.transform, self.match]

    def transform(
        self,
        mapping: str | None = None,
        *,
        destination: str = "",
        action: str = "",
    ) -> int:
        """Shape events by a mapping: events in on standard input, a line each, results out.

        Where an event cannot be shaped, its fault goes to standard error and the status is 1.

        Parameters
        ----------
        mapping
            The mapping as JSON, or @FILE. Laid over an action's defaults if one is named.
        destination
            A destination, together with --action.
        action
            An action, whose default mapping is then used.
        """
        spec = _defaults(self._context, destination, action) | read_mapping(mapping)
        compiled = compile_mapping(
            spec, directives=self._context.catalog.directives, clock=time.time
        )
        failed = 0
        for number, event in enumerate(read_events(), start=1):
            try:
                write_line(compiled(event))
            except TransformError as error:
                failed = 1
                self._context.err.print(f"event {number}: {error}", markup=False, soft_wrap=True)
        return failed

    def match(
        self,
        trigger: str,
        *,
        verdict: Annotated[bool, Parameter(negative="")] = False,
        why: Annotated[bool, Parameter(negative="")] = False,
    ) -> None:
        """Pass on the events that a trigger selects: events in on standard input, a line each.

        Parameters
        ----------
        trigger
            FQL, for example: type = "track" and event = "Order Completed"
        verdict
            Write a verdict for every event instead of passing on those selected.
        why
            With the truth of each condition.
        """
        compiled = compile_trigger(trigger)
        for event in read_events():
            matches = compiled(event)
            if verdict or why:
                told = {"messageId": event.get("messageId"), "matches": matches}
                write_line(told | ({"why": compiled.explain(event)} if why else {}))
            elif matches:
                write_line(event)


def _defaults(context: Context, destination: str, action: str) -> dict[str, Any]:
    if not destination:
        return {}
    entry = context.catalog[destination]
    return entry.action(action or next(iter(entry.actions))).default_mapping
