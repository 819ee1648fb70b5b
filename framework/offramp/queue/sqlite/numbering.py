"""The numbers by which the tables know subscriptions; none is ever deleted."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from offramp.queue.sqlite.codes import as_json
from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from offramp.queue.values import Route


def find_number(connection: sqlite3.Connection, name: str) -> int | None:
    """The number of a subscription; none if nothing was ever accepted for it."""
    found = connection.execute(SQL["number"], {"name": name}).fetchone()
    return None if found is None else found[0]


def number_subscriptions(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
    """Number those that have no number yet; answers the numbers of all subscriptions."""
    connection.execute(SQL["add_subscriptions"], {"names": as_json(sorted(names))})
    return {name: number for number, name in subscription_names(connection).items()}


def subscription_names(connection: sqlite3.Connection) -> dict[int, str]:
    """Every subscription's number and name."""
    return dict(connection.execute(SQL["subscription_names"]))


class SubscriptionNumbers:
    """Numbers the subscriptions of routes, new ones too; lives in the writer's thread."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def forget(self) -> None:
        """Forget those that were numbered in a transaction that was undone."""
        self._known = {}

    def of(self, connection: sqlite3.Connection, routes: Sequence[Route]) -> Mapping[str, int]:
        """Number all subscriptions of some routes; new ones are added to the table."""
        if missing := self._missing(routes):
            self._known = number_subscriptions(connection, missing)
        return self._known

    def _missing(self, routes: Sequence[Route]) -> set[str]:
        return {
            name
            for route in routes
            for name in chain(route.subscriptions, *route.filtered.values())
            if name not in self._known
        }
