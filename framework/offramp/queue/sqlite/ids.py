"""Message ids that came before: the latest are looked up in memory, all others in an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offramp.queue.limits import DEDUPE_WINDOW_S
from offramp.queue.sqlite.codes import US, as_json, clean_text
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from offramp.queue.protocol import NewItem

SQL = load_statements(__package__, "accept.sql")

DEDUPE_WINDOW_US = round(DEDUPE_WINDOW_S * US)
#: Ids that go into the index at once: 3 MB of memory until then, and some 50 ms of the writer. In
#: an index of a million ids such a run touches each page for three of them, not for one.
RUN = 16_384


class MessageIds:
    """Tells which events are new; lives in the writer's thread.

    Memory may know ids that are not on disk, since retention took the event: whatever is found is
    compared with the event itself. It must never know fewer.
    """

    def __init__(self) -> None:
        #: The events of each digest that is in `dedupe`.
        self._recent: dict[int, list[int]] = {}
        #: The event that comes after all that memory knows of; none while that is not certain.
        self._next: int | None = None

    def catch_up(self, connection: sqlite3.Connection, first: int) -> None:
        """Learn `dedupe` anew where memory is not of the events before `first`, the next one."""
        # A group that was undone left its events here, and may have moved others to the index.
        if first != self._next:
            self._recent.clear()
            self._remember(connection.execute(SQL["recent_ids"]))
            self._next = first

    def find_new(
        self,
        connection: sqlite3.Connection,
        items: Sequence[NewItem],
        digests: Sequence[int],
        now: int,
    ) -> list[bool]:
        """Tell for each item whether its source sent its id for the first time in 24 h."""
        recent = self._recent
        terms = {
            "digests": as_json(digests),
            "recent": as_json([seq for digest in digests for seq in recent.get(digest, ())]),
            "horizon": now - DEDUPE_WINDOW_US,
        }
        seen: set[tuple[str, str]] = set(connection.execute(SQL["known_ids"], terms))
        flags = []
        for item in items:
            key = (item.source, clean_text(item.message_id))
            flags.append(key not in seen)
            seen.add(key)
        return flags

    def add(self, connection: sqlite3.Connection, first: int, digests: Sequence[int]) -> None:
        """Make events from `first` on findable."""
        self._next = None
        if len(self._recent) >= RUN:
            connection.execute(SQL["index_ids"])
            connection.execute(SQL["forget_indexed"])
            self._recent.clear()
        connection.execute(SQL["add_ids"], {"first": first, "digests": as_json(digests)})
        self._remember(zip(digests, range(first, first + len(digests)), strict=True))
        self._next = first + len(digests)

    def _remember(self, rows: Iterable[tuple[int, int]]) -> None:
        recent = self._recent
        for digest, seq in rows:
            recent.setdefault(digest, []).append(seq)
