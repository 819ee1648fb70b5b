"""`offramp match`: tries a trigger on events, and writes those that match."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from offramp.cli.context import Context
from offramp.cli.events import read_events, write_line
from offramp.fql import compile_trigger


def match(
    context: Context,  # noqa: ARG001 - every command gets it
    trigger: str,
    *,
    verdict: Annotated[bool, Parameter(negative="")] = False,
    why: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Filter events by a trigger: read one event per line, write those that match.

    Parameters
    ----------
    trigger
        FQL, for example: type = "track" and event = "Order Completed"
    verdict
        Write a result for every event instead of the events that match.
    why
        Write also the result of each condition.
    """
    compiled = compile_trigger(trigger)
    for event in read_events():
        matches = compiled(event)
        if verdict or why:
            line = {"messageId": event.get("messageId"), "matches": matches}
            write_line(line | ({"why": compiled.explain(event)} if why else {}))
        elif matches:
            write_line(event)
