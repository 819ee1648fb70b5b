"""A measurement: ours and what stands beside it, measured in turn, and what is said of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs

from benchmarks.progress import report_progress

T = TypeVar("T")

#: A round that takes longer than so many seconds is told of.
LONG_SECONDS: Final = 5.0


@attrs.frozen(kw_only=True)
class Measurement:
    """One line of the table; `ours` and each of `peers` hold one value for each round."""

    group: str
    name: str
    unit: str
    ours: Sequence[float]
    peers: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    #: What `ratio` should be at least, and with which peer; or what ours should be at most.
    target: float | None = None
    target_peer: str | None = None
    most: float | None = None
    #: Whether less is better, as of seconds and bytes.
    less_is_better: bool = False
    note: str = ""

    def ratio(self, peer: str) -> float:
        """How many times better ours is, as the median over the rounds: each round by itself."""
        pairs = zip(self.ours, self.peers[peer], strict=True)
        if self.less_is_better:
            return statistics.median(theirs / mine for mine, theirs in pairs)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached; `None` where there is none, or its peer is not here."""
        if self.most is not None:
            return statistics.median(self.ours) <= self.most
        if self.target is None or self.target_peer is None:
            return None
        return self.ratio(self.target_peer) >= self.target

    def as_data(self) -> dict[str, Any]:
        """The measurement as JSON data."""
        return {
            **attrs.asdict(self),
            "median": statistics.median(self.ours),
            "ratios": {peer: self.ratio(peer) for peer in self.peers},
            "reached": self.reached,
        }


def in_turn(sides: Mapping[str, Callable[[int], T]], rounds: int) -> dict[str, list[T]]:
    """Measure the sides A B A B, so that what else the machine does meets all of them alike."""
    values: dict[str, list[T]] = {name: [] for name in sides}
    for number in range(rounds):
        began = time.perf_counter()
        for name, measure in sides.items():
            values[name].append(measure(number))
        if time.perf_counter() - began > LONG_SECONDS:
            report_progress(f"round {number + 1} of {rounds}")
    return values


def spread(values: Sequence[float]) -> float:
    """Half the distance between the extremes, as a share of the median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0
