"""Finds the payloads that make a batch fail, by halving it until each of them is alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from offramp.delivery.batch import PreparedBatch
from offramp.delivery.breaker import TOO_MANY_REQUESTS, refuses_credentials
from offramp.delivery.failures import MiddlewareFailedError, PluginFailedError
from offramp.delivery.limits import Gate
from offramp.delivery.memory import NO_PAST, Past
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
class Verdict:
    """What an attempt says of some events of a batch: one value for all that fared alike."""

    #: Their indexes in the batch, ascending.
    indexes: Sequence[int]
    error: DeliveryError | None = None
    exchange: Exchange | None = None
    #: Whether an error is retried; refused credentials may be, too.
    retryable: bool = False
    #: What to remember for the next attempt.
    past: Past | None = None
    #: Not sent, as the instance or subscription is held; neither error nor success.
    held_back: bool = False


@attrs.frozen(kw_only=True)
class RequestResult:
    """The result of one request."""

    #: The error of the whole request, if it failed as a whole.
    error: DeliveryError | None = None
    #: Otherwise, by index, the errors of single payloads; the others were accepted.
    errors: Mapping[int, DeliveryError] = attrs.field(factory=dict)
    exchange: Exchange | None
    #: When it began, by the gate's clock, in seconds.
    started: float

    def error_of(self, index: int) -> DeliveryError | None:
        """The error of a payload."""
        return self.error or self.errors.get(index)


#: Sends events in one request, at the pace of halves or not; `None` if it was not let through.
SendRequest: TypeAlias = Callable[[PreparedBatch, bool], Awaitable[RequestResult | None]]


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


def is_halved(
    error: DeliveryError, *, again: bool, idempotent: bool, content_statuses: Collection[int]
) -> bool:
    """Whether a batch with this error is halved; `again`: some of it failed like this before."""
    if error.status in content_statuses and not error.retryable:
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

    @property
    def indexes(self) -> range:
        return range(self.start, self.stop)

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

    def note(self, result: RequestResult, size: int, *, defer: bool) -> None:
        """Report a request of so many events.

        With `defer`, its failure counts together with those of its halves.
        """
        errors = [result.error] if result.error is not None else [*result.errors.values()]
        accepted = result.error is None and len(result.errors) < size
        # A fault of the plugin says nothing about the partner.
        of_partner = [each for each in errors if not isinstance(each, PluginFailedError)]
        failing = [each for each in of_partner if _speaks_of_the_partner(each)]
        well = [each for each in of_partner if not _speaks_of_the_partner(each)]
        if accepted or well:
            self._passed = True
            self._deferred.clear()
            self._gate.note(None if accepted else well[0], started=result.started)
        throttled = [each for each in failing if each.status == TOO_MANY_REQUESTS]
        if throttled:
            self._gate.note(throttled[0])
        elif failing and not (accepted or well):
            self._fail(failing[0], defer=defer)

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
    #: The statuses that blame the content of a request.
    content_statuses: Collection[int] = CONTENT_STATUSES

    async def send(self, batch: PreparedBatch) -> list[Verdict]:
        """Deliver a batch; the verdicts have each of its indexes once.

        Needs at most 2 * k * ceil(log2 n) + 1 requests for k bad of n, breadth first, so that a
        good part is found soon. Parts that are not let through are held back.
        """
        verdicts: list[Verdict] = []
        pasts = _pasts_of(batch)
        weak = len(batch) == 1 and batch.attempt_of(batch.positions[0]) >= WEAK_ATTEMPT
        tally = _Tally(self.gate, expected=self._is_expected(batch, pasts), weak=weak)
        suspects = any(past.together is not None for past in pasts)
        parts = deque([_Part(start=0, stop=len(batch), paced=suspects)])
        while parts:
            part = parts.popleft()
            events = batch.pick(part.indexes)
            result = await self.request(events, part.paced)
            if result is None:
                verdicts += _turned_away(part, events)
                continue
            halves = self._halves(part, events, result.error)
            if not self._is_final_refusal(part, events, result.error):
                tally.note(result, part.size, defer=part.half or part.paced or bool(halves))
            parts += halves
            if not halves:
                verdicts += self._verdicts(part, events, result)
        tally.close()
        return verdicts

    def _halves(
        self, part: _Part, events: PreparedBatch, error: DeliveryError | None
    ) -> tuple[_Part, ...]:
        if error is None or part.size == 1:
            return ()
        again = part.again or any(self._met(past, error) for past in _pasts_of(events))
        statuses = self.content_statuses
        if not is_halved(error, again=again, idempotent=self.idempotent, content_statuses=statuses):
            return ()
        of_content = error.status in statuses and not error.retryable
        return part.halves(paced=not of_content, again=not of_content)

    def _met(self, past: Past, error: DeliveryError) -> bool:
        """Whether a delivery had an error of this kind before."""
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

    def _is_expected(self, batch: PreparedBatch, pasts: Sequence[Past]) -> bool:
        """Whether a failure is expected: of a known bad payload, or of a counted event."""
        if any(map(self._fails_alone, pasts)):
            return True
        counted = len(batch) == 1 and any(past.failed_at is not None for past in pasts)
        return counted and not self.gate.needs_probe

    def _is_final_refusal(
        self, part: _Part, events: PreparedBatch, error: DeliveryError | None
    ) -> bool:
        """Whether only this event is refused, which says nothing about the credentials."""
        if error is None or part.size > 1:
            return False
        past = events.past(0)
        return past is not None and refuses_credentials(error) and self._is_refused_alone(past)

    def _verdicts(self, part: _Part, events: PreparedBatch, result: RequestResult) -> list[Verdict]:
        if result.error is None and not result.errors:
            return [Verdict(indexes=part.indexes, exchange=result.exchange)]
        return [
            self._verdict(part, indexes, events.past(indexes[0]), result)
            for indexes in _alike(events, result)
        ]

    def _verdict(
        self,
        part: _Part,
        indexes: Sequence[int],
        past: Past | None,
        result: RequestResult,
    ) -> Verdict:
        places = [part.start + index for index in indexes]
        error = result.error_of(indexes[0])
        if error is None:
            return Verdict(indexes=places, exchange=result.exchange)
        past = past or NO_PAST
        refused = refuses_credentials(error)
        alone = part.size == 1 or result.error is None
        retryable = error.retryable or (refused and not (alone and self._is_refused_alone(past)))
        return Verdict(
            indexes=places,
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


def _pasts_of(events: PreparedBatch) -> list[Past]:
    """How the events failed before that did."""
    if not events.pasts:
        return []
    return [past for index in range(len(events)) if (past := events.past(index)) is not None]


def _alike(events: PreparedBatch, result: RequestResult | None) -> Iterable[list[int]]:
    """The indexes of events that fared alike, before and now."""
    # By identity: a plugin's own error class may define equality in any way.
    groups: dict[tuple[int, int], list[int]] = {}
    for index in range(len(events)):
        error = None if result is None else result.error_of(index)
        groups.setdefault((id(error), id(events.past(index))), []).append(index)
    return groups.values()


def _turned_away(part: _Part, events: PreparedBatch) -> Iterator[Verdict]:
    """Hold back a part that was not let through; events of a half stay in its company."""
    for indexes in _alike(events, None):
        past = events.past(indexes[0])
        if part.half:
            past = attrs.evolve(past or NO_PAST, together=part.size)
        yield Verdict(indexes=[part.start + index for index in indexes], held_back=True, past=past)
