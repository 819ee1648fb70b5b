"""Counts refused logins to the control API, and logs them at a limited rate."""

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
#: Seconds between two lines in the log, so that guessing a token does not fill it.
QUIET_SECONDS: Final = 60.0


class RefusedLogins(Collector):
    """Counts each; `clock` is monotonic, in seconds; `proxies` is the number before the host."""

    def __init__(self, *, proxies: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = proxies
        self._clock = clock
        self._counts: Counter[Reason] = Counter()
        self._told_at: float | None = None
        self._more = 0

    def note(self, reason: Reason, request: web.Request) -> None:
        """Count one; log its address, unless another was logged within `QUIET_SECONDS`."""
        self._counts[reason] += 1
        now = self._clock()
        if self._told_at is not None and now - self._told_at < QUIET_SECONDS:
            self._more += 1
            return
        more = f", and {self._more} more since this was last logged" if self._more else ""
        self._told_at, self._more = now, 0
        address = caller_address(request, self._proxies) or request.remote or "an unknown address"
        what = "without a token" if reason == "no_token" else "with a wrong token"
        log.warning(
            "the control API refused a request %s from %s%s", what, address, more,
            extra={"action": "login_refused", "reason": reason, "address": address},
        )  # fmt: skip

    def collect(self) -> Iterator[Metric]:
        """Return the counts for Prometheus."""
        family = CounterMetricFamily(
            "offramp_api_logins_refused",
            "Requests to the control API without its token, or with a wrong one.",
            labels=("reason",),
        )
        for reason in REASONS:
            family.add_metric([reason], self._counts[reason])
        yield family
