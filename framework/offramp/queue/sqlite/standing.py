"""Where deliveries of many events stand, as sets of positions: for a search by outcome."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import attrs

from offramp.queue.block import all_of, set_of, unpack_open
from offramp.queue.sqlite.codes import FILTERED, WAITING, as_json
from offramp.queue.sqlite.requests import read_results
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Reason

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from offramp.queue.block import Block, NumberedRoute


@attrs.frozen
class Asked:
    """Which deliveries are meant: to one subscription or to any, by state and reason."""

    subscription: int | None
    states: frozenset[int]
    reason: str | None
    #: Also events that the subscription was never asked about.
    missing: bool = attrs.field(kw_only=True)

    def meets(self, state: int, reason: str) -> bool:
        """Whether a delivery is meant that stands at a state for a reason."""
        return state in self.states and self.reason in {None, reason}

    def meets_route(self, route: NumberedRoute, subscription: int) -> bool:
        """Whether a delivery is meant by what its block says of it when it was accepted."""
        if FILTERED in self.states and any(
            subscription in numbers and self.reason in {None, reason}
            for reason, numbers in route.filtered.items()
        ):
            return True
        return (
            self.missing
            and subscription not in route.subscriptions
            and not route.filters(subscription)
        )


@attrs.frozen
class Standing:
    """What is known of the deliveries in a range of events, besides what stands in the heads."""

    asked: Asked
    #: Block -> subscription -> event -> whether its own row, which overrides the block, is meant.
    rows: Mapping[int, Mapping[int, Mapping[int, bool]]]
    #: Block -> subscription -> the set of those meant that wait, or ended together.
    in_blocks: Mapping[int, Mapping[int, int]]

    @classmethod
    def read(
        cls, connection: sqlite3.Connection, asked: Asked, sizes: Mapping[int, int], upper: int
    ) -> Standing:
        """Read it for blocks, by number with their sizes, and their events before `upper`."""
        terms = {"subscription": asked.subscription, "low": min(sizes), "below": upper}
        rows = connection.execute(SQL["rows_in_range"], terms).fetchall()
        blocks = connection.execute(SQL["deliveries_in_range"], terms).fetchall()
        known = [
            (block, subscription, unpack_open(opened, sizes[block]), read_results(results))
            for block, subscription, opened, results in blocks
            if block in sizes
        ]
        return cls(asked, _rows_of(rows, asked, sizes), _in_blocks(connection, known, asked))

    def of(self, block: Block) -> int:
        """The set of the events of a block of which a delivery is meant."""
        rows = self.rows.get(block.number, {})
        known = self.in_blocks.get(block.number, {})
        if self.asked.subscription is not None:
            return self._of(block, self.asked.subscription, rows, known)
        bits = 0
        for subscription in _subscriptions(block.heads.routes) | rows.keys() | known.keys():
            bits |= self._of(block, subscription, rows, known)
        return bits

    def _of(
        self,
        block: Block,
        subscription: int,
        rows: Mapping[int, Mapping[int, bool]],
        known: Mapping[int, int],
    ) -> int:
        routes = block.heads.routes
        bits = places_where(
            len(routes),
            block.heads.route_of,
            block.n,
            lambda index: self.asked.meets_route(routes[index], subscription),
        )
        bits |= known.get(subscription, 0)
        for event, meant in rows.get(subscription, {}).items():
            bit = 1 << event - block.number
            bits = bits | bit if meant else bits & ~bit
        return bits


def places_where(
    n_values: int, index_of: Sequence[int], n: int, meets: Callable[[int], Any]
) -> int:
    """The set of those of `n` events whose value, by index, meets a condition."""
    wanted = {index for index in range(n_values) if meets(index)}
    if not wanted:
        return 0
    if len(wanted) == n_values:
        return all_of(n)
    return set_of([place for place, index in enumerate(index_of) if index in wanted])


def _subscriptions(routes: Iterable[NumberedRoute]) -> set[int]:
    found: set[int] = set()
    for route in routes:
        found.update(route.subscriptions)
        for numbers in route.filtered.values():
            found.update(numbers)
    return found


def _rows_of(
    rows: Iterable[tuple[int, int, int, str]], asked: Asked, sizes: Mapping[int, int]
) -> Mapping[int, Mapping[int, Mapping[int, bool]]]:
    """Rows of their own, ascending by event, by the block that the event is in."""
    found: dict[int, dict[int, dict[int, bool]]] = defaultdict(lambda: defaultdict(dict))
    numbers = sorted(sizes, reverse=True)
    for event, subscription, state, reason in rows:
        while len(numbers) > 1 and numbers[-2] <= event:
            numbers.pop()
        block = numbers[-1]
        if block <= event < block + sizes[block]:
            found[block][subscription][event] = asked.meets(state, reason)
    return found


def _in_blocks(
    connection: sqlite3.Connection,
    known: Iterable[tuple[int, int, int, list[tuple[int, int]]]],
    asked: Asked,
) -> Mapping[int, Mapping[int, int]]:
    known = list(known)
    numbers = sorted({number for *_, results in known for number, _ in results})
    terms = {"requests": as_json(numbers), "full": False}
    meant = {
        request
        for request, state, _, reason, *_ in connection.execute(SQL["requests_by_number"], terms)
        if asked.meets(state, reason)
    }
    waiting = asked.meets(WAITING, Reason.ACCEPTED.value)
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for block, subscription, opened, results in known:
        bits = opened if waiting else 0
        for number, ended in results:
            if number in meant:
                bits |= ended
        if bits:
            found[block][subscription] = bits
    return found
