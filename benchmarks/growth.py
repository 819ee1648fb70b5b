"""The cost of growth: what 10 and 100 subscriptions, and instances, are measured as, beside one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from benchmarks.effort import Effort
from benchmarks.host import SUBSCRIPTION, make_config, make_dead_config, subscriptions_of
from benchmarks.measurements import Measurement

#: What stands beside every measurement of growth.
ONE: Final = "1 subscription"
#: 100 subscriptions of which one matches may cost so many times one.
GROWTH_TARGET: Final = 1 / 3


@attrs.frozen(kw_only=True)
class Side:
    """A host that is measured, and the lanes that its events go to, in turn."""

    name: str
    config: dict[str, Any]
    subscriptions: tuple[str, ...] = (SUBSCRIPTION,)
    #: Whether the last of the lanes never delivers.
    dead: bool = False

    @property
    def names(self) -> int:
        """So many names the events have, in turn: each lane gets those of its own."""
        return len(self.subscriptions)

    def lives(self, number: int) -> bool:
        """Whether event `number` goes to a partner that takes it."""
        return not self.dead or number % self.names != self.names - 1

    def living(self, numbers: range) -> int:
        """How many of these events arrive."""
        return sum(map(self.lives, numbers))


def make_sides(effort: Effort) -> list[Side]:
    """One subscription; more, of which one matches; as many instances of which one is dead.

    The dead one gets one event of so many; one other gets the rest, or each of them its share.
    That last side has no target: the same events go out in many times as many requests.
    """
    _, *more = effort.growth
    most = more[-1]
    alone, shared = (make_dead_config(most, shared=each) for each in (False, True))
    subscriptions = subscriptions_of(shared)
    first, last = subscriptions[0], subscriptions[-1]
    return [
        Side(name=ONE, config=make_config()),
        *(Side(name=named(count), config=make_config(subscriptions=count)) for count in more),
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
        ),
    ]


def named(subscriptions: int) -> str:
    """The name of a measurement of so many subscriptions."""
    return f"{subscriptions} subscriptions, 1 matches"


def grown(  # noqa: PLR0913 - what a measurement says beside its values
    group: str,
    unit: str,
    values: Mapping[str, Sequence[float]],
    *,
    suffix: str = "",
    less_is_better: bool = False,
    without_target: str | None = None,
) -> Iterator[Measurement]:
    """A measurement for every side but `ONE`, which stands beside each."""
    for name, ours in values.items():
        if name == ONE:
            continue
        yield Measurement(
            group=f"growth: {group}",
            name=name + suffix,
            unit=unit,
            ours=ours,
            peers={ONE: values[ONE]},
            target=None if name == without_target else GROWTH_TARGET,
            target_peer=ONE,
            less_is_better=less_is_better,
        )
