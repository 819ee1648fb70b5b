"""Runs events from the trigger to the outcome as production does, without queue and waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from offramp import _json
from offramp.delivery import (
    InstanceRuntime,
    Plan,
    Preparation,
    PreparedBatch,
    Verdict,
    deliver_batch,
    plugin_failure,
)
from offramp.delivery.limits import Gate
from offramp.delivery.retry import decide
from offramp.delivery.router import NO_MATCH
from offramp.errors import DeliveryError, RejectedError
from offramp.queue import Stage
from offramp.testing.tested import TestedDelivery

Event = Mapping[str, Any]


class OpenGate(Gate):
    """Lets every request through at once: tests check what is sent, not when."""

    def __init__(self) -> None:
        super().__init__(now=float)

    async def enter(self, events: int = 1, *, half: bool = False) -> bool:  # noqa: ARG002
        """Never waits."""
        return True

    def leave(self) -> None:
        """Does nothing, since no request waits."""

    def note(
        self, error: DeliveryError | None, *, started: float | None = None, weak: bool = False
    ) -> None:
        """Ignores the result, so that the next request is not held back."""


def as_queued(event: Event) -> dict[str, Any]:
    """A copy of an event as the queue returns it, with exact numbers."""
    queued: dict[str, Any] = _json.loads(_json.dumps(event))
    return queued


async def deliver(
    runtime: InstanceRuntime, plan: Plan, events: Sequence[Event], *, matching: bool
) -> tuple[TestedDelivery, ...]:
    """Deliver events as a worker does in one turn; `matching` applies the trigger."""
    queued = [as_queued(event) for event in events]
    ends: dict[int, TestedDelivery] = {}
    if matching:
        message = f"the trigger is false: {plan.subscription.trigger}"
        ends = {
            place: TestedDelivery(
                event=event, outcome=Stage.FILTERED, code=NO_MATCH, message=message
            )
            for place, event in enumerate(queued)
            if not plan.matches(event)
        }
    places = [place for place in range(len(queued)) if place not in ends]
    made = Preparation(bodies=[_json.dumps(events[place]) for place in places])
    plan.prepare(made, now=runtime.clock(), settings_of=runtime.settings_of)
    for position, error in made.failures.items():
        refused = isinstance(error, RejectedError)
        failure = error if isinstance(error, RejectedError) else plugin_failure(error)
        event = queued[places[position]]
        ends[places[position]] = _failed(
            runtime, plan, failure, {"event": event}, retryable=not refused
        )
    for batch in made.batches(plan.batch):
        for verdict in await deliver_batch(runtime, plan, batch):
            for index in verdict.indexes:
                place = places[batch.positions[index]]
                ends[place] = _end(runtime, plan, queued[place], batch, index, verdict)
    return tuple(ends[place] for place in range(len(events)))


def _end(  # noqa: PLR0913, PLR0917 - an event, what was made of it, and what became of it
    runtime: InstanceRuntime,
    plan: Plan,
    event: Event,
    batch: PreparedBatch,
    index: int,
    verdict: Verdict,
) -> TestedDelivery:
    known = {
        "event": event,
        "payload": batch.payloads[index],
        "fields": _json.loads(batch.wire(index)),
        "kept": verdict.exchange,
    }
    if verdict.error is None:
        return TestedDelivery(outcome=Stage.DELIVERED, **known)
    return _failed(runtime, plan, verdict.error, known, retryable=verdict.retryable)


def _failed(
    runtime: InstanceRuntime,
    plan: Plan,
    error: DeliveryError,
    known: dict[str, Any],
    *,
    retryable: bool,
) -> TestedDelivery:
    now = runtime.clock()
    decision = decide(
        plan.policy,
        retryable=retryable,
        asked=min(error.retry_after or 0.0, runtime.gate.max_retry_after),
        attempt=1,
        accepted_at=now,
        opened_at=now,
        now=now,
        jitter=1.0,
    )
    return TestedDelivery(
        outcome=decision.stage,
        code=error.code,
        message=plan.mask_of(runtime.mask, known["event"])(error.message),
        status=error.status,
        retry_in=None if decision.retry_at is None else decision.retry_at - now,
        error=error,
        **known,
    )
