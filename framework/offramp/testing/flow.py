"""Runs events from the trigger to the outcome as production does, without queue and waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from offramp import _json
from offramp.delivery import (
    InstanceRuntime,
    Parcel,
    Pipeline,
    Sent,
    in_batches,
    plugin_failure,
    send,
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
    runtime: InstanceRuntime, pipeline: Pipeline, events: Sequence[Event], *, matching: bool
) -> tuple[TestedDelivery, ...]:
    """Deliver events as a worker does in one turn; `matching` applies the trigger."""
    now = runtime.clock()
    ends: dict[int, TestedDelivery] = {}
    ready: list[tuple[int, Parcel]] = []
    for place, given in enumerate(events):
        event = as_queued(given)
        if matching and not pipeline.matches(event):
            message = f"the trigger is false: {pipeline.subscription.trigger}"
            ends[place] = TestedDelivery(
                event=event, outcome=Stage.FILTERED, code=NO_MATCH, message=message
            )
            continue
        try:
            prepared = Parcel(prepared=pipeline.prepare(event, now=now), event=event)
        except RejectedError as error:
            ends[place] = _failed(runtime, pipeline, error, {"event": event}, retryable=False)
        except Exception as error:  # noqa: BLE001 - as a lane survives it
            failure = plugin_failure(error)
            ends[place] = _failed(runtime, pipeline, failure, {"event": event}, retryable=True)
        else:
            ready.append((place, prepared))
    for batch in in_batches(pipeline.batch, ready):
        sent = await send(runtime, pipeline, [prepared for _, prepared in batch])
        for (place, prepared), each in zip(batch, sent, strict=True):
            ends[place] = _end(runtime, pipeline, prepared, each)
    return tuple(ends[place] for place in range(len(events)))


def _end(
    runtime: InstanceRuntime, pipeline: Pipeline, prepared: Parcel, sent: Sent
) -> TestedDelivery:
    known = {
        "event": prepared.event,
        "payload": prepared.prepared.payload,
        "fields": _json.loads(prepared.prepared.wire),
        "kept": sent.exchange,
    }
    if sent.error is None:
        return TestedDelivery(outcome=Stage.DELIVERED, **known)
    return _failed(runtime, pipeline, sent.error, known, retryable=sent.retryable)


def _failed(
    runtime: InstanceRuntime,
    pipeline: Pipeline,
    error: DeliveryError,
    known: dict[str, Any],
    *,
    retryable: bool,
) -> TestedDelivery:
    now = runtime.clock()
    decision = decide(
        pipeline.policy,
        retryable=retryable,
        asked=min(error.retry_after or 0.0, runtime.gate.max_retry_after),
        attempt=1,
        accepted_at=now,
        opened_at=now,
        now=now,
        luck=1.0,
    )
    return TestedDelivery(
        outcome=decision.stage,
        code=error.code,
        message=pipeline.mask_of(runtime.mask, known["event"])(error.message),
        status=error.status,
        retry_in=None if decision.retry_at is None else decision.retry_at - now,
        error=error,
        **known,
    )
