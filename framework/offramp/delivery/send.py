"""Sending payloads together, and finding the bad ones where a batch is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from offramp.delivery.batching import Parcel
from offramp.delivery.failures import PluginFailedError, as_delivery_error, is_ours, outcomes_of
from offramp.delivery.instance import InstanceRuntime
from offramp.delivery.limits import Line
from offramp.delivery.pipeline import Pipeline
from offramp.errors import DeliveryError, RequestTimeoutError
from offramp.http import Client, Exchange

#: Statuses that blame the content of a request, so that a part of it may well pass.
CONTENT_STATUSES: Final = frozenset({400, 413, 422})
TOO_MANY_REQUESTS: Final = 429
#: The most that one call of an action may take, in seconds, however many requests it makes: 30
#: times as long as one request may, so that only what would never end is ended.
LONGEST_CALL_SECONDS: Final = 300.0


@attrs.frozen(kw_only=True)
class Sent:
    """What became of payloads in one attempt: one value for all that fared alike."""

    error: DeliveryError | None
    exchange: Exchange | None
    #: It stood in a batch that was refused for its content, and was not cleared since.
    suspect: bool = False
    #: It was not sent, as the line was closed before its turn came: neither error nor success.
    held_back: bool = False


@attrs.frozen(kw_only=True)
class _Answer:
    """What one call of an action came to: what it returned, or the error of it all."""

    value: Any = None
    error: DeliveryError | None = None
    exchange: Exchange | None = None
    held_back: bool = False


async def send(
    runtime: InstanceRuntime,
    pipeline: Pipeline,
    parcels: Sequence[Parcel],
    line: Line | None = None,
) -> list[Sent]:
    """Deliver parcels in as few requests as can be; one `Sent` for each, in their order.

    A batch that is refused for its content (400, 413, 422), or that breaks the plugin, is halved
    until the bad payloads stand alone: at most 2 * k * ceil(log2 n) + 1 requests for k bad ones
    of n, and every good one is delivered. Who closes the `line` holds back what is not under way.
    """
    line = line or Line()
    if len(parcels) == 1 or not pipeline.action.batches:
        return [await _send_one(runtime, pipeline, parcel, line) for parcel in parcels]
    answer = await _call_batch(runtime, pipeline, parcels, line)
    if not _blames_content(answer.error):
        return _sent(runtime, answer, len(parcels))
    _learn(runtime, [answer.error])
    middle = len(parcels) // 2
    halves = [
        *await send(runtime, pipeline, parcels[:middle], line),
        *await send(runtime, pipeline, parcels[middle:], line),
    ]
    return [
        attrs.evolve(sent, suspect=sent.error is not None and sent.error.retryable)
        for sent in halves
    ]


async def _send_one(
    runtime: InstanceRuntime, pipeline: Pipeline, parcel: Parcel, line: Line
) -> Sent:
    if not pipeline.action.performs:
        return _sent(runtime, await _call_batch(runtime, pipeline, [parcel], line), 1)[0]
    payload = parcel.prepared.payload
    answer = await _call(
        runtime, pipeline, [parcel], line, lambda client: pipeline.action.perform(client, payload)
    )
    # What a single `perform` returns says nothing.
    return _sent(runtime, attrs.evolve(answer, value=None), 1)[0]


async def _call_batch(
    runtime: InstanceRuntime, pipeline: Pipeline, parcels: Sequence[Parcel], line: Line
) -> _Answer:
    payloads = [parcel.prepared.payload for parcel in parcels]
    return await _call(
        runtime,
        pipeline,
        parcels,
        line,
        lambda client: pipeline.action.perform_batch(client, payloads),
    )


async def _call(
    runtime: InstanceRuntime,
    pipeline: Pipeline,
    parcels: Sequence[Parcel],
    line: Line,
    call: Callable[[Client[Any]], Awaitable[Any]],
) -> _Answer:
    if not await line.enter(runtime.gate, len(parcels)):
        return _Answer(held_back=True)
    client = None
    bound = asyncio.timeout(LONGEST_CALL_SECONDS)
    try:
        # Making the client runs code of the plugin too: its `extend_request`.
        client = runtime.client(pipeline, [parcel.event for parcel in parcels])
        async with bound:
            value = await runtime.perform(client, call)
        return _Answer(value=value, exchange=_last(client))
    except BaseException as error:
        if is_ours(error):
            raise
        failed = _endless() if bound.expired() else as_delivery_error(error)
        return _Answer(error=failed, exchange=_last(client))
    finally:
        runtime.gate.leave()


def _sent(runtime: InstanceRuntime, answer: _Answer, count: int) -> list[Sent]:
    if answer.held_back:
        return [Sent(error=None, exchange=None, held_back=True)] * count
    outcomes = answer.error or outcomes_of(answer.value, count)
    if isinstance(outcomes, DeliveryError):
        outcomes = [outcomes] * count
    _learn(runtime, outcomes)
    # By identity: an error of a plugin's own may compare as it likes.
    distinct = {id(each): each for each in outcomes}
    alike = {key: Sent(error=each, exchange=answer.exchange) for key, each in distinct.items()}
    return [alike[id(each)] for each in outcomes]


def _learn(runtime: InstanceRuntime, errors: Sequence[DeliveryError | None]) -> None:
    """Tell the gate how the partner is: well, where it took or refused but one payload of many."""
    told = [each for each in errors if not isinstance(each, PluginFailedError)]
    if not told:
        return  # a bug in the plugin tells nothing of the partner
    ill = [each for each in told if each is not None and each.retryable]
    throttled = [each for each in ill if each.status == TOO_MANY_REQUESTS]
    if throttled:
        runtime.gate.note(throttled[0])
    else:
        runtime.gate.note(ill[0] if len(ill) == len(told) else None)


def _endless() -> DeliveryError:
    # Not a bug for certain, as the partner may be slow: so it is not looked for by bisection.
    return RequestTimeoutError(f"the action did not end within {LONGEST_CALL_SECONDS:g} s")


def _blames_content(error: DeliveryError | None) -> bool:
    return error is not None and (
        error.status in CONTENT_STATUSES or isinstance(error, PluginFailedError)
    )


def _last(client: Client[Any] | None) -> Exchange | None:
    if client is None or not client.exchanges:
        return None
    last: object = client.exchanges[-1]  # a list that the plugin can write to
    return last if isinstance(last, Exchange) else None
