"""Remembers requests to paths that the host does not have, as their events are lost."""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, TypeAlias

import attrs
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from offramp.config import mask

Reason: TypeAlias = Literal["path", "method"]
REASONS: Final[tuple[Reason, ...]] = ("path", "method")
#: Paths that are kept; with another one, that which was not asked for longest is forgotten.
KEPT_PATHS: Final = 50
#: Characters that are kept of a path.
KEPT_CHARACTERS: Final = 128
#: Characters of a part that may be a write key; those of endpoints are shorter.
SHORTEST_MASKED: Final = 12

log = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class UnknownPath:
    """A method and path that the host does not have, and how often it was asked for."""

    method: str
    #: Without its query; parts that may be write keys are masked.
    path: str
    #: What the sender probably means, such as `POST /v1/batch`.
    nearest: str
    requests: int = 0
    #: Epoch seconds.
    last_at: float = 0.0


class UnknownPaths(Collector):
    """Counts requests since the host started; `clock` gives epoch seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: Counter[Reason] = Counter()
        self._kept: OrderedDict[tuple[str, str], UnknownPath] = OrderedDict()

    def note(self, reason: Reason, method: str, path: str, nearest: str) -> None:
        """Count a request; the first one of a path is logged."""
        self._counts[reason] += 1
        shown = "/".join(map(_masked, path[:KEPT_CHARACTERS].split("/")))
        found = self._kept.pop((method, shown), None)
        if found is None:
            found = UnknownPath(method=method, path=shown, nearest=nearest)
            log.warning(
                "%s %s is no endpoint, so events sent there are lost; the nearest is %s",
                method,
                shown,
                nearest,
                extra={"action": "unknown_path"},
            )
            if len(self._kept) >= KEPT_PATHS:
                self._kept.popitem(last=False)
        found.requests += 1
        found.last_at = self._clock()
        self._kept[method, shown] = found

    def latest(self) -> Sequence[UnknownPath]:
        """List the kept paths, the one that was asked for last first."""
        return list(reversed(self._kept.values()))

    def collect(self) -> Iterator[Metric]:
        """Return the counts for Prometheus."""
        family = CounterMetricFamily(
            "offramp_collector_unknown_paths",
            "Requests to a path that the host does not have, or with a method that it does not "
            "have there.",
            labels=("reason",),
        )
        for reason in REASONS:
            family.add_metric([reason], self._counts[reason])
        yield family


def _masked(part: str) -> str:
    return str(mask(part)) if len(part) >= SHORTEST_MASKED else part
