"""Groups payloads into batches: equal batch keys, and within the limits of number and size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import attrs
import msgspec

from offramp.definition import Batch
from offramp.delivery.past import Past
from offramp.delivery.pipeline import Prepared

T = TypeVar("T")


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared payload with the event behind it."""

    prepared: Prepared
    event: Any
    #: How its delivery failed before; `None` if it did not.
    past: Past | None = None
    #: Number of the attempt, from 1.
    attempt: int = 1


@attrs.define
class _Open:
    items: list[Any] = attrs.field(factory=list)
    #: Bytes of JSON, including commas.
    size: int = 0


def in_batches(
    batch: Batch | None, items: Iterable[tuple[T, Parcel]]
) -> Iterator[list[tuple[T, Parcel]]]:
    """Group parcels, each with an identifier of the caller, into batches.

    Without a `Batch` each parcel is sent alone. Parcels that may share a request only with few
    others are grouped among themselves.
    """
    held: dict[tuple[Any, ...], _Open] = {}
    for owner, parcel in items:
        together = None if parcel.past is None else parcel.past.together
        if batch is None or together == 1:
            yield [(owner, parcel)]
            continue
        most = batch.max_events if together is None else min(together, batch.max_events)
        key = (together, *parcel.prepared.group)
        size = len(parcel.prepared.wire) + 1
        open_ = held.get(key)
        if open_ is None:
            open_ = held[key] = _Open()
        full = len(open_.items) == most or open_.size + size > batch.max_bytes
        if open_.items and full:
            yield open_.items
            open_ = held[key] = _Open()
        open_.items.append((owner, parcel))
        open_.size += size
    yield from (open_.items for open_ in held.values())
