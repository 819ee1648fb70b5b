"""The measurements of a whole host, end to end: what it sustains, and how late an event is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.accepting import BATCH, Sender
from benchmarks.delivering import Partner, partner
from benchmarks.growth import GROWTH_TARGET, ONE, Side, grown, make_sides, sides_by_tree
from benchmarks.host import Host, make_usual_config, running_host
from benchmarks.latency import ARRIVE_SECONDS, PACED_INTERVAL, PERCENTILES, Paced, percentile_ms
from benchmarks.measurements import OURS, Bench, Measurement, by_side, in_turn
from benchmarks.processes import BenchmarkError, free_port, worker
from benchmarks.trees import Tree, python

#: What is asked of the whole, times before.
SUSTAINED_BEFORE_TARGET: Final = 1.8
BYTES_BEFORE_TARGET: Final = 1.0


def end_to_end_measurements(bench: Bench) -> Iterator[Measurement]:
    """SDK batches in, an emulated partner at the far end; and what that leaves on disk."""
    side = Side(name=ONE, config=make_usual_config())
    with ExitStack() as stack:
        far = stack.enter_context(partner())
        load = stack.enter_context(worker("load", python("benchmarks.load")))
        sender = Sender(load, bench.now)
        hosts = {name: _opened(stack, side, far, tree) for name, tree in bench.trees().items()}
        runs = {
            name: _sustained(far, sender, host, side, bench.effort.sustained)
            for name, host in hosts.items()
        }
        values = in_turn(runs, bench.effort.rounds)
        sent = sender.start // len(hosts)
        stored = {name: [host.stored_bytes() / sent] for name, host in hosts.items()}
    yield Measurement(
        group="end to end",
        name="sustained",
        unit="events/s",
        before_target=SUSTAINED_BEFORE_TARGET,
        **by_side(values),
    )
    yield Measurement(
        group="end to end",
        name="on disk for each delivered event",
        unit="B",
        less_is_better=True,
        before_target=BYTES_BEFORE_TARGET,
        **by_side(stored),
    )


def end_to_end_growth(bench: Bench) -> Iterator[Measurement]:
    """The same for hosts with more subscriptions and instances, beside one with one."""
    port, effort = free_port(), bench.effort
    sides = make_sides(effort)
    targets = {side.name: side.target for side in sides}
    with ExitStack() as stack:
        load = stack.enter_context(worker("load", python("benchmarks.load")))
        hosts = {
            (which, side.name): (_opened(stack, side, Partner(port), tree), side)
            for which, tree, side in sides_by_tree(bench, sides)
        }
        with partner(port=port) as far:
            sender = Sender(load, bench.now)
            runs = {
                name: _sustained(far, sender, host, side, effort.growth_events)
                for name, (host, side) in hosts.items()
            }
            values = in_turn(runs, effort.growth_rounds)
        yield from grown("end to end, sustained", "events/s", values, targets=targets)
        with partner("keep", port=port) as far:
            paced = Paced(far, load, bench.now, effort.growth_paced_seconds, sender.start)
            waits = in_turn(
                {
                    (which, name): partial(paced.waits, host.port, side)
                    for (which, name), (host, side) in hosts.items()
                    if which == OURS
                },
                effort.growth_rounds,
            )
    for at in PERCENTILES:
        yield from grown(
            "latency at 1,000 events/s",
            "ms",
            {name: percentile_ms(rounds, at) for name, rounds in waits.items()},
            suffix=f", p{at}",
            less_is_better=True,
            targets={name: None for name, target in targets.items() if target != GROWTH_TARGET},
        )


def _opened(stack: ExitStack, side: Side, far: Partner, tree: Tree) -> Host:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    return stack.enter_context(running_host(Path(folder), side.config, partner=far.url, tree=tree))


def _sustained(
    far: Partner, sender: Sender, host: Host, side: Side, events: int
) -> Callable[[int], float]:
    """Events a second that arrive, from the first that is sent until the last is there."""
    count = events // BATCH

    def measure(_: int) -> float:
        before = far.stored()
        living = side.living(range(sender.start, sender.start + count * BATCH))
        sent = sender.rate(host.port, batch=BATCH, count=count, names=side.names)
        # What was sent is made ready before: the sending began so long before its end.
        began = time.perf_counter() - count * BATCH / sent
        while far.stored() - before < living:
            if time.perf_counter() - began > ARRIVE_SECONDS + count:
                raise BenchmarkError("not every event arrived")
            time.sleep(PACED_INTERVAL)
        return living / (time.perf_counter() - began)

    return measure
