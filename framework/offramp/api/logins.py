"""Counts refused logins to the control API, logs them, and slows down who guesses."""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from offramp.web import caller_address

log = logging.getLogger(__name__)

Reason: TypeAlias = Literal["no_token", "wrong_token", "wrong_code", "ended_session"]
#: Reason -> what the request had, for the log.
REASONS: Final[Mapping[Reason, str]] = {
    "no_token": "without a token",
    "wrong_token": "with a wrong token",
    "wrong_code": "with a wrong code",
    "ended_session": "with a session that has ended",
}
#: Seconds between two lines in the log, so that guessing a token does not fill it.
QUIET_SECONDS: Final = 60.0
#: Wrong tokens and codes with which one address may try to sign in, in a minute.
MOST_TRIES: Final = 10
TRIES_SECONDS: Final = 60.0
#: Addresses whose tries are remembered; with another one, the oldest is forgotten.
KEPT_ADDRESSES: Final = 1_000


class RefusedLogins(Collector):
    """Counts each; `clock` is monotonic, in seconds; `proxies` is the number before the host."""

    def __init__(self, *, proxies: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = proxies
        self._clock = clock
        self._counts: Counter[Reason] = Counter()
        self._told_at: float | None = None
        self._more = 0
        #: Address -> the times of its latest tries.
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def address_of(self, request: web.Request) -> str:
        """The caller's address, as it is logged."""
        return caller_address(request, self._proxies) or request.remote or "an unknown address"

    def note(self, reason: Reason, address: str) -> None:
        """Count one; log its address, unless another was logged within `QUIET_SECONDS`."""
        self._counts[reason] += 1
        now = self._clock()
        if self._told_at is not None and now - self._told_at < QUIET_SECONDS:
            self._more += 1
            return
        more = f", and {self._more} more since this was last logged" if self._more else ""
        self._told_at, self._more = now, 0
        log.warning(
            "the control API refused a request %s from %s%s", REASONS[reason], address, more,
            extra={"action": "login_refused", "reason": reason, "address": address},
        )  # fmt: skip

    def slow_down(self, address: str) -> None:
        """Remember that an address tried to sign in and could not."""
        tries = self._tries.pop(address, None) or deque(maxlen=MOST_TRIES)
        tries.append(self._clock())
        if len(self._tries) >= KEPT_ADDRESSES:
            self._tries.popitem(last=False)
        self._tries[address] = tries

    def seconds_to_wait(self, address: str) -> float:
        """Seconds until an address may try to sign in again; 0 if it may at once."""
        tries = self._tries.get(address)
        if tries is None or len(tries) < MOST_TRIES:
            return 0.0
        return max(tries[0] + TRIES_SECONDS - self._clock(), 0.0)

    def collect(self) -> Iterator[Metric]:
        """Return the counts for Prometheus."""
        family = CounterMetricFamily(
            "offramp_api_logins_refused",
            "Requests to the control API without its token, or with a wrong or ended login.",
            labels=("reason",),
        )
        for reason in REASONS:
            family.add_metric([reason], self._counts[reason])
        yield family
