"""`offramp bench`: measures the time that each subscription takes for events on standard input."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import attrs
from rich.console import Group, RenderableType
from rich.text import Text

from offramp.cli.context import Context
from offramp.cli.events import read_events
from offramp.cli.load import DEFAULT_FILE, load
from offramp.cli.options import ConfigFile, Json
from offramp.cli.render.columns import FittingTable
from offramp.config import follow_all
from offramp.delivery import Plan, compile_subscription
from offramp.errors import ConfigError, EventError, Fault, OfframpError
from offramp.web import complete

#: Seconds for which each step of a subscription is repeated. The fastest round counts, as other
#: work of the machine can only make a round slower.
STEP_SECONDS: Final = 0.2


MICROSECONDS: Final = 1e6


STEPS: Final = ("match", "map", "make")


@attrs.frozen(kw_only=True)
class Cost:
    """The time of each step of a subscription, in microseconds per event that reaches it."""

    subscription: str
    matched: int
    events: int
    #: Events that matched but could not become a payload.
    rejected: int
    steps: dict[str, float]

    @property
    def per_second(self) -> float:
        """Events a second that one core takes through all steps."""
        shares = {"match": 1.0, **dict.fromkeys(STEPS[1:], self.matched / self.events)}
        spent = sum(cost * shares[step] for step, cost in self.steps.items())
        return MICROSECONDS / spent if spent else 0.0

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {**attrs.asdict(self), "events_per_second": round(self.per_second)}


def bench(context: Context, *, config: ConfigFile = DEFAULT_FILE, json: Json = False) -> None:
    """Measure the time that each enabled subscription takes for events on standard input.

    Nothing is sent or stored. Matching the trigger, mapping, and making the checked payload are
    timed on one core of this machine. The page on performance has what a host adds (HTTP, disk).
    """
    loaded, catalog = load(context, config)
    events = [complete(event) for event in read_events()]
    if not events:
        message = "has no events: give one JSON object per line, as in `offramp bench < FILE`"
        raise EventError([Fault("standard input", message)], reason="bad_request")
    enabled = [s for s in loaded.config.subscriptions.values() if s.enabled]
    if not enabled:
        raise ConfigError([Fault(str(config), "has no enabled subscription to measure")])
    costs = []
    for subscription in enabled:
        instance = loaded.config.instances[subscription.instance]
        plan = compile_subscription(
            subscription,
            catalog[instance.destination],
            catalog.directives,
            instance=instance,
            references=follow_all(),
        )
        costs.append(measure(plan, events))
    rows = (cost.as_data() for cost in costs)
    context.show(rows, lambda: _table(costs), as_json=json)


def measure(plan: Plan, events: Sequence[dict[str, Any]], *, seconds: float = STEP_SECONDS) -> Cost:
    """Time each step with the results of the step before it."""
    matching = [event for event in events if plan.matches.matches(event)]
    steps = {"match": _cost(plan.matches.matches, events, seconds)}
    inputs: Sequence[Any] = [plan.laid(event) for event in matching]
    for name, run in (
        ("map", plan.transform),
        ("make", plan.make),
    ):
        made = _what_passes(run, inputs)
        steps[name] = _cost(run, [given for given, _ in made], seconds)
        inputs = [result for _, result in made]
    return Cost(
        subscription=plan.subscription.id,
        matched=len(matching),
        events=len(events),
        rejected=len(matching) - len(inputs),
        steps=steps,
    )


def _what_passes(run: Callable[[Any], Any], inputs: Iterable[Any]) -> list[tuple[Any, Any]]:
    passed = []
    for given in inputs:
        try:
            passed.append((given, run(given)))
        except OfframpError:
            continue
    return passed


def _cost(run: Callable[[Any], Any], inputs: Sequence[Any], seconds: float) -> float:
    """Microseconds for one input, in the fastest round."""
    if not inputs:
        return 0.0
    best = float("inf")
    end = time.perf_counter() + seconds
    while True:
        began = time.perf_counter()
        for given in inputs:
            run(given)
        now = time.perf_counter()
        best = min(best, now - began)
        if now >= end:
            return best / len(inputs) * MICROSECONDS


def _table(costs: Iterable[Cost]) -> RenderableType:
    table = FittingTable("subscription", numbers=("matched", *STEPS, "events/s"))
    for cost in sorted(costs, key=lambda each: each.per_second):
        name = Text(cost.subscription)
        if cost.rejected:
            name.append(f" ({cost.rejected} rejected)", "red")
        steps = [f"{cost.steps[step]:.2f}" for step in STEPS]
        shares = f"{cost.matched}/{cost.events}"
        table.add_row(name, shares, *steps, f"{cost.per_second:,.0f}")
    unit = "µs per event that reaches a step; events/s on one core, all steps"
    return Group(table, Text(unit, "dim"))
