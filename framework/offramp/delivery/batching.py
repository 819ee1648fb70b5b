"""Putting payloads together that may share a request: alike in their keys, few and small enough."""

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
    #: How its delivery failed before; nothing at first.
    past: Past | None = None
    #: Which attempt this is, from 1.
    attempt: int = 1


@attrs.define
class _Open:
    items: list[Any] = attrs.field(factory=list)
    #: Bytes of JSON, commas included.
    size: int = 0


def in_batches(
    batch: Batch | None, items: Iterable[tuple[T, Parcel]]
) -> Iterator[list[tuple[T, Parcel]]]:
    """Parcels, each with what its owner knows it by, as the batches they travel in.

    Without a `Batch` a parcel travels by itself. Those that may share a request with few others
    share it with their like.
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
