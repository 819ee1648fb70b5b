"""Compares the data of requests, whatever structure a partner wants around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from offramp.testing.exchanges import RecordedRequest

#: One item of a request, as a text that is the same for equal items.
Item = str
#: What a request carries for each of its events; `None` to read it in every way.
Items: TypeAlias = Callable[[RecordedRequest], "Sequence[Any] | None"]


def readings(request: RecordedRequest, items: Items) -> list[list[Item]]:
    """Every way to read a request's body as a list of items, unless `items` knows the one.

    A JSON list is read as its items, an object as one item or as any list in it, and other bodies
    as lines.
    """
    known = items(request)
    if known is not None:
        return [_items(known)]
    if not request.body:
        return []
    try:
        body = request.json
    except ValueError:
        return [[line for line in request.text.splitlines() if line]]
    if isinstance(body, list):
        return [_items(body), _items([body])]
    values = body.values() if isinstance(body, dict) else ()
    lists = [value for value in values if isinstance(value, list)]
    return [_items([body]), *map(_items, lists)]


def items_of(requests: Iterable[RecordedRequest], items: Items) -> set[Item]:
    """Every item of some requests, in any reading."""
    return {
        each for request in requests for reading in readings(request, items) for each in reading
    }


def same_items(
    singles: Sequence[Sequence[RecordedRequest]], batch: Sequence[RecordedRequest], items: Items
) -> bool:
    """Whether a batch carries what was sent for each event alone, in any order.

    `singles` are the requests of each event alone, `batch` those of all events together.
    """
    alone = [items_of(requests, items) for requests in singles]
    return any(_pairs_up(alone, reading) for reading in _joined(batch, items))


def _joined(requests: Sequence[RecordedRequest], items: Items) -> Iterator[list[Item]]:
    """The readings of each request, and the combined readings of several requests."""
    by_shape: dict[int, list[Item]] = {}
    for request in requests:
        for shape, reading in enumerate(readings(request, items)):
            yield reading
            by_shape.setdefault(shape, []).extend(reading)
    yield from by_shape.values()


def _pairs_up(alone: Sequence[set[Item]], together: Sequence[Item]) -> bool:
    if len(alone) != len(together):
        return False
    left = list(together)
    for items in alone:
        found = next((item for item in left if item in items), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _items(values: Iterable[Any]) -> list[Item]:
    return [json.dumps(value, sort_keys=True, default=str) for value in values]
