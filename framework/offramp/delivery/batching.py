"""Putting payloads together that may share a request: alike in their keys, few and small enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import attrs
import msgspec

from offramp.definition import Batch
from offramp.delivery.pipeline import Prepared

T = TypeVar("T")


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared payload with the event behind it."""

    prepared: Prepared
    event: Any


@attrs.define
class _Open:
    items: list[Any] = attrs.field(factory=list)
    #: Bytes of JSON, commas included.
    size: int = 0


def in_batches(
    batch: Batch | None,
    items: Iterable[tuple[T, Parcel]],
    *,
    alone: Callable[[T], bool] | None = None,
) -> Iterator[list[tuple[T, Parcel]]]:
    """Parcels, each with what its owner knows it by, as the batches they travel in.

    Without a `Batch`, and where `alone` says so, a parcel travels by itself.
    """
    held: dict[tuple[Any, ...], _Open] = {}
    for owner, parcel in items:
        if batch is None or (alone is not None and alone(owner)):
            yield [(owner, parcel)]
            continue
        key = parcel.prepared.group
        size = len(parcel.prepared.wire) + 1
        open_ = held.get(key)
        if open_ is None:
            open_ = held[key] = _Open()
        full = len(open_.items) == batch.max_events or open_.size + size > batch.max_bytes
        if open_.items and full:
            yield open_.items
            open_ = held[key] = _Open()
        open_.items.append((owner, parcel))
        open_.size += size
    yield from (open_.items for open_ in held.values())
