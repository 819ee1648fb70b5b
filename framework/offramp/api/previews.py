"""Compares, event by event, what a replay would send with what was sent; nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, NotRequired, TypedDict

import attrs

from offramp import _json
from offramp.api.candidates import Candidate, compiled
from offramp.api.exchange_shapes import RequestShape
from offramp.api.filtered_replays import FilteredReplay
from offramp.api.host_context import HostContext
from offramp.api.paging import paged
from offramp.api.problems import refuse
from offramp.api.records import delivery_row
from offramp.api.replay_targets import BEFORE_SUBSCRIPTION
from offramp.api.shapes import DeliveryRow
from offramp.config import Subscription
from offramp.config.subscriptions import mapping_faults, put_back_mapping
from offramp.definition import sync_mode_apart
from offramp.errors import ConfigError, Fault, OfframpError
from offramp.plugins import pick
from offramp.pointers import ErrorShape
from offramp.queue import DeadLetterFilter, Delivery, EventRecord, Stage


class Difference(TypedDict):
    """A place where payloads differ; without a value there, `before` or `after` is missing."""

    place: str
    before: NotRequired[Any]
    after: NotRequired[Any]


class PreviewRow(TypedDict):
    """One delivery: the payload that was last sent, and the one that would be sent now."""

    delivery: DeliveryRow
    #: `None` if nothing was sent.
    before: Any
    #: `None` if the event cannot become a payload; `errors` says why.
    after: Any
    changes: list[Difference]
    errors: list[ErrorShape]
    request: RequestShape | None


class Preview(TypedDict):
    """A page of deliveries, latest end first."""

    rows: list[PreviewRow]
    cursor: str | None


@attrs.frozen(kw_only=True)
class PreviewPage:
    """Which page of a preview is asked for."""

    #: Fields to map in another way.
    mapping: Mapping[str, Any] | None = None
    limit: int
    cursor: str | None = None


async def preview(
    host: HostContext, filters: DeadLetterFilter, asked: PreviewPage, *, into: str | None = None
) -> Preview:
    """A page of the deliveries that a filter selects, with what each would send now.

    A changed mapping needs a subscription. With `into`, that subscription would send them.
    """
    mapping, subscription = asked.mapping, into or filters.subscription
    if mapping is not None and subscription is None:
        raise refuse("$.subscription", "is missing: name the subscription whose mapping is changed")
    with paged(in_body=True):
        page = await host.queue.dead_letters(filters, limit=asked.limit, cursor=asked.cursor)
    async with AsyncExitStack() as stack:
        candidates: dict[str, Candidate | OfframpError] = {}
        if subscription is not None:  # also without deliveries, so that a bad mapping is reported
            candidates[subscription] = await _candidate(stack, host, subscription, mapping)
        rows = []
        for delivery in page.rows:
            name = into or delivery.subscription
            if name not in candidates:
                candidates[name] = await _candidate_or_error(stack, host, name, mapping)
            found, body = await _stored(host, delivery)
            rows.append(await _row(found, body, candidates[name]))
    return {"rows": rows, "cursor": page.cursor}


async def preview_filtered(work: FilteredReplay, asked: PreviewPage) -> Preview:
    """A page of the filtered events that a replay selects, with what each would send.

    One page looks through a bounded number of events, so it may be empty and have a cursor.
    """
    host, name = work.host, work.target.id
    async with AsyncExitStack() as stack:
        candidate = await _candidate(stack, host, name, asked.mapping)
        with paged(in_body=True):
            page = await host.ledger.events(
                work.which(Counter()), bodies=True, limit=asked.limit, cursor=asked.cursor
            )
        rows = [
            await _row(_delivery_of(record, name), record.body, candidate)
            for record in page.rows
            if not work.is_too_old(record)
        ]
    return {"rows": rows, "cursor": page.cursor}


def _delivery_of(record: EventRecord, subscription: str) -> Delivery:
    """What a subscription has of an event that it did not get."""
    for delivery in record.deliveries:
        if delivery.subscription == subscription:
            return delivery
    return Delivery(
        id="",
        subscription=subscription,
        source=record.source,
        message_id=record.message_id,
        type=record.type,
        name=record.name,
        stage=Stage.FILTERED,
        reason=BEFORE_SUBSCRIPTION,
        accepted_at=record.accepted_at,
        updated_at=record.accepted_at,
    )


async def _candidate_or_error(
    stack: AsyncExitStack,
    host: HostContext,
    subscription_id: str,
    mapping: Mapping[str, Any] | None,
) -> Candidate | OfframpError:
    try:
        return await _candidate(stack, host, subscription_id, mapping)
    except OfframpError as error:
        return error


async def _candidate(
    stack: AsyncExitStack,
    host: HostContext,
    subscription_id: str,
    mapping: Mapping[str, Any] | None,
) -> Candidate:
    saved = pick(host.config.subscriptions, subscription_id, "subscription")
    subscription = saved if mapping is None else _with(host, saved, mapping)
    return await stack.enter_async_context(compiled(host, subscription, host.config.instances))


def _with(host: HostContext, saved: Subscription, mapping: Mapping[str, Any]) -> Subscription:
    laid = {**saved.mapping, **mapping}
    kept = {key: value for key, value in laid.items() if value is not None or key not in mapping}
    instance = host.config.instances[saved.instance]
    offered = host.catalog[instance.destination].action(saved.action)
    masked: list[Fault] = []
    kept = put_back_mapping(kept, saved.mapping, offered, "$.mapping", masked)
    faults = [fault.under("$.mapping") for fault in mapping_faults(kept, offered, host.catalog)]
    if masked or faults:
        raise ConfigError([*masked, *faults])
    _, mode = sync_mode_apart(kept)
    return attrs.evolve(saved, mapping=kept, sync_mode=mode or saved.sync_mode)


async def _row(
    found: Delivery, body: bytes | None, candidate: Candidate | OfframpError
) -> PreviewRow:
    before = None if found.payload is None else _json.loads(found.payload)
    row: PreviewRow = {
        "delivery": delivery_row(found),
        "before": before,
        "after": None,
        "changes": [],
        "errors": [],
        "request": None,
    }
    if isinstance(candidate, OfframpError) or body is None:
        detail = "the event itself is no longer kept" if body is None else str(candidate)
        row["errors"] = [{"detail": detail}]
        return row
    explained = await candidate.explain(_json.loads(body))
    row["after"] = explained["payload"]
    row["errors"], row["request"] = explained["errors"], explained["request"]
    row["changes"] = list(differences(before, row["after"]))
    return row


async def _stored(host: HostContext, delivery: Delivery) -> tuple[Delivery, bytes | None]:
    """The delivery with its payload and exchange, and the event as it is stored."""
    records = await host.ledger.event(delivery.message_id, source=delivery.source)
    # The message id may have come again on a later day.
    for record in records:
        for each in record.deliveries:
            if each.id == delivery.id:
                return each, record.body
    return delivery, None


def differences(before: Any, after: Any, place: str = "$") -> Iterator[Difference]:
    """Find where two JSON values differ; objects are compared key by key."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            inner = f"{place}.{key}"
            if key not in before:
                yield {"place": inner, "after": after[key]}
            elif key not in after:
                yield {"place": inner, "before": before[key]}
            else:
                yield from differences(before[key], after[key], inner)
    elif _json.dumps(before) != _json.dumps(after):
        yield {"place": place, "before": before, "after": after}
