"""The cost of growth: what 10 and 100 subscriptions, and instances, are measured as, beside one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import attrs

from benchmarks.effort import Effort
from benchmarks.host import (
    SUBSCRIPTION,
    make_busy_config,
    make_config,
    make_dead_config,
    subscriptions_of,
)
from benchmarks.measurements import BEFORE, OURS, Bench, Measurement
from benchmarks.trees import Tree

#: What the groups of growth begin with, and what is beside every measurement of them.
GROUP: Final = "growth: "
ONE: Final = "1 subscription"
#: 100 subscriptions of which one matches may cost so many times one.
GROWTH_TARGET: Final = 1 / 3
#: What 100 busy subscriptions of one instance have to be at least, times one.
BUSY_TARGET: Final = 0.6


@attrs.frozen(kw_only=True)
class Side:
    """A host that is measured, and the subscriptions that its events go to, in turn."""

    name: str
    config: dict[str, Any]
    subscriptions: tuple[str, ...] = (SUBSCRIPTION,)
    #: Whether the last of the subscriptions never delivers.
    dead: bool = False
    #: What its rate has to be, times that of one subscription.
    target: float | None = GROWTH_TARGET
    #: Whether the commit before is measured with it too.
    compared: bool = False

    @property
    def names(self) -> int:
        """So many names the events have, in turn: each subscription gets those of its own."""
        return len(self.subscriptions)

    def lives(self, number: int) -> bool:
        """Whether event `number` goes to a partner that takes it."""
        return not self.dead or number % self.names != self.names - 1

    def living(self, numbers: range) -> int:
        """How many of these events arrive."""
        return sum(map(self.lives, numbers))


def make_sides(effort: Effort) -> list[Side]:
    """One subscription; more, of which one matches or all are busy; instances, one of them dead.

    The dead one gets one event of so many; one other gets the rest, or each of them its share.
    That last side has no target: the same events go out in many times as many requests.
    """
    _, *more = effort.growth
    most = more[-1]
    busy = make_busy_config(most)
    alone, shared = (make_dead_config(most, shared=each) for each in (False, True))
    subscriptions = subscriptions_of(shared)
    first, last = subscriptions[0], subscriptions[-1]
    return [
        Side(name=ONE, config=make_config(), compared=True),
        *(Side(name=named(count), config=make_config(subscriptions=count)) for count in more),
        Side(
            name=f"{most} busy subscriptions of 1 instance",
            config=busy,
            subscriptions=subscriptions_of(busy),
            target=BUSY_TARGET,
            compared=True,
        ),
        Side(
            name=f"{most} instances, 1 busy, 1 dead",
            config=alone,
            subscriptions=(first,) * (most - 1) + (last,),
            dead=True,
        ),
        Side(
            name=f"{most} busy instances, 1 dead",
            config=shared,
            subscriptions=subscriptions,
            dead=True,
            target=None,
            compared=True,
        ),
    ]


def sides_by_tree(bench: Bench, sides: Iterable[Side]) -> Iterator[tuple[str, Tree, Side]]:
    """Each side with this checkout, and those that are compared with the commit before as well."""
    for side in sides:
        for which, tree in bench.trees().items():
            if which == OURS or side.compared:
                yield which, tree, side


def named(subscriptions: int) -> str:
    """The name of a measurement of so many subscriptions."""
    return f"{subscriptions} subscriptions, 1 matches"


def grown(  # noqa: PLR0913 - what a measurement says beside its values
    group: str,
    unit: str,
    values: Mapping[tuple[str, str], Sequence[float]],
    *,
    suffix: str = "",
    less_is_better: bool = False,
    targets: Mapping[str, float | None] = MappingProxyType({}),
) -> Iterator[Measurement]:
    """A measurement for every name but `ONE`, which stands beside each.

    `values` are by `OURS` or `BEFORE`, and name; one that was measured before has a line of its
    own too, beside one subscription of then.
    """
    for (which, name), measured in values.items():
        if name == ONE:
            continue
        now = which == OURS
        yield Measurement(
            group=GROUP + group,
            name=name + suffix + ("" if now else f", {BEFORE}"),
            unit=unit,
            ours=measured,
            before=values.get((BEFORE, name)) if now else None,
            peers={ONE: values[which, ONE]},
            target=targets.get(name, GROWTH_TARGET) if now else None,
            target_peer=ONE,
            less_is_better=less_is_better,
        )
