"""Measures how late events are: from the answer to the far end, and until the answer itself."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from benchmarks.accepting import Sender
from benchmarks.delivering import Partner, partner
from benchmarks.growth import ONE, Side
from benchmarks.host import WRITE_KEY, Host, make_usual_config, running_host
from benchmarks.measurements import Bench, Measurement, by_side, in_turn
from benchmarks.processes import BenchmarkError, Worker, get_json, worker
from benchmarks.trees import python

#: The pace of the latency measurement: batches of 20 every 20 ms.
PACED_BATCH: Final = 20
PACED_INTERVAL: Final = 0.02
CONNECTIONS: Final = 8
MAX_P99_MS: Final = 250.0
MS: Final = 1_000.0
PERCENTILES: Final = (50, 95, 99)
#: What a latency may be, times that before.
BEFORE_TARGET: Final = 1.1
#: Everything of a paced run has arrived after so many seconds, or never will.
ARRIVE_SECONDS: Final = 15.0
#: A host whose every event arrives.
USUAL: Final = Side(name=ONE, config=make_usual_config())
#: Single events at a low rate: each once the one before is answered, or so many seconds apart.
ANSWER_PERCENTILES: Final = (50, 99)
SLOW_INTERVAL: Final = 0.01
ONE_AT_A_TIME: Final = "one at a time"
SLOW: Final = "100/s"


def latency_measurements(bench: Bench) -> Iterator[Measurement]:
    """How late an event arrives at 1,000 a second, and how long single ones wait for an answer."""
    yield from _arrival_measurements(bench)
    yield from _answer_measurements(bench)


def _arrival_measurements(bench: Bench) -> Iterator[Measurement]:
    with ExitStack() as stack:
        far = stack.enter_context(partner("keep"))
        load = stack.enter_context(worker("load", python("benchmarks.load")))
        paced = Paced(far, load, bench.now, bench.effort.paced_seconds)
        sides = {
            name: partial(paced.waits, host.port, USUAL)
            for name, host in _hosts(stack, bench, far).items()
        }
        rounds = in_turn(sides, bench.effort.rounds)
    for at in PERCENTILES:
        last = at == PERCENTILES[-1]
        yield Measurement(
            group="latency",
            name=f"arrival at 1,000 events/s, p{at}",
            unit="ms",
            less_is_better=True,
            most=MAX_P99_MS if last else None,
            before_target=BEFORE_TARGET if last else None,
            **by_side({name: percentile_ms(waits, at) for name, waits in rounds.items()}),
        )


def _answer_measurements(bench: Bench) -> Iterator[Measurement]:
    with ExitStack() as stack:
        hosts = _hosts(stack, bench, stack.enter_context(partner()))
        load = stack.enter_context(worker("load", python("benchmarks.load")))
        sender = Sender(load, bench.now)
        for pace, interval, connections, count in (
            (ONE_AT_A_TIME, 0.0, 1, bench.effort.alone),
            (SLOW, SLOW_INTERVAL, CONNECTIONS, int(bench.effort.slow_seconds / SLOW_INTERVAL)),
        ):
            sides = {
                name: partial(_answer_waits, sender, host, count, connections, interval)
                for name, host in hosts.items()
            }
            rounds = in_turn(sides, bench.effort.rounds)
            for at in ANSWER_PERCENTILES:
                yield Measurement(
                    group="latency",
                    name=f"answer to single events, {pace}, p{at}",
                    unit="ms",
                    less_is_better=True,
                    before_target=BEFORE_TARGET,
                    **by_side({name: percentile_ms(waits, at) for name, waits in rounds.items()}),
                )


def _hosts(stack: ExitStack, bench: Bench, far: Partner) -> dict[str, Host]:
    return {
        name: stack.enter_context(
            running_host(
                Path(stack.enter_context(tempfile.TemporaryDirectory())),
                USUAL.config,
                partner=far.url,
                tree=tree,
            )
        )
        for name, tree in bench.trees().items()
    }


def _answer_waits(
    sender: Sender, host: Host, count: int, connections: int, interval: float, _: int
) -> list[float]:
    answer = sender.send(
        host.port, batch=0, count=count, connections=connections, interval=interval
    )
    return [float(each) for each in answer["waits"]]


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
