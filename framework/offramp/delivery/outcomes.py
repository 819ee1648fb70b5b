"""Makes what is stored of deliveries from what their attempt said."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from offramp import _json
from offramp.config import Pauses
from offramp.delivery.batch import PreparedBatch
from offramp.delivery.bisection import Verdict
from offramp.delivery.breaker import refuses_credentials, with_asked_pause
from offramp.delivery.failures import PluginCode, as_delivery_error, plugin_failure
from offramp.delivery.plan import Plan
from offramp.delivery.retry import Decision, decide, wait_for_clock
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.secrecy import masked_json, shown_code
from offramp.errors import DeliveryError, RejectedError
from offramp.http import Mask, readable
from offramp.queue import Clock, Lease, LeasePart, Outcome, Stage

DELIVERED: Final = "OK"
#: Longest stored message of a failure, in characters.
MAX_MESSAGE_CHARACTERS: Final = 10_000


@attrs.frozen(kw_only=True)
class Settlement:
    """What became of a part of a lease: the arguments of `Queue.settle`."""

    lease: Lease
    #: That of all deliveries but the exceptions.
    outcome: Outcome | None = None
    #: Position in the lease -> another outcome.
    exceptions: Mapping[int, Outcome] = attrs.field(factory=dict)

    @classmethod
    def of(cls, lease: Lease, outcomes: Mapping[int, Outcome]) -> Settlement:
        """What became of the deliveries of a lease at some positions."""
        positions = sorted(outcomes)
        exceptions = {at: outcomes[position] for at, position in enumerate(positions)}
        return cls(lease=lease.pick(positions), exceptions=exceptions)

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Each position with its outcome."""
        for position in range(len(self.lease)):
            outcome = self.exceptions.get(position, self.outcome)
            if outcome is not None:
                yield position, outcome


@attrs.frozen(kw_only=True)
class OutcomeMaker:
    """Makes the outcomes of one subscription; `jitter` gives 0 to 1."""

    plan: Plan
    runtime: InstanceRuntime
    clock: Clock
    jitter: Callable[[], float] = random.random
    #: Times that the retry window does not count.
    pauses: Pauses = attrs.field(factory=Pauses)

    def of_verdicts(
        self, lease: Lease, batch: PreparedBatch, verdicts: Iterable[Verdict]
    ) -> Settlement:
        """Make what is stored of a batch that was attempted; what was held back is left out."""
        usual: Outcome | None = None
        others: dict[int, Outcome] = {}
        held_back: set[int] = set()
        exchanges: dict[int, bytes] = {}
        for verdict in verdicts:
            if verdict.held_back:
                held_back.update(verdict.indexes)
                continue
            exchange = _exchange_of(verdict, exchanges)
            if verdict.error is not None:
                failed = self._of_verdict(lease, batch, verdict, verdict.error, exchange)
                others.update(zip(verdict.indexes, failed, strict=True))
            elif usual is None:
                usual = _delivered(verdict, exchange)
            else:
                others |= dict.fromkeys(verdict.indexes, _delivered(verdict, exchange))
        if not held_back:
            return Settlement(lease=lease.pick(batch.positions), outcome=usual, exceptions=others)
        kept = [index for index in range(len(batch)) if index not in held_back]
        return Settlement(
            lease=lease.pick([batch.positions[index] for index in kept]),
            outcome=usual,
            exceptions={at: others[index] for at, index in enumerate(kept) if index in others},
        )

    def of_unprepared(self, lease: Lease, failures: Mapping[int, BaseException]) -> Settlement:
        """Make what is stored of events that could not become payloads, by position."""
        return Settlement.of(
            lease, {at: self._unprepared(lease, at, error) for at, error in failures.items()}
        )

    def _unprepared(self, lease: Lease, position: int, error: BaseException) -> Outcome:
        refused = isinstance(error, RejectedError)
        failure = as_delivery_error(error) if refused else plugin_failure(error)
        event: dict[str, Any] = {}
        with PluginCode():
            event = _json.loads(lease.bodies[position])
        mask = self.plan.mask_of(self.runtime.mask, event)
        self.runtime.faults.note(self.plan.subscription.id, failure, mask)
        doubt = self.clock.doubt
        if refused and doubt is not None:
            # A check may go by the time: it is made again once that is certain.
            failure = wait_for_clock(failure, doubt)
        [outcome] = self.failed(lease, [position], failure, attempted=not refused, mask=mask)
        return outcome

    def _of_verdict(
        self,
        lease: Lease,
        batch: PreparedBatch,
        verdict: Verdict,
        error: DeliveryError,
        exchange: bytes | None,
    ) -> Sequence[Outcome]:
        return self.failed(
            lease,
            [batch.positions[index] for index in verdict.indexes],
            error,
            retryable=verdict.retryable,
            payloads=[batch.wire(index) for index in verdict.indexes],
            exchange=exchange,
        )

    def failed(  # noqa: PLR0913 - what is known of a failure
        self,
        lease: Lease,
        positions: Sequence[int],
        error: DeliveryError,
        *,
        retryable: bool | None = None,
        attempted: bool = True,
        payloads: Sequence[bytes] | None = None,
        exchange: bytes | None = None,
        mask: Mask | None = None,
    ) -> list[Outcome]:
        """Make the outcome of each delivery at some positions; all of them failed alike.

        Those that were accepted together are tried again together after their first attempt, so
        that they may share a request. Later each waits by itself, as one of them may be the cause.
        """
        known: dict[tuple[float, ...], Decision] = {}
        outcomes = []
        for index, position in enumerate(positions):
            part, _ = lease.locate(position)
            alone = position if part.attempt > 1 else -1
            key = part.attempt, part.accepted_at, part.opened_at, alone
            if key not in known:
                known[key] = self._decide(part, error, retryable=retryable)
            payload = None if payloads is None else payloads[index]
            shown = mask or self._mask_of(payload)
            outcomes.append(
                Outcome(
                    stage=known[key].stage,
                    reason=shown_code(error, shown),
                    message=self._message(error, shown),
                    status=error.status,
                    retry_at=known[key].retry_at,
                    attempted=attempted,
                    payload=None if payload is None else self._shown(payload, shown),
                    exchange=exchange,
                )
            )
        return outcomes

    def _decide(self, part: LeasePart, error: DeliveryError, *, retryable: bool | None) -> Decision:
        now, age = self.clock(), self.clock.age
        paused = self.pauses.seconds(part.opened_at, now, age=age)
        return decide(
            self.plan.policy,
            retryable=error.retryable if retryable is None else retryable,
            asked=min(error.retry_after or 0.0, self.runtime.gate.max_retry_after),
            # Refused credentials hold the instance, whose probes already wait.
            attempt=1 if refuses_credentials(error) else part.attempt,
            accepted_at=now - self.clock.longest_age(part.accepted_at),
            opened_at=now - age(part.opened_at) + paused,
            now=now,
            jitter=self.jitter(),
            may_expire=self.clock.doubt is None,
        )

    def _message(self, error: DeliveryError, mask: Mask) -> str:
        cap = self.runtime.gate.max_retry_after
        message = with_asked_pause(error.message, error.retry_after, cap=cap)
        return readable(mask(message))[:MAX_MESSAGE_CHARACTERS]

    def _mask_of(self, payload: bytes | None) -> Mask:
        return self.plan.secrets.mask_wires(
            self.runtime.mask, lambda: () if payload is None else [payload]
        )

    def _shown(self, payload: bytes, mask: Mask) -> bytes:
        if self.plan.secrets.fields:
            payload = _json.dumps(self.plan.secrets.shown(_json.loads(payload)))
        return masked_json(payload, mask)


def _delivered(verdict: Verdict, exchange: bytes | None) -> Outcome:
    last = verdict.exchange
    return Outcome(
        stage=Stage.DELIVERED,
        reason=DELIVERED,
        status=None if last is None else last.status,
        exchange=exchange,
    )


def _exchange_of(verdict: Verdict, known: dict[int, bytes]) -> bytes | None:
    """Return the exchange as JSON; the same object for all that share it, so it is stored once."""
    if verdict.exchange is None:
        return None
    key = id(verdict.exchange)
    if key not in known:
        known[key] = _json.dumps(verdict.exchange.as_data())
    return known[key]
