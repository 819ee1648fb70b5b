"""The circuit breaker of an instance: whether it is held back, why, and when to probe it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import attrs

from offramp.config import MAX_RETRY_AFTER_SECONDS
from offramp.errors import (
    CREDENTIAL_STATUSES,
    AddressRefusedError,
    DeliveryError,
    InvalidAuthenticationError,
    RejectedError,
)
from offramp.http import EGRESS_REMEDY

#: Failures in a row that open the breaker.
FAILURES_TO_OPEN: Final = 5
#: Refusals (401, 403) in a row that hold the instance; one may concern a single event.
REFUSALS_TO_HOLD: Final = 2
#: The first rest of a held instance, in seconds; each failed probe doubles it, up to the longest.
FIRST_REST_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 60.0
#: Seconds between two looks whether what is missing is there now.
MISSING_LOOK_SECONDS: Final = 0.5
TOO_MANY_REQUESTS: Final = 429


@attrs.frozen(kw_only=True)
class Hold:
    """Why an instance is held back. The message may hold secrets: mask it before it is shown."""

    #: `failures`, `credentials`, `retry_after` and others; lower case, for programs.
    code: str
    #: What happened, in one sentence.
    message: str
    #: What a person can do, in one sentence.
    remedy: str


FAILURES: Final = "failures"
CREDENTIALS: Final = "credentials"
#: The addresses of the instance's requests are refused, see `[host.egress]`.
EGRESS: Final = "egress"
RETRY_AFTER: Final = "retry_after"
MIDDLEWARE: Final = "middleware"
#: The instance has no OAuth 2 grant, or the partner withdrew it; no probe is sent.
GRANT: Final = "grant"
#: Code -> what a person can do.
REMEDIES: Final = {
    FAILURES: "one event at a time is tried until the partner accepts it",
    CREDENTIALS: "change the settings of the instance, or connect it again where it uses OAuth: "
    "the partner refuses the credentials",
    EGRESS: EGRESS_REMEDY,
    RETRY_AFTER: "requests continue after the pause that the partner asked for",
    MIDDLEWARE: "fix or block the plugin of this middleware; one event at a time is tried",
}


def refuses_credentials(error: DeliveryError) -> bool:
    """Whether an error is a 401 or 403, and not a plugin's rejection of a payload.

    A refused address is one too: it likely concerns every request of the instance.
    """
    if isinstance(error, RejectedError) and not isinstance(error, InvalidAuthenticationError):
        return False
    return error.status in CREDENTIAL_STATUSES


def _nothing_missing() -> Hold | None:
    """For an instance that needs no grant."""
    return None


def with_asked_pause(message: str, asked: float | None, *, cap: float) -> str:
    """Add to a message the pause that the partner asked for, and for how long it is obeyed."""
    if not asked:
        return message
    kept = f", obeyed for {cap:g} s" if asked > cap else ""
    return f"{message} (Retry-After: {asked:.12g} s{kept})"


class Breaker:
    """Opens and closes by the answers of the partner; `now` gives monotonic seconds.

    A held instance rests, then one event is sent as a probe. Success ends the hold, failure
    doubles the rest. If a weak probe fails, whose event may be the cause, the rest is as at first.
    """

    def __init__(
        self, *, now: Callable[[], float], max_retry_after: float = MAX_RETRY_AFTER_SECONDS
    ) -> None:
        self._now = now
        #: Why nothing can be sent, not even a probe, until a person acts.
        self.missing: Callable[[], Hold | None] = _nothing_missing
        self._max_retry_after = max_retry_after
        self._hold: Hold | None = None
        self._held_since = -math.inf
        #: When the first hold or asked pause began after the last success.
        self._troubled_since: float | None = None
        #: The answer in which the partner asked for a pause.
        self._asked = ""
        self._closed_until = -math.inf
        self._failures = 0
        self._refusals = 0
        #: The next rest, in seconds.
        self._next_rest = FIRST_REST_SECONDS
        #: The latest start of a request that the partner accepted; refusals before it are in doubt.
        self.proven_at = -math.inf

    @property
    def held(self) -> Hold | None:
        """Why no request, or only a probe, is sent now; `None` if requests are sent."""
        if (missing := self.missing()) is not None:
            return missing
        if self._hold is not None or not self.pause:
            return self._hold
        return Hold(code=RETRY_AFTER, message=self._asked, remedy=REMEDIES[RETRY_AFTER])

    @property
    def held_for(self) -> float:
        """Seconds for which the instance has been held, but for probes; 0 if it is not held now.

        Only a success ends that time: pauses that the partner asks for again and again are one.
        """
        if self._troubled_since is None or self.held is None:
            return 0.0
        return self._now() - self._troubled_since

    @property
    def needs_probe(self) -> bool:
        """Whether a probe must succeed before requests are sent again."""
        return self._hold is not None

    @property
    def pause(self) -> float:
        """Seconds until a request may be sent; 0 if it may now."""
        if self.missing() is not None:
            return MISSING_LOOK_SECONDS
        return max(0.0, self._closed_until - self._now())

    def hold(self, code: str, message: str, remedy: str) -> None:
        """Hold the instance back until a probe succeeds; also called after a failed probe."""
        self._note_trouble()
        if self._hold is None:
            self._held_since = self._now()
            self._next_rest = FIRST_REST_SECONDS
            self._rest()
        elif not self.pause:  # an answer that comes during a rest is not of a probe
            self._rest()
        self._hold = Hold(code=code, message=message, remedy=remedy)

    def succeed(self, error: DeliveryError | None, started: float) -> None:
        """Note that the partner works: it accepted a request, or refused its content (`error`).

        A request that started before the hold says nothing about it.
        """
        if error is None:
            self.proven_at = max(self.proven_at, started)
        if self._hold is not None and started < self._held_since:
            return
        self._failures = self._refusals = 0
        self._hold = None
        if self._troubled_since is not None and started >= self._troubled_since:
            self._troubled_since = None

    def fail(self, error: DeliveryError, *, weak: bool = False) -> None:
        """Note a failure of the partner, or a refusal of the credentials."""
        probed = self._hold is not None and not self.pause
        self.obey(error)
        if refuses_credentials(error):
            self._refusals += 1
            if probed or self._refusals >= REFUSALS_TO_HOLD:
                code = EGRESS if isinstance(error, AddressRefusedError) else CREDENTIALS
                self.hold(code, error.message, REMEDIES[code])
        elif error.status != TOO_MANY_REQUESTS:  # a 429 shows that the partner works
            self._failures += 1
            if self._hold is None and self._failures >= FAILURES_TO_OPEN:
                self.hold(FAILURES, error.message, REMEDIES[FAILURES])
        if probed and not self.pause:
            if weak:
                self._closed_until = self._now() + FIRST_REST_SECONDS
            else:
                self._rest()

    def obey(self, error: DeliveryError) -> None:
        """Send nothing for the `Retry-After` of an answer, up to the cap."""
        if error.retry_after:
            self._note_trouble()
            until = self._now() + min(error.retry_after, self._max_retry_after)
            self._asked = with_asked_pause(
                error.message, error.retry_after, cap=self._max_retry_after
            )
            self._closed_until = max(self._closed_until, until)

    def _note_trouble(self) -> None:
        if self._troubled_since is None:
            self._troubled_since = self._now()

    def _rest(self) -> None:
        self._closed_until = max(self._closed_until, self._now() + self._next_rest)
        self._next_rest = min(LONGEST_REST_SECONDS, 2 * self._next_rest)
