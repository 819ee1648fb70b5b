"""Sending payloads together, and finding the bad ones where a batch is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from offramp.delivery.batching import Parcel
from offramp.delivery.instance import InstanceRuntime
from offramp.delivery.pipeline import Pipeline
from offramp.errors import DeliveryError, RetryableError
from offramp.http import Client, Exchange

#: Statuses that blame the content of a request, so that a part of it may well pass.
CONTENT_STATUSES: Final = frozenset({400, 413, 422})


@attrs.frozen(kw_only=True)
class Sent:
    """What became of one payload in one attempt."""

    error: DeliveryError | None
    exchange: Exchange | None
    #: It stood in a batch that was refused for its content, and was not cleared since.
    suspect: bool = False


async def send(
    runtime: InstanceRuntime, pipeline: Pipeline, parcels: Sequence[Parcel]
) -> list[Sent]:
    """Deliver parcels in as few requests as can be; one `Sent` for each, in their order.

    A batch that is refused for its content (400, 413, 422), or that breaks the plugin, is halved
    until the bad payloads stand alone: at most 2 * k * ceil(log2 n) + 1 requests for k bad ones
    of n, and every good one is delivered.
    """
    if len(parcels) == 1 or not pipeline.action.batches:
        return [await _send_one(runtime, pipeline, parcel) for parcel in parcels]
    results = await _send_together(runtime, pipeline, parcels)
    if not _blames_content(results):
        return results
    middle = len(parcels) // 2
    halves = [
        *await send(runtime, pipeline, parcels[:middle]),
        *await send(runtime, pipeline, parcels[middle:]),
    ]
    return [
        attrs.evolve(sent, suspect=sent.error is not None and sent.error.retryable)
        for sent in halves
    ]


async def _send_one(runtime: InstanceRuntime, pipeline: Pipeline, parcel: Parcel) -> Sent:
    action = pipeline.action
    payload = parcel.prepared.payload
    if not action.performs:
        outcomes, error, exchange = await _call(
            runtime, pipeline, [parcel], lambda client: action.perform_batch(client, [payload])
        )
        error = error or (outcomes[0] if outcomes else None)
    else:
        _, error, exchange = await _call(
            runtime, pipeline, [parcel], lambda client: action.perform(client, payload)
        )
    _learn(runtime, [error])
    return Sent(error=error, exchange=exchange)


async def _send_together(
    runtime: InstanceRuntime, pipeline: Pipeline, parcels: Sequence[Parcel]
) -> list[Sent]:
    payloads = [parcel.prepared.payload for parcel in parcels]
    outcomes, error, exchange = await _call(
        runtime, pipeline, parcels, lambda client: pipeline.action.perform_batch(client, payloads)
    )
    _learn(runtime, [error] if error or outcomes is None else outcomes)
    if error is not None or outcomes is None:
        return [Sent(error=error, exchange=exchange) for _ in parcels]
    if len(outcomes) != len(parcels):
        told = f"perform_batch answered {len(outcomes)} outcomes for {len(parcels)} payloads"
        return [Sent(error=RetryableError(told, code="INTERNAL"), exchange=exchange)] * len(parcels)
    return [Sent(error=each, exchange=exchange) for each in outcomes]


async def _call(
    runtime: InstanceRuntime,
    pipeline: Pipeline,
    parcels: Sequence[Parcel],
    call: Callable[[Client[Any]], Awaitable[Any]],
) -> tuple[Any, DeliveryError | None, Exchange | None]:
    await runtime.gate.enter()
    client = None
    try:
        # Making the client runs code of the plugin too: its `extend_request`.
        client = runtime.client(pipeline, [parcel.event for parcel in parcels])
        return await runtime.perform(client, call), None, _last(client)
    except DeliveryError as error:
        return None, error, _last(client)
    except Exception as error:  # noqa: BLE001 - a plugin's bug must not stop the host
        return None, plugin_failure(error), _last(client)
    finally:
        runtime.gate.leave()


class PluginFailedError(RetryableError):
    """The plugin's own code failed; kept and tried again, since a mended plugin may succeed."""

    code = "INTERNAL"


def plugin_failure(error: Exception) -> PluginFailedError:
    """What a plugin raised, as a failure of the plugin; the cause stays with it."""
    failed = PluginFailedError(f"the plugin raised {type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed


def _learn(runtime: InstanceRuntime, errors: Sequence[DeliveryError | None]) -> None:
    error = next((each for each in errors if each is not None and each.retryable), None)
    if not isinstance(error, PluginFailedError):  # which tells nothing of the partner
        runtime.gate.note(error)


def _is_content(error: DeliveryError | None) -> bool:
    return error is not None and (
        error.status in CONTENT_STATUSES or isinstance(error, PluginFailedError)
    )


def _blames_content(results: Sequence[Sent]) -> bool:
    first = results[0].error
    return _is_content(first) and all(sent.error is first for sent in results)


def _last(client: Client[Any] | None) -> Exchange | None:
    return client.exchanges[-1] if client is not None and client.exchanges else None
