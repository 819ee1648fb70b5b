"""What accepted events do to the counters, counted by the ways that they went."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from offramp.queue.protocol import Counted
from offramp.queue.sqlite.codes import FILTERED, WAITING
from offramp.queue.sqlite.tallies import NO_LANE, Changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from offramp.queue.protocol import NewItem


@attrs.frozen
class Counts:
    """The counters' changes of one run of accepting."""

    changes: Changes = attrs.field(factory=Changes)
    #: How many deliveries each lane got.
    deliveries: Counter[str] = attrs.field(factory=Counter)

    def accepted(
        self,
        items: Sequence[NewItem],
        filtered: Sequence[str | None],
        lanes: Mapping[str, int],
    ) -> None:
        """Count new events; `filtered` are their reasons as JSON, `lanes` the lanes' numbers."""
        # Most events of a group go the same ways, so they are counted by way, not one by one.
        ways = Counter(
            (item.source, item.lanes, reasons)
            for item, reasons in zip(items, filtered, strict=True)
        )
        samples = dict(zip(filtered, (item.filtered for item in items), strict=True))
        changes = self.changes
        for (source, matched, reasons), n in ways.items():
            changes.counted[NO_LANE, source, Counted.ACCEPTED.value, ""] += n
            for name in matched:
                self._accept(lanes[name], n)
                changes.states[lanes[name], WAITING] += n
                self.deliveries[name] += n
            for reason, names in samples[reasons].items():
                for name in names:
                    self._accept(lanes[name], n)
                    changes.enter(lanes[name], FILTERED, reason, n)

    def duplicates(self, items: Iterable[NewItem]) -> None:
        """Count events that came before."""
        for item in items:
            self.changes.counted[NO_LANE, item.source, Counted.DUPLICATE.value, ""] += 1

    def _accept(self, lane: int, n: int) -> None:
        self.changes.accepted[lane] += n
        self.changes.count(lane, Counted.ACCEPTED, "", n)
