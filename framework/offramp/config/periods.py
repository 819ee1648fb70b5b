"""When sources, instances and subscriptions were paused, and since when they are disabled."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import attrs

from offramp.config.built_in import on_delete_id
from offramp.config.model import Config, Instance, Kind, Thing
from offramp.storage import load_statements

if TYPE_CHECKING:
    from offramp.config.diff import Change

State: TypeAlias = Literal["paused", "disabled"]

_SQL = load_statements("offramp.config", "periods.sql")
#: Seconds for which a pause that is over is remembered: longer than any delivery is in flight, also
#: with pauses in between. A year.
KEEP_SECONDS: Final = 365 * 86_400.0


class Period(NamedTuple):
    """How long something was paused, or is disabled; times are epoch seconds."""

    kind: Kind
    id: str
    state: State
    since: float
    #: `None` while it lasts.
    until: float | None


@attrs.frozen
class Pauses:
    """The times in which a subscription was paused: from, until; ascending, without overlaps."""

    times: tuple[tuple[float, float], ...] = ()

    def seconds(
        self, since: float, until: float, *, age: Callable[[float], float] | None = None
    ) -> float:
        """The seconds between two times (epoch seconds) in which it was paused.

        `age` tells how long ago a time was, if that is not simply the difference.
        """
        age = age or (lambda time: until - time)
        return sum(
            max(0.0, age(max(start, since)) - age(min(end, until))) for start, end in self.times
        )


class Periods:
    """All periods of a configuration."""

    def __init__(self, rows: Iterable[Period] = ()) -> None:
        self._rows: dict[tuple[Kind, str, State], list[Period]] = {}
        for row in rows:
            self._rows.setdefault((row.kind, row.id, row.state), []).append(row)

    def since(self, kind: Kind, name: str, state: State) -> float | None:
        """Since when something is in a state, in epoch seconds; `None` if it is not."""
        rows = self._rows.get((kind, name, state), ())
        return next((row.since for row in rows if row.until is None), None)

    def pauses_of(self, config: Config, subscription: str) -> Pauses:
        """When a subscription was paused, by itself, its instance or its source."""
        times = sorted(
            (row.since, inf if row.until is None else row.until)
            for kind, thing in config.holders_of(subscription)
            for row in self._rows.get((kind, thing.key, "paused"), ())
        )
        return Pauses(tuple(_merged(times)))


def _merged(times: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Join the times that overlap; they come sorted."""
    last: tuple[float, float] | None = None
    for start, end in times:
        if last is not None and start <= last[1]:
            last = last[0], max(last[1], end)
            continue
        if last is not None:
            yield last
        last = start, end
    if last is not None:
        yield last


def read_periods(connection: sqlite3.Connection) -> Periods:
    """Read all that is remembered."""
    return Periods(Period(*row) for row in connection.execute(_SQL["periods"]))


def write_periods(connection: sqlite3.Connection, changes: Sequence[Change], at: float) -> None:
    """Set down what changes pause, resume, disable and enable at a time (epoch seconds)."""
    for kind, name, before, after in _of_changes(changes):
        named = {"kind": kind, "id": name, "at": at}
        for state in sorted(after - before):
            connection.execute(_SQL["begin"], {**named, "state": state})
        if "paused" in before - after:
            connection.execute(_SQL["end_pause"], named)
        if "disabled" in before - after:
            connection.execute(_SQL["forget_disabled"], named)
    connection.execute(_SQL["forget_old"], {"before": at - KEEP_SECONDS})


def _of_changes(
    changes: Iterable[Change],
) -> Iterator[tuple[Kind, str, set[State], set[State]]]:
    """What changes, and its states before and after; a built-in subscription with its instance."""
    for change in changes:
        yield change.kind, change.id, _states(change.before), _states(change.after)
        if change.kind == "instance":
            before, after = _states_of_built_in(change.before), _states_of_built_in(change.after)
            yield "subscription", on_delete_id(change.id), before, after


def _states_of_built_in(instance: Thing | None) -> set[State]:
    return {"paused"} if isinstance(instance, Instance) and instance.on_delete_paused else set()


def _states(thing: Thing | None) -> set[State]:
    found: set[State] = set()
    if thing is not None and thing.paused:
        found.add("paused")
    if thing is not None and not thing.enabled:
        found.add("disabled")
    return found
