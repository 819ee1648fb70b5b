"""Logs deliveries that fail: the first at once, then once a minute with their number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from offramp.queue import Outcome, Stage

log = logging.getLogger(__name__)

#: Seconds between two log lines about the same subscription and reason.
QUIET_SECONDS: Final = 60.0
#: Reasons of all subscriptions that are remembered; with more, all counts start again.
MOST_TOLD: Final = 1_000


@attrs.define
class _Told:
    at: float
    #: Failures since the last log line.
    more: int = 0


class Alarm:
    """Logs failures among the outcomes; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str, str], _Told] = {}

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Log failures, unless the same subscription and reason was logged recently."""
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
