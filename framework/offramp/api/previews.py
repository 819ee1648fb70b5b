"""What a replay would send instead of what was sent, told event by event; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, NotRequired, TypedDict

import attrs

from offramp import _json
from offramp.api.paging import paged
from offramp.api.parts import Parts
from offramp.api.problems import refuse
from offramp.api.records import delivery_row
from offramp.api.shapes import DeliveryRow
from offramp.api.trying import Try, trying
from offramp.config import Subscription
from offramp.config.subscriptions import mapping_faults, put_back_mapping
from offramp.errors import ConfigError, Fault, OfframpError
from offramp.plugins import pick
from offramp.pointers import ErrorShape
from offramp.queue import DeadFilter, Delivery


class Difference(TypedDict):
    """One place of the payload that differs; `before` or `after` is missing where it is absent."""

    place: str
    before: NotRequired[Any]
    after: NotRequired[Any]


class PreviewRow(TypedDict):
    """One delivery: the payload that was last sent, and the one that would be."""

    delivery: DeliveryRow
    #: `None` where nothing was sent.
    before: Any
    #: `None` where the event cannot become a payload; `errors` tells why.
    after: Any
    changes: list[Difference]
    errors: list[ErrorShape]
    request: dict[str, Any] | None


class Preview(TypedDict):
    """A page of deliveries, latest end first."""

    rows: list[PreviewRow]
    cursor: str | None


async def preview(
    parts: Parts,
    which: DeadFilter,
    *,
    mapping: Mapping[str, Any] | None,
    limit: int,
    cursor: str | None,
) -> Preview:
    """A page of what a filter means, with what each would send now, or under other mappings."""
    if mapping is not None and which.lane is None:
        raise refuse("$.subscription", "is missing: a mapping is tried in one subscription")
    with paged(in_body=True):
        page = await parts.queue.dead(which, limit=limit, cursor=cursor)
    async with AsyncExitStack() as stack:
        tries: dict[str, Try | OfframpError] = {}
        if which.lane is not None:  # also where there is nothing: a bad mapping is told
            tries[which.lane] = await _try(stack, parts, which.lane, mapping)
        rows = []
        for delivery in page.rows:
            if delivery.lane not in tries:
                tries[delivery.lane] = await _tried(stack, parts, delivery.lane, mapping)
            rows.append(await _row(parts, delivery, tries[delivery.lane]))
    return {"rows": rows, "cursor": page.cursor}


async def _tried(
    stack: AsyncExitStack, parts: Parts, lane: str, mapping: Mapping[str, Any] | None
) -> Try | OfframpError:
    try:
        return await _try(stack, parts, lane, mapping)
    except OfframpError as error:
        return error


async def _try(
    stack: AsyncExitStack, parts: Parts, lane: str, mapping: Mapping[str, Any] | None
) -> Try:
    saved = pick(parts.config.subscriptions, lane, "subscription")
    candidate = saved if mapping is None else _with(parts, saved, mapping)
    return await stack.enter_async_context(trying(parts, candidate, parts.config.instances))


def _with(parts: Parts, saved: Subscription, mapping: Mapping[str, Any]) -> Subscription:
    laid = {**saved.mapping, **mapping}
    kept = {key: value for key, value in laid.items() if value is not None or key not in mapping}
    instance = parts.config.instances[saved.instance]
    offered = parts.catalog[instance.destination].action(saved.action)
    masked: list[Fault] = []
    kept = put_back_mapping(kept, saved.mapping, offered, "$.mapping", masked)
    faults = [fault.under("$.mapping") for fault in mapping_faults(kept, offered, parts.catalog)]
    if masked or faults:
        raise ConfigError([*masked, *faults])
    return attrs.evolve(saved, mapping=kept)


async def _row(parts: Parts, delivery: Delivery, tried: Try | OfframpError) -> PreviewRow:
    records = await parts.ledger.event(delivery.message_id, source=delivery.source)
    found = next((each for each in records[0].deliveries if each.id == delivery.id), delivery)
    before = None if found.payload is None else _json.loads(found.payload)
    row: PreviewRow = {
        "delivery": delivery_row(found),
        "before": before,
        "after": None,
        "changes": [],
        "errors": [],
        "request": None,
    }
    body = records[0].body
    if isinstance(tried, OfframpError) or body is None:
        detail = "the event itself is no longer kept" if body is None else str(tried)
        row["errors"] = [{"detail": detail}]
        return row
    explained = await tried.explain(_json.loads(body))
    row["after"] = explained["payload"]
    row["errors"], row["request"] = explained["errors"], explained["request"]
    row["changes"] = list(differences(before, row["after"]))
    return row


def differences(before: Any, after: Any, place: str = "$") -> Iterator[Difference]:
    """Where two JSON values differ; an object is gone through key by key."""
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
