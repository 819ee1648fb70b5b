"""Runs events from the trigger to the outcome as production does, without queue and waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from offramp import _json
from offramp.delivery import (
    AttemptResult,
    InstanceRuntime,
    Plan,
    PreparedEvent,
    deliver_batch,
    in_batches,
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
    now = runtime.clock()
    ends: dict[int, TestedDelivery] = {}
    ready: list[tuple[int, PreparedEvent]] = []
    for place, given in enumerate(events):
        event = as_queued(given)
        if matching and not plan.matches(event):
            message = f"the trigger is false: {plan.subscription.trigger}"
            ends[place] = TestedDelivery(
                event=event, outcome=Stage.FILTERED, code=NO_MATCH, message=message
            )
            continue
        try:
            prepared = plan.prepare(event, now=now)
        except RejectedError as error:
            ends[place] = _failed(runtime, plan, error, {"event": event}, retryable=False)
        except Exception as error:  # noqa: BLE001 - as a worker survives it
            failure = plugin_failure(error)
            ends[place] = _failed(runtime, plan, failure, {"event": event}, retryable=True)
        else:
            ready.append((place, prepared))
    for batch in in_batches(plan.batch, ready):
        results = await deliver_batch(runtime, plan, [prepared for _, prepared in batch])
        for (place, prepared), each in zip(batch, results, strict=True):
            ends[place] = _end(runtime, plan, prepared, each)
    return tuple(ends[place] for place in range(len(events)))


def _end(
    runtime: InstanceRuntime, plan: Plan, prepared: PreparedEvent, result: AttemptResult
) -> TestedDelivery:
    known = {
        "event": prepared.event,
        "payload": prepared.payload,
        "fields": _json.loads(prepared.wire),
        "kept": result.exchange,
    }
    if result.error is None:
        return TestedDelivery(outcome=Stage.DELIVERED, **known)
    return _failed(runtime, plan, result.error, known, retryable=result.retryable)


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
