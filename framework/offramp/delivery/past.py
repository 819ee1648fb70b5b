"""What a worker remembers of deliveries that failed, so that one of them holds up no others."""

from __future__ import annotations

from typing import Final

import attrs

#: Deliveries of one subscription that are remembered; beyond, the oldest count afresh.
MOST_REMEMBERED: Final = 5_000


@attrs.frozen(kw_only=True)
class Past:
    """How one delivery failed before; times by the gate's clock, in seconds."""

    #: When it last failed in a way that may be its own fault: see `bisection.may_be_one`.
    failed_at: float | None = None
    #: The most that may share a request with it, itself included; nothing where any number may.
    together: int | None = None
    #: When a request with it was last refused for its credentials.
    refused_at: float | None = None


NO_PAST: Final = Past()


class Memory:
    """The past of each delivery of a subscription that failed and has not ended, by its id.

    It is in memory alone: after a restart all failures count afresh.
    """

    def __init__(self) -> None:
        self._pasts: dict[str, Past] = {}

    def of(self, delivery: str) -> Past | None:
        """What is remembered of a delivery, or nothing."""
        return self._pasts.get(delivery)

    def is_suspect(self, delivery: str) -> bool:
        """Whether a delivery goes with few others or alone, at the pace of halves."""
        past = self._pasts.get(delivery)
        return past is not None and past.together is not None

    def keep(self, delivery: str, past: Past | None) -> None:
        """Remember a delivery so; nothing forgets it."""
        if past is not None:
            if delivery not in self._pasts and len(self._pasts) >= MOST_REMEMBERED:
                del self._pasts[next(iter(self._pasts))]
            self._pasts[delivery] = past
        elif self._pasts:
            self._pasts.pop(delivery, None)
