"""Logs failures, each soon and not too often: of deliveries, and of plugins with tracebacks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from offramp.delivery.failures import PluginFailedError
from offramp.http import Mask, readable
from offramp.place import full_traceback, place_in_plugin
from offramp.queue import Outcome, Stage

log = logging.getLogger(__name__)

#: Seconds between two log lines about the same subscription and reason.
QUIET_SECONDS: Final = 60.0
#: Reasons of all subscriptions that are remembered; with more, all counts start again.
MAX_REASONS: Final = 1_000
#: Distinct faults of one instance that are logged with tracebacks; a fault whose place differs each
#: time must not fill the disk.
MAX_FAULTS: Final = 100
#: Characters of a traceback that are logged, from its end, which says most.
MAX_TRACEBACK_CHARACTERS: Final = 20_000


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

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Log failures, unless the same subscription and reason was logged recently."""
        for outcome in outcomes:
            if outcome.stage is not Stage.DELIVERED:
                self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
        key = (outcome.lease.lane, outcome.stage.value, outcome.reason)
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
            subscription, outcome.lease.message_id, stage, more, reason, outcome.message,
            extra={
                "action": "delivery_failed", "subscription": subscription,
                "stage": stage, "reason": reason,
            },
        )  # fmt: skip


@attrs.define(eq=False)
class PluginFaults:
    """The faults of one instance's plugins that were logged, each once."""

    _logged: set[tuple[str, str]] = attrs.field(factory=set, init=False)

    def note(self, subscription: str, error: BaseException, mask: Mask) -> None:
        """Log what a plugin raised, unless the same was logged before; ignore other failures."""
        cause = error.__cause__
        if not isinstance(error, PluginFailedError) or cause is None:
            return
        place = place_in_plugin(cause) or ""
        key = (type(cause).__name__, place)
        if key in self._logged or len(self._logged) >= MAX_FAULTS:
            return
        self._logged.add(key)
        # Not `exc_info`: the text of an exception may hold a secret.
        trace = readable(mask(full_traceback(cause)))[-MAX_TRACEBACK_CHARACTERS:].rstrip()
        log.error(
            "%s: %s\n%s",
            subscription, readable(mask(error.message)), trace,
            extra={"action": "plugin_failed", "subscription": subscription},
        )  # fmt: skip
