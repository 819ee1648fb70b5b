"""Telling the log of deliveries that fail: at once, and then once a minute with how many."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from offramp.queue import Outcome, Stage

log = logging.getLogger(__name__)

#: A lane that fails with one reason is told of so often at the most.
QUIET_SECONDS: Final = 60.0
#: Different reasons of all lanes that are remembered; beyond, all start afresh.
MOST_TOLD: Final = 1_000


@attrs.define
class _Told:
    at: float
    #: Failures since then that were not told of yet.
    more: int = 0


class Alarm:
    """Notes every outcome; `clock` is in seconds and only moves forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str, str], _Told] = {}

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Log what did not go well, unless the same was told a moment ago."""
        for outcome in outcomes:
            if outcome.stage is not Stage.DELIVERED:
                self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
        key = (outcome.lease.lane, outcome.stage.value, outcome.reason)
        now = self._clock()
        told = self._told.get(key)
        if told is not None and now - told.at < QUIET_SECONDS:
            told.more += 1
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[key] = _Told(now)
        lane, stage, reason = key
        more = f" and {told.more} more in the last minutes" if told and told.more else ""
        log.warning(
            "%s: %s is %s%s, %s: %s",
            lane, outcome.lease.message_id, stage, more, reason, outcome.message,
            extra={
                "action": "delivery_failed", "subscription": lane,
                "stage": stage, "reason": reason,
            },
        )  # fmt: skip
