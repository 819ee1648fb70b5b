"""Rejected and expired deliveries: finding them, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import attrs

from offramp.queue.lease import split_delivery_id
from offramp.queue.sqlite.codes import CODES, NEVER, as_json, to_us
from offramp.queue.sqlite.records import deliveries_of_rows
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Page

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from offramp.queue.values import DeadLetterFilter, Delivery


class Place(NamedTuple):
    """A place in a listing: the time (µs) and the row below which the next page begins."""

    at: int
    row: int


#: Where a listing begins.
TOP = Place(NEVER, NEVER)
#: A statement's parameters.
Terms: TypeAlias = "Mapping[str, object]"


def place_of(cursor: str | None) -> Place:
    """Read a page's cursor; raises `ValueError` for what is none."""
    if cursor is None:
        return TOP
    at, row = numbers_of(cursor, 2)
    return Place(at, row)


def numbers_of(cursor: str, n: int) -> list[int]:
    """Read a cursor of `n` numbers; raises `ValueError` for what is none."""
    parts = cursor.split("-")
    if len(parts) != n or not all(part.isdecimal() and part.isascii() for part in parts):
        raise ValueError(f"cursor {cursor!r}: give the cursor of a page, as it came")
    return [min(int(part), NEVER) for part in parts]


@attrs.frozen
class Found:
    """The rows of one page, latest end first, and where the next page begins, if there is one."""

    ids: list[int]
    after: Place | None


def find_dead(
    connection: sqlite3.Connection, which: DeadLetterFilter, limit: int, place: Place
) -> Found:
    """Find one page of what a filter means."""
    given = connection.execute(SQL["subscriptions_named"], {"name": which.subscription})
    subscriptions = [number for (number,) in given]
    if which.until is not None:
        # What ended exactly at that time is left out.
        place = min(place, Place(to_us(which.until), 0))
    terms = {
        "before": place.at,
        "below": place.row,
        "since": 0 if which.since is None else to_us(which.since),
        "reason": which.reason,
        "limit": limit + 1,
    }
    states = [CODES[stage] for stage in which.stages]
    if which.ids is None:
        places = _by_subscription(connection, subscriptions, states, terms)
    else:
        asked = {"subscriptions": as_json(subscriptions), "states": as_json(states)}
        ids = as_json([pair for text in which.ids if (pair := split_delivery_id(text))])
        found = connection.execute(SQL["ended_rows_by_id"], {**terms, **asked, "ids": ids})
        places = [Place(*row) for row in found]
    page = sorted(places, reverse=True)
    after = page[limit - 1] if len(page) > limit else None
    return Found([each.row for each in page[:limit]], after)


def list_dead(
    connection: sqlite3.Connection, which: DeadLetterFilter, limit: int, place: Place
) -> Page[Delivery]:
    """Read one page of what a filter means."""
    found = find_dead(connection, which, limit, place)
    after = None if found.after is None else f"{found.after.at}-{found.after.row}"
    return Page(rows=deliveries_of_rows(connection, found.ids), cursor=after)


def _by_subscription(
    connection: sqlite3.Connection, subscriptions: Iterable[int], states: list[int], terms: Terms
) -> list[Place]:
    # A page of each subscription and state from the index, rather than sorting all there is.
    return [
        Place(*row)
        for subscription in subscriptions
        for state in states
        for row in connection.execute(
            SQL["ended_rows"], {**terms, "subscription": subscription, "state": state}
        )
    ]
