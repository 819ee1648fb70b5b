"""Logs deliveries that fail: the first at once, then once a minute with their number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Final

import attrs

from offramp.delivery.outcomes import Settlement
from offramp.queue import Lease, Outcome, Stage

log = logging.getLogger(__name__)

#: Seconds between two log lines about the same subscription and reason.
QUIET_SECONDS: Final = 60.0
#: Reasons of all subscriptions that are remembered; with more, all counts start again.
MAX_REASONS: Final = 1_000


@attrs.define
class _Logged:
    at: float
    #: Failures since the last log line.
    more: int = 0


class Alarm:
    """Logs failures among the outcomes; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logged: dict[tuple[str, str, str], _Logged] = {}

    def note(self, settlement: Settlement, lost: Collection[int] = ()) -> None:
        """Log failures, unless the same subscription and reason was logged recently.

        The positions in `lost` were not stored.
        """
        usual = settlement.outcome
        if not settlement.exceptions and usual is not None and usual.stage is Stage.DELIVERED:
            return
        for position, outcome in settlement.outcomes():
            if outcome.stage is not Stage.DELIVERED and position not in lost:
                self._note(settlement.lease, position, outcome)

    def _note(self, lease: Lease, position: int, outcome: Outcome) -> None:
        key = (lease.subscription, outcome.stage.value, outcome.reason)
        now = self._clock()
        logged = self._logged.get(key)
        if logged is not None and now - logged.at < QUIET_SECONDS:
            logged.more += 1
            return
        if len(self._logged) >= MAX_REASONS:
            self._logged.clear()
        self._logged[key] = _Logged(now)
        subscription, stage, reason = key
        more = f" and {logged.more} more in the last minutes" if logged and logged.more else ""
        log.warning(
            "%s: %s is %s%s, %s: %s",
            subscription, lease.delivery(position).message_id, stage, more, reason, outcome.message,
            extra={
                "action": "delivery_failed", "subscription": subscription,
                "stage": stage, "reason": reason,
            },
        )  # fmt: skip
