"""A measurement: ours and what is beside it, measured in turn, and how they compare."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs

from benchmarks.effort import Effort
from benchmarks.progress import report_progress
from benchmarks.trees import HERE, Tree

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

#: The sides that are ours: the checkout, and another commit of it where one is given.
OURS: Final = "ours"
BEFORE: Final = "before"
#: A round that takes longer than so many seconds is reported.
LONG_SECONDS: Final = 5.0


@attrs.frozen(kw_only=True)
class Bench:
    """One run of the benchmarks: how much is measured, for which time, and of which trees."""

    effort: Effort
    #: The time that the events are made for.
    now: datetime
    #: The commit that is one more side of the same rounds.
    before: Tree | None = None

    def trees(self) -> dict[str, Tree]:
        """Ours by side: this checkout, and the commit before it if there is one."""
        return {OURS: HERE} if self.before is None else {OURS: HERE, BEFORE: self.before}


@attrs.frozen(kw_only=True)
class Measurement:
    """One line of the table; `ours`, `before` and each of `peers` hold one value a round."""

    group: str
    name: str
    unit: str
    ours: Sequence[float]
    peers: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    #: What `ratio` should be, what it has to be at least, and with which peer; or what ours
    #: should be at most.
    target: float | None = None
    least: float | None = None
    target_peer: str | None = None
    most: float | None = None
    #: The same of another commit, and what `now_by_before` has to be at least; or at most, where
    #: less is better.
    before: Sequence[float] | None = None
    before_target: float | None = None
    #: Whether less is better, as of seconds and bytes.
    less_is_better: bool = False
    note: str = ""

    def ratio(self, peer: str) -> float:
        """How many times better ours is, as the median over the rounds: each round by itself."""
        ours, theirs = self.ours, self.peers[peer]
        return _ratio(theirs, ours) if self.less_is_better else _ratio(ours, theirs)

    @property
    def now_by_before(self) -> float | None:
        """The value now as a multiple of the value before: the median over the rounds."""
        return None if self.before is None else _ratio(self.ours, self.before)

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached; `None` where there is none, or its peer is not here."""
        if self.most is not None:
            return statistics.median(self.ours) <= self.most
        return self._is_at_least(self.target)

    @property
    def reached_least(self) -> bool | None:
        """Whether the ratio is what it has to be at least; `None` where nothing is asked."""
        return self._is_at_least(self.least)

    @property
    def reached_before(self) -> bool | None:
        """Whether `now_by_before` is as asked; `None` where nothing is, or there is no before."""
        if self.now_by_before is None or self.before_target is None:
            return None
        if self.less_is_better:
            return self.now_by_before <= self.before_target
        return self.now_by_before >= self.before_target

    def as_data(self) -> dict[str, Any]:
        """The measurement as JSON data."""
        return {
            **attrs.asdict(self),
            "median": statistics.median(self.ours),
            "ratios": {peer: self.ratio(peer) for peer in self.peers},
            "reached": self.reached,
            "reached_least": self.reached_least,
            "median_before": None if self.before is None else statistics.median(self.before),
            "now_by_before": self.now_by_before,
            "reached_before": self.reached_before,
        }

    def _is_at_least(self, wanted: float | None) -> bool | None:
        if wanted is None or self.target_peer is None:
            return None
        return self.ratio(self.target_peer) >= wanted


def in_turn(sides: Mapping[K, Callable[[int], T]], rounds: int) -> dict[K, list[T]]:
    """Measure the sides A B, B A and so on: other load on the machine meets all of them alike."""
    values: dict[K, list[T]] = {name: [] for name in sides}
    for number in range(rounds):
        began = time.perf_counter()
        order = list(sides.items())
        for name, measure in reversed(order) if number % 2 else order:
            values[name].append(measure(number))
        if time.perf_counter() - began > LONG_SECONDS:
            report_progress(f"round {number + 1} of {rounds}")
    return values


def by_side(values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """What `in_turn` measured, as the arguments of a `Measurement`."""
    peers = {name: of for name, of in values.items() if name not in {OURS, BEFORE}}
    return {"ours": values[OURS], "before": values.get(BEFORE), "peers": peers}


def _ratio(values: Sequence[float], others: Sequence[float]) -> float:
    pairs = zip(values, others, strict=True)
    return statistics.median(value / other for value, other in pairs)


def spread(values: Sequence[float]) -> float:
    """Half the distance between the extremes, as a share of the median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0
