"""Measures accepting: over HTTP, on disk before the 200, beside a handler that parses."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.effort import Effort
from benchmarks.growth import ONE, grown, named
from benchmarks.host import (
    NO_PARTNER,
    WRITE_KEY,
    Host,
    make_config,
    make_usual_config,
    running_host,
)
from benchmarks.measurements import OURS, Bench, Measurement, by_side, in_turn
from benchmarks.processes import BenchmarkError, Worker, free_port, started, wait_for, worker
from benchmarks.trees import HERE, Tree, python

#: Connections that send at once: singles as many senders do, and as four times as many do, since
#: each waits for a commit; batches as a few SDKs do.
SINGLE_CONNECTIONS = 32
MANY_CONNECTIONS = 128
BATCH_CONNECTIONS = 8
BATCH = 100
BARE = "bare aiohttp"


@attrs.frozen(kw_only=True)
class Load:
    """One way of sending, and what accepting should be then, times the bare handler and before."""

    name: str
    #: Events of a request; 0 where each is sent alone.
    batch: int
    connections: int
    target: float
    least: float | None = None
    before_target: float | None = None

    def requests(self, effort: Effort) -> int:
        """So many are sent in a round."""
        return effort.batches if self.batch else effort.singles


LOADS: Final = (
    Load(
        name=f"single events, {SINGLE_CONNECTIONS} connections",
        batch=0,
        connections=SINGLE_CONNECTIONS,
        target=0.65,
        least=0.55,
    ),
    Load(
        name=f"single events, {MANY_CONNECTIONS} connections",
        batch=0,
        connections=MANY_CONNECTIONS,
        target=0.65,
    ),
    Load(
        name=f"batches of {BATCH}",
        batch=BATCH,
        connections=BATCH_CONNECTIONS,
        target=0.3,
        least=0.2,
        before_target=2.4,
    ),
)


class Sender:
    """Sends events that nobody has seen yet, as fast as they are answered."""

    def __init__(self, load: Worker, now: datetime) -> None:
        self._load = load
        self._now = now
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
        """Send so many requests and answer with events a second."""
        answer = self.send(port, batch=batch, count=count, names=names, connections=connections)
        return count * max(1, batch) / float(answer["seconds"])

    def send(  # noqa: PLR0913 - what is sent, where, and how fast
        self,
        port: int,
        *,
        batch: int,
        count: int,
        connections: int,
        names: int = 1,
        interval: float = 0.0,
    ) -> Any:
        """Send so many requests; all must be answered with 200. Answers as `benchmarks.load` does.

        They go out as soon as a connection is free, or `interval` seconds apart.
        """
        request = {
            "count": count,
            "batch": batch,
            "start": self.start,
            "size": "seed",
            "names": names,
            "now": self._now.isoformat(),
            "write_key": WRITE_KEY,
        }
        self.start += count * max(1, batch)
        self._load.ask(request)
        answer = self._load.ask({"port": port, "connections": connections, "interval": interval})
        if set(answer["statuses"]) != {"200"}:
            raise BenchmarkError(f"not everything was taken: {answer['statuses']}")
        return answer


def accept_measurements(bench: Bench) -> Iterator[Measurement]:
    """Accept singles and batches, beside a handler that only parses them."""
    with ExitStack() as stack:
        sender = _sender(stack, bench)
        ports = {
            name: _host(stack, make_usual_config(), tree).port
            for name, tree in bench.trees().items()
        }
        ports[BARE] = stack.enter_context(_bare())
        for load in LOADS:
            sides = {name: _sending(sender, port, load, bench) for name, port in ports.items()}
            yield Measurement(
                group="accept",
                name=load.name,
                unit="events/s",
                target=load.target,
                least=load.least,
                target_peer=BARE,
                before_target=load.before_target,
                **by_side(in_turn(sides, bench.effort.rounds)),
            )


def accept_growth(bench: Bench) -> Iterator[Measurement]:
    """Accept batches with one subscription and with more, and with many instances."""
    _, *more = bench.effort.growth
    configs = {named(count): make_config(subscriptions=count) for count in more}
    dead = f"{more[-1]} instances, 1 matches: the dead one"
    configs[dead] = make_config(instances=more[-1])
    with ExitStack() as stack:
        sender = _sender(stack, bench)
        one = _sending(sender, _host(stack, make_config()).port, LOADS[-1], bench)
        for name, config in configs.items():
            with ExitStack() as own:
                many = _sending(sender, _host(own, config).port, LOADS[-1], bench)
                sides = {(OURS, name): many, (OURS, ONE): one}
                values = in_turn(sides, bench.effort.host_rounds)
            yield from grown(f"accepting batches of {BATCH}", "events/s", values)


def _sender(stack: ExitStack, bench: Bench) -> Sender:
    return Sender(stack.enter_context(worker("load", python("benchmarks.load"))), bench.now)


def _host(stack: ExitStack, config: dict[str, Any], tree: Tree = HERE) -> Host:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    return stack.enter_context(running_host(Path(folder), config, partner=NO_PARTNER, tree=tree))


@contextmanager
def _bare() -> Iterator[int]:
    port = free_port()
    with started(python("benchmarks.peers.bare", str(port))) as process:
        wait_for(f"http://127.0.0.1:{port}/readyz", process)
        yield port


def _sending(sender: Sender, port: int, load: Load, bench: Bench) -> Callable[[int], float]:
    count = load.requests(bench.effort)
    return lambda _: sender.rate(port, batch=load.batch, count=count, connections=load.connections)
