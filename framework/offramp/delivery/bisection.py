"""Finds the payloads that make a batch fail, by halving it until each of them is alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import attrs

from offramp.delivery.breaker import TOO_MANY_REQUESTS, refuses_credentials
from offramp.delivery.failures import MiddlewareFailedError, PluginFailedError
from offramp.delivery.limits import Gate
from offramp.delivery.memory import NO_PAST, Past
from offramp.delivery.plan import PreparedEvent
from offramp.errors import FIRST_SERVER_STATUS, ConnectionFailedError, DeliveryError
from offramp.http import Exchange

#: Statuses that blame the content of a request, so that a part of it may succeed; 409 means that
#: something in it exists already.
CONTENT_STATUSES: Final = frozenset({400, 409, 413, 422})
#: Status of a request that took too long; the partner may have accepted its payloads.
TIMEOUT_STATUS: Final = 408
#: From this attempt on, after two failures, an event's failure says little about the partner.
WEAK_ATTEMPT: Final = 3
#: If this number of parts of a batch fail and none succeeds, it counts for the breaker: both halves
#: and all four quarters. A batch with up to three bad payloads has a good quarter.
HALVES_TO_COUNT: Final = 6


@attrs.frozen(kw_only=True)
class AttemptResult:
    """The result of one attempt; payloads with the same result share one object."""

    error: DeliveryError | None
    exchange: Exchange | None
    #: Whether an error is retried; refused credentials may be, too.
    retryable: bool = False
    #: What to remember for the next attempt.
    past: Past | None = None
    #: Not sent, as the instance or subscription is held; neither error nor success.
    held_back: bool = False


@attrs.frozen(kw_only=True)
class RequestResult:
    """The result of one request."""

    #: One for each payload, in their order.
    outcomes: Sequence[DeliveryError | None]
    #: The error of the whole request, if it failed as a whole.
    error: DeliveryError | None
    exchange: Exchange | None
    #: When it began, by the gate's clock, in seconds.
    started: float


#: Sends payloads in one request, at the pace of halves or not; `None` if it was not let through.
SendRequest: TypeAlias = Callable[[Sequence[PreparedEvent], bool], Awaitable[RequestResult | None]]


def may_be_one(error: DeliveryError, *, idempotent: bool) -> bool:
    """Whether a single payload may cause this error: a fault of the plugin, or a 5xx.

    A timeout counts only if the partner recognizes repeats (`idempotent`). Errors of the network
    and of middleware concern all requests, so they never count.
    """
    if isinstance(error, MiddlewareFailedError):
        return False
    if isinstance(error, PluginFailedError):
        return True
    if isinstance(error, ConnectionFailedError) or not error.retryable:
        return False
    if error.status == TIMEOUT_STATUS:
        return idempotent
    return error.status >= FIRST_SERVER_STATUS


def is_halved(error: DeliveryError, *, again: bool, idempotent: bool) -> bool:
    """Whether a batch with this error is halved; `again`: some of it failed like this before."""
    if error.status in CONTENT_STATUSES and not error.retryable:
        return True
    return again and (refuses_credentials(error) or may_be_one(error, idempotent=idempotent))


@attrs.frozen(kw_only=True)
class _Part:
    """A part of a batch, by the indexes of its payloads."""

    start: int
    stop: int
    #: Whether it is sent at the pace of halves.
    paced: bool
    #: Whether it is part of a batch that failed.
    half: bool = False
    #: Whether the batch failed again, so that the part is halved at once.
    again: bool = False

    @property
    def size(self) -> int:
        return self.stop - self.start

    def halves(self, *, paced: bool, again: bool) -> tuple[_Part, _Part]:
        middle = (self.start + self.stop) // 2
        new = attrs.evolve(self, half=True, paced=self.paced or paced, again=self.again or again)
        return attrs.evolve(new, stop=middle), attrs.evolve(new, start=middle)


class _Tally:
    """Reports the requests of one batch to the gate; failing halves count only if none succeeds."""

    def __init__(self, gate: Gate, *, expected: bool, weak: bool) -> None:
        self._gate = gate
        #: Whether the single event that is sent may be the cause of a failure.
        self._weak = weak
        #: Whether some payloads are known to fail while others succeed.
        self._expected = expected
        self._passed = False
        self._deferred: list[DeliveryError] = []

    def note(self, result: RequestResult, *, defer: bool) -> None:
        """Report one request; `defer`: its failure counts together with those of its halves."""
        of_partner = [each for each in result.outcomes if not isinstance(each, PluginFailedError)]
        if not of_partner:
            return  # a fault of the plugin says nothing about the partner
        failing = [each for each in of_partner if each is not None and _speaks_of_the_partner(each)]
        if len(failing) < len(of_partner):
            self._succeed(of_partner, result.started)
        throttled = [each for each in failing if each.status == TOO_MANY_REQUESTS]
        if throttled:
            self._gate.note(throttled[0])
        elif len(failing) == len(of_partner):
            self._fail(failing[0], defer=defer)

    def _succeed(self, of_partner: Sequence[DeliveryError | None], started: float) -> None:
        self._passed = True
        self._deferred.clear()
        well = [each for each in of_partner if each is None or not _speaks_of_the_partner(each)]
        taken = any(each is None for each in well)
        self._gate.note(None if taken else well[0], started=started)

    def _fail(self, error: DeliveryError, *, defer: bool) -> None:
        blamed = may_be_one(error, idempotent=True)
        refused = refuses_credentials(error)
        if (self._expected and blamed) or (self._passed and (blamed or refused)):
            self._gate.obey(error)
        elif defer:
            self._gate.obey(error)
            self._deferred.append(error)
            if len(self._deferred) > HALVES_TO_COUNT:
                self.close()
        else:
            self._gate.note(error, weak=self._weak)

    def close(self) -> None:
        """Report the failures of a batch if no part of it succeeded."""
        deferred, self._deferred = self._deferred, []
        for error in deferred:
            self._gate.note(error, weak=self._weak)


@attrs.frozen(kw_only=True)
class Bisection:
    """Sends payloads in as few requests as possible, and finds the bad ones."""

    gate: Gate
    #: Whether the partner recognizes a repeat.
    idempotent: bool
    request: SendRequest

    async def send(self, events: Sequence[PreparedEvent]) -> list[AttemptResult]:
        """Deliver events; one `AttemptResult` for each, in their order.

        Needs at most 2 * k * ceil(log2 n) + 1 requests for k bad of n, breadth first, so that a
        good part is found soon. Parts that are not let through are held back.
        """
        results: list[AttemptResult] = [
            AttemptResult(error=None, exchange=None, held_back=True)
        ] * len(events)
        pasts = [each.past for each in events if each.past is not None]
        weak = len(events) == 1 and events[0].attempt >= WEAK_ATTEMPT
        tally = _Tally(self.gate, expected=self._is_expected(events, pasts), weak=weak)
        suspects = any(past.together is not None for past in pasts)
        parts = deque([_Part(start=0, stop=len(events), paced=suspects)])
        while parts:
            part = parts.popleft()
            those = events[part.start : part.stop]
            result = await self.request(those, part.paced)
            if result is None:
                results[part.start : part.stop] = [_turned_away(each, part) for each in those]
                continue
            halves = self._halves(part, those, result)
            if not self._is_final_refusal(part, those, result.error):
                tally.note(result, defer=part.half or part.paced or bool(halves))
            parts += halves
            if not halves:
                results[part.start : part.stop] = self._results(part, those, result)
        tally.close()
        return results

    def _halves(
        self, part: _Part, events: Sequence[PreparedEvent], result: RequestResult
    ) -> tuple[_Part, ...]:
        error = result.error
        if error is None or part.size == 1:
            return ()
        again = part.again or any(self._met(each.past, error) for each in events)
        if not is_halved(error, again=again, idempotent=self.idempotent):
            return ()
        of_content = error.status in CONTENT_STATUSES and not error.retryable
        return part.halves(paced=not of_content, again=not of_content)

    def _met(self, past: Past | None, error: DeliveryError) -> bool:
        """Whether a delivery had an error of this kind before."""
        if past is None:
            return False
        if refuses_credentials(error):
            return self._is_refused_alone(past)
        return past.failed_at is not None

    def _is_refused_alone(self, past: Past) -> bool:
        """Whether the partner accepted another request since this one was refused."""
        return past.refused_at is not None and self.gate.proven_at > past.refused_at

    def _fails_alone(self, past: Past) -> bool:
        """Whether the partner accepted another request since this one failed, or is known to."""
        if past.together == 1:
            return True
        return past.failed_at is not None and self.gate.proven_at > past.failed_at

    def _is_expected(self, events: Sequence[PreparedEvent], pasts: Sequence[Past]) -> bool:
        """Whether a failure is expected: of a known bad payload, or of a counted event."""
        if any(map(self._fails_alone, pasts)):
            return True
        counted = len(events) == 1 and any(past.failed_at is not None for past in pasts)
        return counted and not self.gate.needs_probe

    def _is_final_refusal(
        self, part: _Part, events: Sequence[PreparedEvent], error: DeliveryError | None
    ) -> bool:
        """Whether only this event is refused, which says nothing about the credentials."""
        past = events[0].past
        if error is None or past is None or part.size > 1:
            return False
        return refuses_credentials(error) and self._is_refused_alone(past)

    def _results(
        self, part: _Part, events: Sequence[PreparedEvent], result: RequestResult
    ) -> list[AttemptResult]:
        # By identity: a plugin's own error class may define equality in any way.
        known: dict[tuple[int, int], AttemptResult] = {}
        results = []
        for event, error in zip(events, result.outcomes, strict=True):
            key = id(error), id(event.past)
            if key not in known:
                known[key] = self._result(part, event.past, error, result)
            results.append(known[key])
        return results

    def _result(
        self, part: _Part, past: Past | None, error: DeliveryError | None, result: RequestResult
    ) -> AttemptResult:
        if error is None:
            return AttemptResult(error=None, exchange=result.exchange)
        past = past or NO_PAST
        refused = refuses_credentials(error)
        alone = part.size == 1 or result.error is None
        retryable = error.retryable or (refused and not (alone and self._is_refused_alone(past)))
        return AttemptResult(
            error=error,
            exchange=result.exchange,
            retryable=retryable,
            past=self._next_past(part, past, error, refused=refused) if retryable else None,
        )

    def _next_past(self, part: _Part, past: Past, error: DeliveryError, *, refused: bool) -> Past:
        now = self.gate.now()
        if part.half:
            past = attrs.evolve(past, together=part.size)
        if refused:
            return attrs.evolve(past, refused_at=now)
        if not may_be_one(error, idempotent=True):
            return past
        if part.size == 1 and self._fails_alone(past):
            past = attrs.evolve(past, together=1)
        return attrs.evolve(past, failed_at=now)


def _speaks_of_the_partner(error: DeliveryError) -> bool:
    return error.retryable or refuses_credentials(error)


def _turned_away(event: PreparedEvent, part: _Part) -> AttemptResult:
    past = event.past
    if part.half:
        past = attrs.evolve(past or NO_PAST, together=part.size)
    return AttemptResult(error=None, exchange=None, held_back=True, past=past)
