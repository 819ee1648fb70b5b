"""Remembers how deliveries failed, so that a bad one does not delay the others."""

from __future__ import annotations

from typing import Final

import attrs

#: Deliveries of one subscription that are remembered; with more, the oldest are forgotten.
MOST_REMEMBERED: Final = 5_000


@attrs.frozen(kw_only=True)
class Past:
    """How one delivery failed before; times are by the gate's clock, in seconds."""

    #: When it last failed in a way that may be its own fault: see `bisection.may_be_one`.
    failed_at: float | None = None
    #: The most deliveries in a request with it, including itself; `None` for no limit.
    together: int | None = None
    #: When a request with it was last refused for the credentials.
    refused_at: float | None = None


NO_PAST: Final = Past()


class Memory:
    """The past of each delivery of a subscription that failed and has not ended, by its id.

    It is only in memory: a restart forgets all failures.
    """

    def __init__(self) -> None:
        self._pasts: dict[str, Past] = {}

    def of(self, delivery: str) -> Past | None:
        """Return what is remembered of a delivery, or `None`."""
        return self._pasts.get(delivery)

    def is_suspect(self, delivery: str) -> bool:
        """Whether a delivery is sent alone or with few others, at the pace of halves."""
        past = self._pasts.get(delivery)
        return past is not None and past.together is not None

    def keep(self, delivery: str, past: Past | None) -> None:
        """Remember how a delivery failed; `None` forgets it."""
        if past is not None:
            if delivery not in self._pasts and len(self._pasts) >= MOST_REMEMBERED:
                del self._pasts[next(iter(self._pasts))]
            self._pasts[delivery] = past
        elif self._pasts:
            self._pasts.pop(delivery, None)
