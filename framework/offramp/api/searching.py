"""Conditions on the JSON of stored events: for searches, and for replays of filtered events."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from offramp._json import Projection
from offramp.fql import compile_trigger

#: Whether the JSON of an event is meant.
BodyCondition: TypeAlias = Callable[[bytes], bool]


def body_condition(where: str) -> BodyCondition:
    """Compile FQL for the JSON of events; raises `TriggerError` with every fault and its column.

    The condition may be called in any thread. It parses of an event only what the text reads.
    """
    trigger = compile_trigger(where)
    read, matches = Projection(trigger.reads).read, trigger.matches
    return lambda body: matches(read(body))
