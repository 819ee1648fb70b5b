"""Events on the production path, from the trigger to the outcome, with no queue and no waiting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from offramp import _json
from offramp.delivery import InstanceRuntime, Parcel, Pipeline, Sent, send
from offramp.delivery.limits import Gate
from offramp.delivery.retry import decide
from offramp.delivery.router import NO_MATCH
from offramp.errors import DeliveryError, RejectedError
from offramp.queue import Stage
from offramp.testing.tested import TestedDelivery

Event = Mapping[str, Any]


class OpenGate(Gate):
    """Lets every request through at once: a test is about what is sent, not about when."""

    def __init__(self) -> None:
        super().__init__(now=float)

    async def enter(self) -> None:
        """Never waits."""

    def leave(self) -> None:
        """Nobody waits for the place."""

    def note(self, error: DeliveryError | None) -> None:
        """Learns nothing, so that the next request is not held back."""


def as_queued(event: Event) -> dict[str, Any]:
    """An event as the queue hands it over: numbers exact, and nothing shared with the test."""
    queued: dict[str, Any] = _json.loads(_json.dumps(event))
    return queued


async def deliver(
    runtime: InstanceRuntime, pipeline: Pipeline, events: Sequence[Event], *, matching: bool
) -> tuple[TestedDelivery, ...]:
    """Deliver events as a lane would in one turn; `matching` asks the trigger first."""
    now = runtime.clock()
    ends: dict[int, TestedDelivery] = {}
    ready: list[tuple[int, Parcel]] = []
    for place, given in enumerate(events):
        event = as_queued(given)
        if matching and not pipeline.matches(event):
            told = f"the trigger is false: {pipeline.subscription.trigger}"
            ends[place] = TestedDelivery(
                event=event, outcome=Stage.FILTERED, code=NO_MATCH, message=told
            )
            continue
        try:
            parcel = Parcel(prepared=pipeline.prepare(event, now=now), event=event)
        except RejectedError as error:
            ends[place] = _failed(runtime, pipeline, error, {"event": event})
        else:
            ready.append((place, parcel))
    for batch in _batches(pipeline, ready):
        sent = await send(runtime, pipeline, [parcel for _, parcel in batch])
        for (place, parcel), each in zip(batch, sent, strict=True):
            ends[place] = _end(runtime, pipeline, parcel, each)
    return tuple(ends[place] for place in range(len(events)))


def _end(
    runtime: InstanceRuntime, pipeline: Pipeline, parcel: Parcel, sent: Sent
) -> TestedDelivery:
    known = {
        "event": parcel.event,
        "payload": parcel.prepared.payload,
        "fields": _json.loads(parcel.prepared.wire),
        "kept": sent.exchange,
    }
    if sent.error is None:
        return TestedDelivery(outcome=Stage.DELIVERED, **known)
    return _failed(runtime, pipeline, sent.error, known)


def _failed(
    runtime: InstanceRuntime, pipeline: Pipeline, error: DeliveryError, known: dict[str, Any]
) -> TestedDelivery:
    now = runtime.clock()
    decision = decide(
        pipeline.policy, error, attempt=1, accepted_at=now, opened_at=now, now=now, luck=1.0
    )
    return TestedDelivery(
        outcome=decision.stage,
        code=error.code,
        message=runtime.mask(error.message),
        status=error.status,
        retry_in=None if decision.retry_at is None else decision.retry_at - now,
        error=error,
        **known,
    )


def _batches(
    pipeline: Pipeline, ready: Sequence[tuple[int, Parcel]]
) -> Iterator[list[tuple[int, Parcel]]]:
    batch = pipeline.batch
    if batch is None:
        yield from ([each] for each in ready)
        return
    open_batches: dict[Any, _OpenBatch] = {}
    for place, parcel in ready:
        key = parcel.prepared.group
        size = len(parcel.prepared.wire) + 1  # and the comma between two
        held = open_batches.setdefault(key, _OpenBatch())
        if held.parcels and (
            len(held.parcels) == batch.max_events or held.size + size > batch.max_bytes
        ):
            yield held.parcels
            held = open_batches[key] = _OpenBatch()
        held.parcels.append((place, parcel))
        held.size += size
    yield from (held.parcels for held in open_batches.values())


@attrs.define
class _OpenBatch:
    parcels: list[tuple[int, Parcel]] = attrs.field(factory=list)
    size: int = 0
