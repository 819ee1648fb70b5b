"""Logins to the control API that were refused: counted, and told in the log, not too often."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from offramp.web import caller_address

log = logging.getLogger(__name__)

Reason: TypeAlias = Literal["no_token", "wrong_token"]
REASONS: Final[tuple[Reason, ...]] = ("no_token", "wrong_token")
#: Seconds between two lines, so that whoever guesses does not fill the log.
QUIET_SECONDS: Final = 60.0


class RefusedLogins(Collector):
    """Notes each; `clock` is in seconds and only moves forward, `proxies` are before the host."""

    def __init__(self, *, proxies: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = proxies
        self._clock = clock
        self._counts: Counter[Reason] = Counter()
        self._told_at: float | None = None
        self._more = 0

    def note(self, reason: Reason, request: web.Request) -> None:
        """Count one; tell who it was, unless another was told of a moment ago."""
        self._counts[reason] += 1
        now = self._clock()
        if self._told_at is not None and now - self._told_at < QUIET_SECONDS:
            self._more += 1
            return
        more = f", and {self._more} more since the last time this was told" if self._more else ""
        self._told_at, self._more = now, 0
        address = caller_address(request, self._proxies) or request.remote or "an unknown address"
        what = "without a token" if reason == "no_token" else "with a wrong token"
        log.warning(
            "the control API was asked %s from %s%s", what, address, more,
            extra={"action": "login_refused", "reason": reason, "address": address},
        )  # fmt: skip

    def collect(self) -> Iterator[Metric]:
        """The counts, for Prometheus."""
        family = CounterMetricFamily(
            "offramp_api_logins_refused",
            "Requests to the control API without its token, or with a wrong one.",
            labels=("reason",),
        )
        for reason in REASONS:
            family.add_metric([reason], self._counts[reason])
        yield family
