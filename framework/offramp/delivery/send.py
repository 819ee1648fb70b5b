"""Sends payloads through an action: one call of the plugin per request, and its result."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import attrs

from offramp.delivery.batching import Parcel
from offramp.delivery.bisection import Bisection, Sent, Tried
from offramp.delivery.breaker import MIDDLEWARE, REMEDIES
from offramp.delivery.failures import MiddlewareFailedError, as_delivery_error, is_ours
from offramp.delivery.instance import InstanceRuntime
from offramp.delivery.judging import judged
from offramp.delivery.limits import Line
from offramp.delivery.pipeline import Pipeline
from offramp.errors import DeliveryError, RequestTimeoutError
from offramp.http import Exchange

#: Seconds for one call of an action, however many requests it makes: 30 times the longest single
#: request, so that only calls that would never end are ended.
LONGEST_CALL_SECONDS: Final = 300.0


@attrs.frozen(kw_only=True)
class _Answer:
    """The result of one call of an action: an outcome per payload, or one error for all."""

    outcomes: list[DeliveryError | None] = attrs.field(factory=list)
    error: DeliveryError | None = None
    exchange: Exchange | None = None
    held_back: bool = False


async def send(
    runtime: InstanceRuntime,
    pipeline: Pipeline,
    parcels: Sequence[Parcel],
    line: Line | None = None,
) -> list[Sent]:
    """Deliver parcels in as few requests as possible; returns one `Sent` for each, in order.

    A batch whose error a single payload may have caused is halved until the bad payloads are
    alone: see `Bisection`. After the `line` is closed, requests that have not begun are held back.
    """
    sending = _Sending(runtime=runtime, pipeline=pipeline, line=line or Line())
    bisection = Bisection(
        gate=runtime.gate,
        idempotent=pipeline.policy.idempotency_window is not None,
        attempt=sending.attempt,
    )
    if pipeline.action.batches:
        return await bisection.send(parcels)
    return [sent for parcel in parcels for sent in await bisection.send([parcel])]


@attrs.frozen(kw_only=True)
class _Sending:
    """Sends payloads of one subscription, one request at a time."""

    runtime: InstanceRuntime
    pipeline: Pipeline
    line: Line

    async def attempt(self, parcels: Sequence[Parcel], paced: bool) -> Tried | None:  # noqa: FBT001
        """Send parcels in one request; `None` if the gate refused it."""
        gate = self.runtime.gate
        started = gate.now()
        single = len(parcels) == 1 and self.pipeline.action.performs
        method = "perform" if single else "perform_batch"
        answer = await _call(self.runtime, self.pipeline, parcels, self.line, method, paced=paced)
        if answer.held_back:
            return None
        whole = answer.error
        if isinstance(whole, MiddlewareFailedError):
            gate.hold(MIDDLEWARE, whole.message, REMEDIES[MIDDLEWARE])
        return Tried(
            outcomes=[whole] * len(parcels) if whole is not None else answer.outcomes,
            error=whole,
            exchange=answer.exchange,
            started=started,
        )


async def _call(  # noqa: PLR0913 - all parts of one call
    runtime: InstanceRuntime,
    pipeline: Pipeline,
    parcels: Sequence[Parcel],
    line: Line,
    method: str = "perform_batch",
    *,
    paced: bool = False,
) -> _Answer:
    """Call a method of the action with all payloads, or `perform` with a single one."""
    if not await line.enter(runtime.gate, len(parcels), half=paced):
        return _Answer(held_back=True)
    call = getattr(pipeline.action, method)
    payloads = [parcel.prepared.payload for parcel in parcels]
    given: Any = payloads[0] if method == "perform" else payloads
    client = None
    bound = asyncio.timeout(LONGEST_CALL_SECONDS)
    try:
        # Making the client also runs code of the plugin: `extend_request`.
        client = runtime.client(pipeline, [parcel.event for parcel in parcels])
        wires = (parcel.prepared.wire for parcel in parcels)
        client.mask = pipeline.secrets.mask_wires(client.mask, wires)
        async with bound:
            value = await runtime.perform(client, call, given)
        outcomes = judged(client, pipeline.action, method, value, len(parcels))
        return _Answer(outcomes=outcomes, exchange=client.kept())
    except BaseException as error:
        if is_ours(error):
            raise
        failed = _endless() if bound.expired() else as_delivery_error(error)
        mask = pipeline.secrets.mask(runtime.mask) if client is None else client.mask
        runtime.bugs.note(pipeline.subscription.id, failed, mask)
        return _Answer(error=failed, exchange=None if client is None else client.kept())
    finally:
        runtime.gate.leave()


def _endless() -> DeliveryError:
    # Not necessarily a fault of the plugin: the partner may be slow.
    return RequestTimeoutError(f"the action did not end within {LONGEST_CALL_SECONDS:g} s")
