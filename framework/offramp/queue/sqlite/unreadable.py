"""Reading a range of numbers around the pages that SQLite cannot read."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from offramp.storage import is_damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias

    #: Reads the rows from a number to before another.
    Read: TypeAlias = Callable[[int, int], list[Any]]


def read_around(read: Read, low: int, below: int) -> Iterator[list[Any] | tuple[int, int]]:
    """Read from `low` to before `below`: rows, and in between the ranges that cannot be read.

    A page holds neighbouring numbers, so the ends of each damaged range are found by bisection.
    """
    while low < below:
        first = below if _rows(read, low, below) is not None else _start_of_damage(read, low, below)
        if first > low:
            yield read(low, first)
        if first == below:
            return
        low = end_of_damage(read, first, below)
        yield first, low


def _rows(read: Read, low: int, below: int) -> list[Any] | None:
    try:
        return read(low, below)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return None


def _last(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The last number from `low` to before `high` for which something holds, as for `low`."""
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def _start_of_damage(read: Read, low: int, below: int) -> int:
    """The highest end up to which all from `low` on can be read."""
    return _last(lambda end: _rows(read, low, end) is not None, low, below)


def end_of_damage(read: Read, first: int, below: int) -> int:
    """The first number behind `first` that can be read again, by ever longer steps."""
    step, bad = 1, first
    while bad + step < below and _rows(read, bad + step, bad + step + 1) is None:
        bad += step
        step *= 2
    good = min(bad + step, below)
    return (
        _last(lambda number: number < good and _rows(read, number, number + 1) is None, bad, good)
        + 1
    )
