"""Groups prepared events into batches: equal batch keys, within limits of number and size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import attrs

from offramp.definition import Batch
from offramp.delivery.plan import PreparedEvent

T = TypeVar("T")


@attrs.define
class _Open:
    items: list[Any] = attrs.field(factory=list)
    #: Bytes of JSON, including commas.
    size: int = 0


def in_batches(
    batch: Batch | None, items: Iterable[tuple[T, PreparedEvent]]
) -> Iterator[list[tuple[T, PreparedEvent]]]:
    """Group prepared events, each with an identifier of the caller, into batches.

    Without a `Batch` each event is sent alone. Events that may share a request only with few
    others are grouped among themselves.
    """
    open_batches: dict[tuple[Any, ...], _Open] = {}
    for owner, prepared in items:
        together = None if prepared.past is None else prepared.past.together
        if batch is None or together == 1:
            yield [(owner, prepared)]
            continue
        most = batch.max_events if together is None else min(together, batch.max_events)
        key = (together, *prepared.batch_key)
        size = len(prepared.wire) + 1
        open_ = open_batches.get(key)
        if open_ is None:
            open_ = open_batches[key] = _Open()
        full = len(open_.items) == most or open_.size + size > batch.max_bytes
        if open_.items and full:
            yield open_.items
            open_ = open_batches[key] = _Open()
        open_.items.append((owner, prepared))
        open_.size += size
    yield from (open_.items for open_ in open_batches.values())
