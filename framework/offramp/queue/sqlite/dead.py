"""Rejected and expired deliveries: finding them, and giving them another round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from offramp.queue.protocol import Counted, DeadFilter, Reason
from offramp.queue.sqlite.codes import CODES, NEVER, WAITING, as_json, to_us
from offramp.queue.sqlite.tallies import Changes
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

SQL = load_statements(__package__, "dead.sql")

#: A place in a listing: the time (µs) and id below which the next page begins.
Place = tuple[int, int]
TOP: Place = (NEVER, NEVER)


def place_of(cursor: str | None) -> Place:
    """Read a page's cursor; raises `ValueError` for what is none."""
    if cursor is None:
        return TOP
    at, _, low = cursor.partition("-")
    if not (at.isdecimal() and low.isdecimal()):
        raise ValueError(f"cursor {cursor!r}: give the cursor of a page, as it came")
    return int(at), int(low)


def cursor_of(place: Place) -> str:
    """Write a place as a cursor."""
    return f"{place[0]}-{place[1]}"


@attrs.frozen
class Found:
    """The ids of one page, latest end first, and where the next page begins, if there is one."""

    ids: list[int]
    after: Place | None


def find_dead(connection: sqlite3.Connection, which: DeadFilter, limit: int, place: Place) -> Found:
    """Find one page of what a filter means."""
    lanes = dict(connection.execute(SQL["lanes"], {"name": which.lane}))
    before, below = place
    if which.until is not None:
        # The time is a bound of its own: what ended at that very moment is out.
        before, below = min(place, (to_us(which.until), 0))
    terms = {
        "before": before,
        "below": below,
        "since": 0 if which.since is None else to_us(which.since),
        "reason": which.reason,
        "limit": limit + 1,
    }
    states = [CODES[stage] for stage in which.stages]
    if which.ids is None:
        places = _by_lane(connection, lanes, states, terms)
    else:
        asked = {"lanes": as_json(list(lanes)), "states": as_json(states)}
        ids = as_json([int(text) for text in which.ids if text.isdecimal()])
        places = connection.execute(SQL["dead_by_id"], {**terms, **asked, "ids": ids}).fetchall()
    page = sorted(((at, low) for low, at in places), reverse=True)
    ids_found = [low for _, low in page[:limit]]
    return Found(ids_found, page[limit - 1] if len(page) > limit else None)


def _by_lane(
    connection: sqlite3.Connection,
    lanes: Iterable[int],
    states: list[int],
    terms: Mapping[str, object],
) -> list[tuple[int, int]]:
    # A page of each lane and state from the index, rather than sorting all there is.
    return [
        place
        for lane in lanes
        for state in states
        for place in connection.execute(
            SQL["dead_by_lane"], {**terms, "lane": lane, "state": state}
        )
    ]


def replay_some(connection: sqlite3.Connection, ids: list[int], now: int) -> dict[str, int]:
    """Make those of the deliveries that are still dead due at `now` (µs): lane -> how many."""
    given = {"ids": as_json(ids)}
    standing = connection.execute(SQL["standing"], given).fetchall()
    connection.execute(SQL["replay"], {**given, "now": now, "reason": Reason.REPLAYED.value})
    changes = Changes()
    replayed: dict[str, int] = {}
    for lane, name, state, n in standing:
        changes.states[lane, state] -= n
        changes.states[lane, WAITING] += n
        changes.count(lane, Counted.REPLAYED, "", n)
        replayed[name] = replayed.get(name, 0) + n
    changes.write(connection, now)
    return replayed
