"""What is known to be damaged in the file: one list that all who read and write it share."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import TYPE_CHECKING

import attrs

from offramp.errors import StorageDamagedError

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen
class DamagedRange:
    """Rows of a table of events that cannot be read: numbers from `first` to before `end`."""

    first: int
    end: int
    cause: str


class Damage:
    """Collects what the disk spoiled; may be used in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Ascending, without overlaps; replaced as a whole, so that readers need no lock.
        self._ranges: tuple[DamagedRange, ...] = ()
        self._rows: frozenset[int] = frozenset()
        #: Ranges from a first event to before another about which a person has decided.
        self._decided: frozenset[tuple[int, int]] = frozenset()
        #: Grows with each event and row that is noted: who met it may try again without it.
        self.known = 0
        self._malformed: str | None = None
        self._findings: Sequence[str] = ()

    @property
    def ranges(self) -> Sequence[DamagedRange]:
        """The events that cannot be read, ascending."""
        return self._ranges

    @property
    def undecided(self) -> Sequence[DamagedRange]:
        """Those of them about which nobody has decided yet, or not about all of it."""
        return tuple(each for each in self._ranges if not self.is_decided(each))

    def is_decided(self, found: DamagedRange) -> bool:
        """Whether a person decided what becomes of all of a range."""
        return any(first <= found.first and found.end <= end for first, end in self._decided)

    def note_decided(self, first: int, end: int) -> None:
        """Note that a person decided what becomes of events, from `first` to before `end`."""
        with self._lock:
            self._decided |= {(first, end)}

    @property
    def faults(self) -> Sequence[str]:
        """What is wrong with the pages of the file, as the last check or a use of it met it."""
        if self._findings:
            return self._findings
        return () if self._malformed is None else (self._malformed,)

    def note_error(self, error: BaseException) -> None:
        """Note an error of a use of the file, if it says that a page makes no sense."""
        if isinstance(error, StorageDamagedError):
            self._malformed = str(error)

    def note_check(self, findings: Sequence[str]) -> None:
        """Note the result of a check of the whole file, which replaces what was known before."""
        self._findings = tuple(findings)
        self._malformed = None

    @property
    def rows(self) -> frozenset[int]:
        """The rows of single deliveries that cannot be read, by their ids."""
        return self._rows

    def note_row(self, number: int) -> None:
        """Note that the row of a single delivery cannot be read."""
        with self._lock:
            self.known += number not in self._rows
            self._rows |= {number}

    def note_events(self, first: int, end: int, cause: str) -> bool:
        """Note that events cannot be read; `False` if that was known of all of them."""
        with self._lock:
            known = self.range_of(first)
            if known is not None and known.end >= end:
                return False
            self.known += 1
            joined = [each for each in self._ranges if _joins(each, first, end, cause)]
            others = [each for each in self._ranges if each not in joined]
            merged = DamagedRange(
                min([first, *(each.first for each in joined)]),
                max([end, *(each.end for each in joined)]),
                cause,
            )
            self._ranges = tuple(sorted([*others, merged], key=_first))
            return True

    def range_of(self, number: int) -> DamagedRange | None:
        """The range in which an event is; `None` if nothing is wrong with it."""
        ranges = self._ranges
        place = bisect_right(ranges, number, key=_first) - 1
        return ranges[place] if place >= 0 and number < ranges[place].end else None


def _first(found: DamagedRange) -> int:
    return found.first


def _joins(known: DamagedRange, first: int, end: int, cause: str) -> bool:
    """Whether a range overlaps another one, or is its neighbour for the same cause."""
    if known.cause == cause:
        return known.first <= end and first <= known.end
    return known.first < end and first < known.end
