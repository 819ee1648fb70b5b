"""Triggers, each read once: what parse, check and delivery know of one and the same text."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final

import attrs

from offramp.config.overlap import Bounds, bounds_of
from offramp.errors import Fault, TriggerError
from offramp.fql import Trigger, compile_trigger
from offramp.fql.segment import segment_reading

#: Triggers that are kept, so that a change reads only its own. Some 5 KB each, with what is
#: compiled of them; more than any known configuration has.
KEPT_TRIGGERS: Final = 10_000
#: The fault of an enabled subscription without a trigger.
MISSING_TRIGGER: Final = 'is missing: say which events, for example type = "track"'


@attrs.frozen(eq=False)
class TriggerReading:
    """A compiled trigger, and what can be told of it before any event came."""

    trigger: Trigger

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is hardly meant, and what Segment would read otherwise."""
        return (*self.trigger.warnings, *segment_reading(self.trigger.text))

    @cached_property
    def bounds(self) -> Bounds:
        """What all events that it selects have in common."""
        return bounds_of(self.trigger.tree)


@lru_cache(maxsize=KEPT_TRIGGERS)
def read_trigger(text: str | None) -> TriggerReading:
    """The reading of a trigger, the same for the same text; raises `TriggerError`, for None too."""
    if text is None:
        raise TriggerError([Fault("$", MISSING_TRIGGER)])
    return TriggerReading(compile_trigger(text))
