"""The measurements of a whole host, end to end: what it sustains, and how late an event is."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from benchmarks.accepting import BATCH, Sender
from benchmarks.delivering import Partner, partner
from benchmarks.effort import Effort
from benchmarks.growth import ONE, Side, grown, make_sides
from benchmarks.host import WRITE_KEY, Host, make_config, running_host
from benchmarks.measurements import Measurement, in_turn
from benchmarks.processes import BenchmarkError, Worker, free_port, get_json, python, worker

#: The pace of the latency measurement: batches of 20 every 20 ms.
PACED_BATCH: Final = 20
PACED_INTERVAL: Final = 0.02
CONNECTIONS: Final = 8
MAX_P99_MS: Final = 250.0
MS: Final = 1_000.0
PERCENTILES: Final = (50, 95, 99)
#: Everything of a paced run has arrived after so many seconds, or never will.
ARRIVE_SECONDS: Final = 15.0
#: A host of one subscription: everything arrives.
ONE_SIDE: Final = Side(name=ONE, config=make_config())


def end_to_end_measurements(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """SDK batches in, an emulated partner at the far end."""
    with (
        partner() as far,
        tempfile.TemporaryDirectory() as folder,
        running_host(Path(folder), make_config(), partner=far.url) as host,
        worker("load", python("benchmarks.load")) as load,
    ):
        sender = Sender(load, now)
        run = _sustained(far, sender, host, ONE_SIDE, effort.delivered)
        values = [run(number) for number in range(effort.rounds)]
    yield Measurement(group="end to end", name="sustained", unit="events/s", ours=values)
    yield from _latency_measurements(effort, now)


def end_to_end_growth(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """The same for hosts with more subscriptions and instances, beside one with one."""
    port = free_port()
    sides = make_sides(effort)
    busy = sides[-1].name
    with ExitStack() as stack:
        load = stack.enter_context(worker("load", python("benchmarks.load")))
        hosts = [_opened(stack, side, Partner(port)) for side in sides]
        with partner(port=port) as far:
            sender = Sender(load, now)
            runs = {
                side.name: _sustained(far, sender, host, side, effort.growth_events)
                for side, host in zip(sides, hosts, strict=True)
            }
            values = in_turn(runs, effort.growth_rounds)
        yield from grown("end to end, sustained", "events/s", values, without_target=busy)
        with partner("keep", port=port) as far:
            paced = Paced(far, load, now, effort.growth_paced_seconds, sender.start)
            waits = in_turn(
                {
                    side.name: partial(paced.waits, host.port, side)
                    for side, host in zip(sides, hosts, strict=True)
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
            without_target=busy,
        )


def _opened(stack: ExitStack, side: Side, far: Partner) -> Host:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    return stack.enter_context(running_host(Path(folder), side.config, partner=far.url))


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


def _latency_measurements(effort: Effort, now: datetime) -> Iterator[Measurement]:
    with (
        partner("keep") as far,
        tempfile.TemporaryDirectory() as folder,
        running_host(Path(folder), make_config(), partner=far.url) as host,
        worker("load", python("benchmarks.load")) as load,
    ):
        paced = Paced(far, load, now, effort.paced_seconds)
        measure = partial(paced.waits, host.port, ONE_SIDE)
        rounds = in_turn({ONE: measure}, effort.rounds)[ONE]
    for at in PERCENTILES:
        yield Measurement(
            group="end to end",
            name=f"latency at 1,000 events/s, p{at}",
            unit="ms",
            ours=percentile_ms(rounds, at),
            less_is_better=True,
            most=MAX_P99_MS if at == PERCENTILES[-1] else None,
        )


def percentile_ms(rounds: Sequence[Sequence[float]], at: int) -> list[float]:
    """A percentile of each round's seconds, in milliseconds."""
    return [statistics.quantiles(each, n=100)[at - 1] * MS for each in rounds]


@attrs.define
class Paced:
    """Sends 1,000 events a second to a host, and tells how late each was at the far end."""

    far: Partner
    load: Worker
    now: datetime
    seconds: float
    #: The number of the next event.
    start: int = 0

    def waits(self, port: int, side: Side, _: int) -> list[float]:
        """Seconds from the answer to each event's batch until the event arrived."""
        count = int(self.seconds / PACED_INTERVAL)
        job = {"count": count, "batch": PACED_BATCH, "start": self.start, "size": "seed"}
        job |= {"now": self.now.isoformat(), "write_key": WRITE_KEY, "names": side.names}
        self.load.ask(job)
        numbers = range(self.start, self.start + count * PACED_BATCH)
        self.start = numbers.stop
        before = self.far.stored()
        question = {"port": port, "connections": CONNECTIONS, "interval": PACED_INTERVAL}
        accepted = [float(at) for at in self.load.ask(question)["accepted_at"]]
        arrived = _arrived(self.far, before, side.living(numbers))
        living = [number for number in numbers if side.lives(number)]
        return waits_of(numbers.start, accepted, dict(zip(living, arrived, strict=True)))


def waits_of(start: int, accepted: Sequence[float], arrived: dict[int, float]) -> list[float]:
    """How late each event was: by its number, of which so many in a row were accepted at once."""
    return [
        max(0.0, at - accepted[(number - start) // PACED_BATCH]) for number, at in arrived.items()
    ]


def _arrived(far: Partner, before: int, count: int) -> list[float]:
    """When each event arrived, in the order in which they were sent."""
    deadline = time.perf_counter() + ARRIVE_SECONDS
    while far.stored() < before + count:
        if time.perf_counter() > deadline:
            raise BenchmarkError("not every event arrived")
        time.sleep(PACED_INTERVAL)
    events = get_json(f"{far.url}/_emulator/events?offset={before}&limit={count}")["data"]
    times = {
        event["transaction_id"]: datetime.fromisoformat(event["processed_at"]).timestamp()
        for event in events
    }
    return [times[key] for key in sorted(times)]
