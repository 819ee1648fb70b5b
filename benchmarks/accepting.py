"""Measures accepting: over HTTP, on disk before the 200, beside a handler that parses."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.effort import Effort
from benchmarks.growth import GROWTH_TARGET, ONE
from benchmarks.host import NO_PARTNER, WRITE_KEY, Host, make_config, running_host
from benchmarks.measurements import Measurement, in_turn
from benchmarks.processes import (
    BenchmarkError,
    Worker,
    free_port,
    python,
    started,
    wait_for,
    worker,
)

#: Connections that send at once: singles as many senders do, and as four times as many do, since
#: each waits for a commit; batches as a few SDKs do.
SINGLE_CONNECTIONS = 32
MANY_CONNECTIONS = 128
BATCH_CONNECTIONS = 8
BATCH = 100
BARE = "bare aiohttp"
SINGLES_TARGET, BATCHES_TARGET = 0.6, 0.3


class Sender:
    """Sends events that nobody has seen yet, as fast as they are answered."""

    def __init__(self, load: Worker, now: datetime) -> None:
        self._load = load
        self._now = now
        self._serial = itertools.count()
        #: The number of the next event.
        self.start = 0

    def rate(
        self,
        port: int,
        *,
        batch: int,
        count: int,
        names: int = 1,
        connections: int = BATCH_CONNECTIONS,
    ) -> float:
        """Send so many requests and answer with events a second; all must be answered with 200."""
        each = max(1, batch)
        request = {
            "count": count,
            "batch": batch,
            "start": self.start,
            "size": "seed",
            "names": names,
            "now": self._now.isoformat(),
            "write_key": WRITE_KEY,
        }
        self.start += count * each
        self._load.ask(request)
        answer = self._load.ask({"port": port, "connections": connections})
        if set(answer["statuses"]) != {"200"}:
            raise BenchmarkError(f"not everything was taken: {answer['statuses']}")
        return count * each / float(answer["seconds"])


def accept_measurements(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """Accept singles and batches."""
    with _one_host(now) as (one, sender):
        yield from _beside_bare(one.port, sender, effort)


def accept_growth(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """Accept batches with one subscription and with more, and with many instances."""
    with _one_host(now) as (one, sender):
        for subscriptions in effort.growth[1:]:
            config = make_config(subscriptions=subscriptions)
            name = f"{subscriptions} subscriptions, 1 matches"
            yield _growth(name, config, one.port, sender, effort)
        config = make_config(instances=effort.growth[-1])
        name = f"{effort.growth[-1]} instances, 1 matches: the dead one"
        yield _growth(name, config, one.port, sender, effort)


@contextmanager
def _one_host(now: datetime) -> Iterator[tuple[Host, Sender]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        worker("load", python("benchmarks.load")) as load,
        running_host(Path(folder), make_config(), partner=NO_PARTNER) as one,
    ):
        yield one, Sender(load, now)


def _beside_bare(port: int, sender: Sender, effort: Effort) -> Iterator[Measurement]:
    bare = free_port()
    with started(python("benchmarks.peers.bare", str(bare))) as process:
        wait_for(f"http://127.0.0.1:{bare}/readyz", process)
        many = f"single events, {MANY_CONNECTIONS} connections"
        for name, batch, connections, target in (
            ("single events", 0, SINGLE_CONNECTIONS, SINGLES_TARGET),
            (many, 0, MANY_CONNECTIONS, SINGLES_TARGET),
            (f"batches of {BATCH}", BATCH, BATCH_CONNECTIONS, BATCHES_TARGET),
        ):
            count = effort.batches if batch else effort.singles
            send = _sending(sender, batch=batch, count=count, connections=connections)
            values = in_turn({"ours": send(port), BARE: send(bare)}, effort.rounds)
            yield Measurement(
                group="accept",
                name=name,
                unit="events/s",
                ours=values.pop("ours"),
                peers=values,
                target=target,
                target_peer=BARE,
            )


def _growth(
    name: str, config: dict[str, Any], one: int, sender: Sender, effort: Effort
) -> Measurement:
    send = _sending(sender, batch=BATCH, count=effort.batches)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_host(Path(folder), config, partner=NO_PARTNER) as many,
    ):
        sides = {"ours": send(many.port), ONE: send(one)}
        values = in_turn(sides, effort.rounds)
    return Measurement(
        group="growth: accepting batches of 100",
        name=name,
        unit="events/s",
        ours=values.pop("ours"),
        peers=values,
        target=GROWTH_TARGET,
        target_peer=ONE,
    )


def _sending(
    sender: Sender, *, batch: int, count: int, connections: int = BATCH_CONNECTIONS
) -> Callable[[int], Callable[[int], float]]:
    return lambda port: (
        lambda _: sender.rate(port, batch=batch, count=count, connections=connections)
    )
